"""All SQL of runs: what journals say goes in, records and series come out."""

from __future__ import annotations

from devbox.runs.store.finding import Finding
from devbox.runs.store.intake import Intake
from devbox.runs.store.removal import Removal

__all__ = ["RunStore"]


class RunStore(Intake, Finding, Removal):
    """The runs of one state file."""
