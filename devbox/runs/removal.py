"""What removing runs would remove. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devbox.errors import Refused
from devbox.runs.records import QUEUED, RUNNING, RunRecord


@dataclass(frozen=True)
class Removal:
    """Runs that go, those below others included, oldest first; ``experiment``: so does this one."""

    runs: tuple[RunRecord, ...]
    experiment: str = ""


def plan(
    runs: Sequence[RunRecord], used_by: Callable[[str], Sequence[str]], experiment: str = ""
) -> Removal:
    """Remove these. Raises Refused where one runs, or model versions were made by one."""
    for run in runs:
        if run.status in {RUNNING, QUEUED}:
            raise Refused(
                f"Run {run.id[:12]} {run.name} is {run.status}.".replace("  ", " "),
                hint="End it first.",
            )
        if versions := used_by(run.id):
            raise Refused(
                f"Run {run.id[:12]} has made {', '.join(versions[:5])}.",
                hint=f"`devbox model rm {versions[0]}` first, where that may go.",
            )
    return Removal(tuple(runs), experiment)
