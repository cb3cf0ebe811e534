"""How long work tells what it is doing: a callback that takes small frozen records."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from devbox.redact import masked


class Progress(NamedTuple):
    """One thing that happened during long work.

    ``stage`` names the work ("image", "pull", "start", "hook", ...), ``subject`` what it is done
    to, ``text`` is one line for a person. ``current`` of ``total`` steps (0 of 0: not known).
    ``log`` marks a line of output of the work itself, as opposed to a step of it.
    """

    stage: str
    subject: str
    text: str
    current: int = 0
    total: int = 0
    log: bool = False


Report = Callable[[Progress], None]


def masking(report: Report) -> Report:
    """The same report, told nothing of known secrets."""
    return lambda progress: report(
        progress._replace(subject=masked(progress.subject), text=masked(progress.text))
    )


def silent(_: Progress) -> None:
    """A report that nobody reads."""
