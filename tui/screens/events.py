"""The log of what happened, live."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from devbox.state import Event
from tui.actions import Action, bindings
from tui.areas import NAMES
from tui.live.seen import is_failure
from tui.plans import Said
from tui.screens.area import ListArea
from tui.shown import clock, plain
from tui.widgets.dialog import written
from tui.widgets.grid import Cell, Column

AREA_OF = {"box": "boxes", "profile": "profiles", "image": "images"}


def event_line(event: Event) -> str:
    """An event on one line."""
    return f"{clock(event.time)}  {event.actor:<10}  {event.kind:<14}  {_data(event)}".rstrip()


def _data(event: Event) -> str:
    return " ".join(f"{key}={plain(str(value))}" for key, value in event.data.items())


def _kind(event: Event) -> Cell:
    return event.kind, "bad" if is_failure(event) else ""


class EventsScreen(ListArea[Event]):
    """Who did what to what, newest first."""

    name_ = "events"
    empty = "Nothing has happened yet: what is done to boxes is written down here."
    BINDINGS = bindings("events")

    def columns(self) -> tuple[Column[Event], ...]:
        return (
            Column("time", lambda e: clock(e.time), 11, order=lambda e: e.id),
            Column("who", lambda e: plain(e.actor), 10, rank=2, order=lambda e: e.actor),
            Column("what", _kind, 16, order=lambda e: e.kind),
            Column("subject", lambda e: plain(e.subject), 16, order=lambda e: e.subject),
            Column("data", _data, 10, grows=True, rank=1),
        )

    def key(self, item: Event) -> str:
        return str(item.id)

    def text_of(self, item: Event) -> str:
        return f"{item.kind} {item.subject} {item.actor} {_data(item)}"

    def items(self) -> list[Event]:
        return list(reversed(self.ui.seen.events))

    def detail(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("", id="event", markup=False)

    def take_in(self, what: str) -> None:
        super().take_in(what)
        if what in {"all", "events"} and self.is_mounted:
            at_top = self.grid.current is None or not self.grid.items or (
                self.grid.current_key == self.key(self.grid.items[0])
            )  # fmt: skip
            self.show_items()
            if at_top:
                self.grid.go(0)
            self.selected()
            self.show_command()

    def selected(self) -> None:
        event = self.grid.current
        static = self.query_one("#event", Static)
        if event is None:
            static.update("")
            return
        lines: list[Said] = [
            (f"when     {clock(event.time)}", ""),
            (f"who      {plain(event.actor)}", ""),
            (f"what     {event.kind}", "bad" if is_failure(event) else ""),
            (f"subject  {plain(event.subject)}", ""),
            ("", ""),
        ]
        for key, value in event.data.items():
            parts = value if isinstance(value, list) else str(value).split("\n")
            lines.append((f"{key}:", "dim"))
            lines += [(f"  {plain(str(part))}", "") for part in parts]
        static.update(written(lines))

    @property
    def command(self) -> str:
        event = self.grid.current
        return f"devbox events --subject '{event.subject}'" if event else "devbox events --follow"

    def why_not(self, action: Action) -> str:
        if action.name == "events.subject":
            event = self.grid.current
            if event is None:
                return "there is no event"
            if self._area(event) not in NAMES:
                return f"{plain(event.subject)} has no screen here"
        return super().why_not(action)

    def _area(self, event: Event) -> str:
        return AREA_OF.get(event.subject.partition("/")[0], "")

    def do_subject(self) -> None:
        event = self.grid.current
        assert event is not None
        name = event.subject.rpartition("/")[2]
        self.ui.action_go(self._area(event))

        def select() -> None:
            if self.ui.area and not self.ui.area.go_to(name):
                self.app.notify(f"{name} is no more.", markup=False)

        # After the other screen has its list.
        self.app.call_after_refresh(lambda: self.app.call_after_refresh(select))

    def do_failures(self) -> None:
        self.set_filter("" if self.query_text == "failed" else "failed")
