"""How visible boxes differ from their devbox.toml: asked in the background, once for each state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from devbox.config.spec import Gpu
from devbox.errors import DevboxError
from tui.live.seen import Drift

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView
    from devbox.config.spec import BoxSpec
    from tui.app import DevboxApp

AT_ONCE = 8
Known = tuple[str, str, int]


def spec_of(door: Devbox, box: BoxView) -> BoxSpec | None:
    """What devbox.toml says of a box, None where it says nothing any more."""
    if not box.project:
        return None
    boxes = door.project(Path(box.project)).boxes
    return boxes[box.name].spec if box.name in boxes else None


class DriftLook:
    """Asks for what is not known yet."""

    def __init__(self, app: DevboxApp) -> None:
        self._app = app
        self._known: dict[str, Known] = {}
        self._asking = False

    def look(self, boxes: list[BoxView]) -> None:
        """Find out about these boxes where they, or their files, have changed."""
        if self._asking or self._app.seen.away:
            return
        wanted = [box for box in boxes if box.services and self._known.get(box.name) != _now(box)]
        if not wanted:
            return
        self._asking = True
        some = wanted[:AT_ONCE]
        self._app.fetch(lambda door: [(box, _drift(door, box)) for box in some], self._done)

    def _done(self, found: list[tuple[BoxView, Drift]]) -> None:
        self._asking = False
        for box, drift in found:
            self._known[box.name] = _now(box)
            self._app.seen.drift[box.name] = drift
        self._app.changed("drift")


def _now(box: BoxView) -> Known:
    try:
        modified = (Path(box.project) / "devbox.toml").stat().st_mtime_ns
    except OSError:
        modified = 0
    return box.config, box.container, modified


def _gpus(spec: BoxSpec) -> str:
    """What a definition asks for: a number, all, or optional ones."""
    wanted = spec.resources
    words = {Gpu.NONE: "", Gpu.COUNT: str(wanted.gpu_count), Gpu.ALL: "all", Gpu.OPTIONAL: "any"}
    return words[wanted.gpus]


def _drift(door: Devbox, box: BoxView) -> Drift:
    try:
        spec = spec_of(door, box)
        if spec is None:
            return Drift(1, "no toml")
        plan = door.boxes.plan(spec)
    except DevboxError:
        return Drift(1, "broken")
    count = len(plan.changes)
    gpus = _gpus(spec)
    if plan.act.value == "recreate":
        return Drift(max(count, 1), f"{count} changes" if count > 1 else "1 change", gpus)
    return Drift(0, "none", gpus)
