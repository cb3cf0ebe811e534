"""Boxes: what there is, what it uses, and everything that can be done with it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.timer import Timer

from devbox.boxes import BoxView
from tui.actions import BY_NAME, bindings
from tui.screens.area import ListArea
from tui.screens.boxes.acts import BoxActs
from tui.screens.boxes.columns import box_columns
from tui.screens.boxes.detail import BoxDetail
from tui.screens.boxes.drift import DriftLook
from tui.widgets.grid import Column


class BoxesScreen(BoxActs, ListArea[BoxView]):
    """The boxes of this person."""

    name_ = "boxes"
    empty = "No box yet. n makes one from a profile; in a project, `devbox up` does."
    BINDINGS = bindings("boxes")

    def __init__(self) -> None:
        super().__init__()
        self._drift = DriftLook(self.ui)
        self._later: Timer | None = None

    def columns(self) -> tuple[Column[BoxView], ...]:
        return box_columns(lambda: self.ui.seen, lambda: self.ui.jobs)

    def key(self, item: BoxView) -> str:
        return item.name

    def text_of(self, item: BoxView) -> str:
        ports = " ".join(str(port.host_port) for port in item.ports)
        services = " ".join(f"{service.name} {service.image}" for service in item.services)
        return f"{item.name} {item.state} {item.profile} {item.project} {ports} {services}"

    def items(self) -> list[BoxView]:
        return list(self.ui.seen.boxes)

    def detail(self) -> ComposeResult:
        yield BoxDetail()

    @property
    def grey(self) -> bool:
        return bool(self.ui.seen.away)

    @property
    def box_detail(self) -> BoxDetail:
        """The tabs at the right."""
        return self.query_one(BoxDetail)

    def take_in(self, what: str) -> None:
        super().take_in(what)
        if not self.is_mounted:
            return
        if what in {"all", "boxes", "jobs"}:
            self.show_items()
            self.watch_visible()
        if what in {"all", "boxes"}:
            self._drift.look(self.grid.in_view)
            self.box_detail.show(self.grid.current)
            self.show_command()
        if what in {"samples", "drift"}:
            self.grid.redraw()
        self.box_detail.take_in(what)

    def watch_visible(self) -> None:
        """Have only those boxes sampled that can be seen."""
        boxes = [*self.grid.in_view, *([self.grid.current] if self.grid.current else [])]
        self.ui.watcher.visible = {
            box.name: {s.name: s.container for s in box.services if s.state == "running"}
            for box in boxes
            if box.state not in {"down", "stopped", "unknown"}
        }

    def selected(self) -> None:
        # Whoever holds an arrow key down does not ask about every box on the way.
        if self._later:
            self._later.stop()
        self._later = self.set_timer(0.12, lambda: self.box_detail.show(self.grid.current))
        self.watch_visible()

    @property
    def command(self) -> str:
        if self.last_command:
            return self.last_command
        box = self.grid.current
        if box is None:
            return BY_NAME["boxes.new"].command
        act = "boxes.shell" if box.state == "running" else "boxes.up"
        return self.command_of(BY_NAME[act], [box.name])

    def on_grid_moved(self) -> None:
        self.last_command = ""
        super().on_grid_moved()
