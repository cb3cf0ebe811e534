"""The columns of the list of boxes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.shown import plain, size, span
from tui.widgets.grid import Cell, Column

if TYPE_CHECKING:
    from devbox.boxes import BoxView
    from tui.live.jobs import Jobs
    from tui.live.seen import Moment, Seen

RUNS = frozenset(("running", "partial", "unfinished"))
SHAPES = {
    "running": ("●", "good"),
    "stopped": ("○", "dim"),
    "down": ("·", "dim"),
    "unknown": ("?", "dim"),
    "partial": ("◐", "warn"),
    "unfinished": ("◐", "warn"),
}


def box_columns(seen: Callable[[], Seen], jobs: Callable[[], Jobs]) -> tuple[Column[BoxView], ...]:
    """State is told by shape and word, never by colour alone."""

    def state(box: BoxView) -> Cell:
        if job := jobs().of(f"box/{box.name}"):
            return f"◐ {job.step}", "warn"
        shape, tone = SHAPES.get(box.state, ("?", "dim"))
        return f"{shape} {box.state}", tone

    def now(box: BoxView) -> Moment | None:
        return seen().last_use(box.name) if box.state in RUNS else None

    def cpu(box: BoxView) -> Cell:
        use = now(box)
        return f"{use.cpu:.2f}" if use else ""

    def memory(box: BoxView) -> Cell:
        use = now(box)
        if use is None:
            return ""
        return size(use.memory), "warn" if use.limit and use.memory > 0.9 * use.limit else ""

    def drift(box: BoxView) -> Cell:
        found = seen().drift.get(box.name)
        if found is None:
            return ""
        return found.text, "warn" if found.changes else "dim"

    def gpus(box: BoxView) -> Cell:
        found = seen().drift.get(box.name)
        return found.gpus[:4] if found else ""

    def used(box: BoxView) -> tuple[float, float]:
        use = now(box)
        return (use.cpu, use.memory) if use else (-1.0, -1.0)

    return (
        Column("name", lambda box: box.name, 12, grows=True, order=lambda box: box.name),
        Column("state", state, 12, order=lambda box: box.state),
        Column("profile", lambda box: box.profile or "-", 12, rank=3, order=lambda b: b.profile),
        Column("cpu", cpu, 5, right=True, rank=1, order=lambda b: used(b)[0]),
        Column("mem", memory, 6, right=True, rank=1, order=lambda b: used(b)[1]),
        Column("gpu", gpus, 4, right=True, rank=6),
        Column("ports", _ports, 12, rank=4),
        Column("idle", _idle, 9, right=True, rank=2, order=_left),
        Column("drift", drift, 9, rank=5),
        Column("host", lambda box: plain(box.host), 6, rank=7),
    )


def _ports(box: BoxView) -> Cell:
    return " ".join(f":{port.host_port}" for port in box.ports)


def _left(box: BoxView) -> float:
    if box.idle is None or box.idle.stops_at is None:
        return float("inf")
    return box.idle.stops_at - time.time()


def _idle(box: BoxView) -> Cell:
    idle = box.idle
    if idle is None:
        return ""
    if idle.state in {"idle", "kept"} and idle.stops_at is not None:
        left = idle.stops_at - time.time()
        if idle.state == "kept":
            return f"kept {span(left)}", "good"
        return span(left), "warn" if left < 600 else ""
    return idle.state, "dim"
