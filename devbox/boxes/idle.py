"""Boxes that stop when nobody uses them: what they say of it themselves.

The box decides, with no client there; it writes down what it sees. Read through the engine's
archives, which also reach into a container that stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devbox.boxes.containers import id_of
from devbox.boxes.files import read_file
from devbox.boxes.identity import LIBRARY, Label
from devbox.compute.engine.faults import EngineError
from devbox.errors import DevboxError

if TYPE_CHECKING:
    from devbox.boxes.view import BoxView
    from devbox.compute.engine.types import Container, Engine

FILE = "/var/lib/devbox/idle"
AT_ONCE = 16
LONGEST = 80
MOST_BYTES = 4096
RUNNING, STOPPED = ("idle", "busy", "kept"), ("stopped",)


@dataclass(frozen=True)
class Idle:
    """How a box with `stop_after` is used.

    ``state`` is idle, busy, kept (by `devbox keep`) or stopped (for being idle). ``since`` and
    ``stops_at`` are seconds since the epoch by the engine's clock, ``stops_at`` None where it
    does not stop; ``left`` is how many seconds there were until then when the box last looked.
    ``reason`` says why it is busy, or stopped.
    """

    state: str
    since: int
    stops_at: int | None
    left: int
    reason: str


def parse(line: str) -> Idle | None:
    """The line that a box writes; None for anything else."""
    state, *rest = line.rstrip("\n").split("\t", 4)
    try:
        since, stops_at, left, reason = rest
        numbers = int(since), int(stops_at) if stops_at else None, int(left)
    except ValueError:
        return None
    shown = "".join(c if c.isprintable() else "?" for c in reason)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    return Idle(state, *numbers, shown) if state in {*RUNNING, *STOPPED} else None


def read_idle(engine: Engine, container: Container) -> Idle | None:
    """How the box of a container is used; None where it is not known."""
    try:
        text = read_file(engine, container.id, FILE, MOST_BYTES)
    except EngineError:
        return None
    idle = parse(text or "")
    states = RUNNING if container.state in {"running", "paused"} else STOPPED
    return idle if idle and idle.state in states else None


def with_idle(
    engine: Engine, boxes: Sequence[BoxView], containers: Iterable[Container]
) -> tuple[BoxView, ...]:
    """The boxes with how they are used, where their containers say that they stop by themselves.
    All are asked at once; where none does so, nothing is asked."""
    own = {id_of(c): c for c in containers if c.labels.get(Label.STOP_AFTER)}
    if not own:
        return tuple(boxes)
    with ThreadPoolExecutor(min(len(own), AT_ONCE)) as pool:
        found = dict(zip(own, pool.map(lambda c: read_idle(engine, c), own.values()), strict=True))
    names = {(box.owner, box.name): idle for box, idle in found.items()}
    return tuple(replace(box, idle=names.get((box.owner, box.name))) for box in boxes)


def keep(engine: Engine, container: Container, seconds: float) -> None:
    """Don't let a running box stop for being idle before so many seconds from now; 0 ends that.

    Raises DevboxError where it never does, or where the box can't be told.
    """
    name = container.labels.get(Label.BOX, "")
    if not container.labels.get(Label.STOP_AFTER):
        raise DevboxError(
            f"Box {name} does not stop by itself.",
            hint='`stop_after = "2h"` in devbox.toml makes it stop when it is idle.',
        )
    argv = [f"{LIBRARY}/idle", "keep", str(math.ceil(seconds))]
    done = engine.call(container.id, argv, user="0:0", timeout=20)
    if done.code:
        raise DevboxError(
            f"Box {name} could not be told.",
            detail=done.stderr.decode(errors="replace").splitlines(),
        )
