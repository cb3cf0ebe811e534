"""What people run in a box, and would lose if its containers ended now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devbox.boxes.byhand import NOTHING, ByHand
from devbox.boxes.identity import LIBRARY
from devbox.compute.engine.faults import Conflict, NotFound
from devbox.compute.engine.types import Container, Engine
from devbox.errors import Refused

KINDS = ("task", "kernel", "ssh", "process")
PATIENCE = 20.0
LONGEST = 200


@dataclass(frozen=True)
class Work:
    """One piece of running work.

    ``kind`` is "task" (a command of `devbox exec` or `devbox shell`), "kernel" (of Jupyter, at
    work), "ssh" (a session) or "process" (anything else). ``pid`` is its number in the box, 0
    where it is not known. ``detail`` is its command line or the notebook, printable.
    """

    kind: str
    pid: int
    detail: str

    def __str__(self) -> str:
        return f"{self.kind} {self.pid}: {self.detail}" if self.pid else self.detail


@dataclass(frozen=True)
class Ending:
    """What is about to happen to a box: ``act`` in one word, the work that it ends, and what was
    installed by hand and would be gone."""

    box: str
    act: str
    work: tuple[Work, ...]
    lost: ByHand = NOTHING


Agree = Callable[[Ending], None]
"""Asked before work is ended; raises Refused where that must not happen."""


def keep_work(ending: Ending) -> None:
    """The answer where nobody is asked: work is never ended."""
    if ending.work:
        raise refusal(ending)


def refusal(ending: Ending) -> Refused:
    """What to tell where work would be ended and nobody agreed."""
    count = len(ending.work)
    what = "1 piece of running work" if count == 1 else f"{count} pieces of running work"
    return Refused(
        f"Box {ending.box} is left as it is: {ending.act} would end {what}.",
        hint="Add --yes to end it.",
        detail=[str(work) for work in ending.work],
    )


def running_work(engine: Engine, container: Container) -> tuple[Work, ...]:
    """What runs in a box's container now; () where it does not run itself.

    A container that can't be looked into, paused say, counts as one unknown piece of work.
    """
    if container.state not in {"running", "paused"}:
        return ()
    if container.state == "paused":
        return (_unknown("it is paused"),)
    try:
        done = engine.call(container.id, [f"{LIBRARY}/work"], user="0:0", timeout=PATIENCE)
    except (Conflict, NotFound):
        return ()  # it ended meanwhile
    if done.code:
        return (_unknown(f"exit code {done.code}"),)
    return parse(done.stdout)


def parse(output: bytes) -> tuple[Work, ...]:
    """The lines of the program in the box, sorted; what is no such line is left out."""
    found = set()
    for line in output.decode(errors="replace").split("\n"):
        kind, _, rest = line.partition("\t")
        pid, tab, detail = rest.partition("\t")
        if kind in KINDS and tab and pid.isascii() and pid.isdigit() and len(pid) < 10:
            found.add(Work(kind, int(pid), _printable(detail)))
    return tuple(sorted(found, key=lambda work: (KINDS.index(work.kind), work.pid)))


def _unknown(why: str) -> Work:
    return Work("process", 0, f"what runs in the box can't be told ({why})")


def _printable(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
