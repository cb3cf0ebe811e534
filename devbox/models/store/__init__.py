"""All SQL of models: versions go in and come out, and are named, tagged and removed."""

from __future__ import annotations

from devbox.models.store.naming import Naming
from devbox.models.store.registering import Registering
from devbox.models.store.removal import Removing

__all__ = ["ModelStore"]


class ModelStore(Registering, Naming, Removing):
    """The models of one state file."""
