"""How long work tells what it is doing: a callback that takes small frozen records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from devbox.redact import masked


@dataclass(frozen=True)
class Progress:
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

    def __post_init__(self) -> None:
        # Whoever shows or keeps it, known secrets are not in it.
        object.__setattr__(self, "subject", masked(self.subject))
        object.__setattr__(self, "text", masked(self.text))


Report = Callable[[Progress], None]


def as_log(report: Report) -> Report:
    """The same report, for what is output of the work and not a step of ours."""
    return lambda progress: report(replace(progress, log=True))


def silent(_: Progress) -> None:
    """A report that nobody reads."""
