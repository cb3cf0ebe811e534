"""The frame that all areas share: header, body, verb bar, footer; and lists with details."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.events import Key
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static, TabbedContent, TabPane

from tui.acting import Acting
from tui.actions import Action, bindings
from tui.areas import AREAS
from tui.matching import matcher
from tui.shown import ago
from tui.widgets.footer import Footer
from tui.widgets.grid import Column, Grid
from tui.widgets.header import Header
from tui.widgets.verbbar import VerbBar

if TYPE_CHECKING:
    pass

T = TypeVar("T")


class Area(Screen[None], Acting):
    """One area. ``name_`` is its name in :mod:`tui.areas`."""

    name_: ClassVar[str] = ""

    def body(self) -> ComposeResult:
        """What is between header and footer."""
        yield from ()

    def compose(self) -> ComposeResult:
        yield Header([(area.name, area.title) for area in AREAS], self.name_)
        with Container(id="body"):
            yield from self.body()
        yield VerbBar()
        yield Footer()

    @property
    def command(self) -> str:
        """The command line that does what is selected."""
        return ""

    def on_screen_resume(self) -> None:
        self.ui.watcher.visible = {}
        self.call_after_refresh(self.refresh_all)

    def refresh_all(self) -> None:
        """Show everything that is known."""
        self.take_in("all")

    def take_in(self, what: str) -> None:
        """Show what has changed: boxes, engine, host, events, samples, jobs, drift, or all."""
        if not self.is_mounted:
            return
        self.query_one(Header).show(self.ui.seen)
        self._show_state()
        if what in {"all", "boxes", "jobs"}:
            self.query_one(Footer).show_keys()

    def _show_state(self) -> None:
        seen, footer = self.ui.seen, self.query_one(Footer)
        running = self.ui.jobs.running
        if seen.away:
            since = f" · as of {ago(seen.asked)} ago" if seen.asked else ""
            footer.show_state(f"engine away{since}: {seen.away}", "$text-error")
        elif running:
            job = running[-1]
            more = f" (+{len(running) - 1})" if len(running) > 1 else ""
            text = job.last.text if job.last else ""
            footer.show_state(f"{job.title}: {job.step} {text}{more} · J shows it", "$text-warning")
        else:
            footer.show_state("read-only" if self.ui.read_only else "")

    def show_command(self) -> None:
        """Show the command line of what is selected."""
        footer = self.query_one(Footer)
        footer.show_command(self.command)
        footer.show_keys()

    def set_filter(self, query: str) -> None:
        """Show only what fits; areas without a list ignore it."""

    def go_to(self, key: str) -> bool:
        """Select something by its name; says whether it is there."""
        del key
        return False


class ListArea(Area, Generic[T]):
    """A list at the left, details of what is selected at the right; in a narrow terminal one at a
    time."""

    BINDINGS = bindings("area")
    empty: ClassVar[str] = "Nothing here yet."

    def __init__(self) -> None:
        super().__init__()
        self.grid: Grid[T] = Grid(self.columns(), self.key, id="list")
        self.query_text = ""
        self.inside = False

    # What an area says of itself

    def columns(self) -> tuple[Column[T], ...]:
        """The columns of its list."""
        return ()

    def key(self, item: T) -> str:
        """What tells an item from others."""
        raise NotImplementedError

    def text_of(self, item: T) -> str:
        """What the filter looks at."""
        return self.key(item)

    def items(self) -> list[T]:
        """Everything there is."""
        return []

    def detail(self) -> ComposeResult:
        """The widgets at the right."""
        yield from ()

    def selected(self) -> None:
        """Another item is selected."""

    # The frame

    def body(self) -> ComposeResult:
        with Horizontal(id="split"):
            with Vertical(id="left") as left:
                left.border_title = self.name_.title()
                yield Input(placeholder="filter: words, !not, ~fuzzy", id="filter", compact=True)
                yield self.grid
                yield Static(self.empty, id="empty", markup=False)
            with Vertical(id="right"):
                yield from self.detail()

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.query_one("#empty").display = False
        self.grid.focus()
        if self.ui.first_query:
            self.set_filter(self.ui.first_query)
            self.ui.first_query = ""

    def show_items(self) -> None:
        """Bring the list up to date."""
        everything = self.items()
        found = everything
        if self.query_text:
            fits = matcher(self.query_text)
            found = [item for item in everything if fits(self.text_of(item))]
        by, reverse = self.grid.sorted_by
        if by >= 0 and (order := self.grid.columns[by].order):
            found = sorted(found, key=order, reverse=reverse)
        self.grid.show(found, grey=self.grey)
        count = f"{len(found)}" if len(found) == len(everything) else (
            f"{len(found)} of {len(everything)}"
        )  # fmt: skip
        marked = f" · {len(self.grid.marks)} marked" if self.grid.marks else ""
        filtered = f" · /{self.query_text}" if self.query_text else ""
        self.query_one("#left").border_title = f"{self.name_.title()} {count}{marked}{filtered}"
        empty = self.query_one("#empty", Static)
        empty.display = not found
        self.query_one("#left").set_class(not found, "-empty")
        if not found:
            empty.update(f"Nothing fits {self.query_text}." if everything else self.empty)

    @property
    def grey(self) -> bool:
        """Whether what is shown is not known to be so any more."""
        return False

    def set_filter(self, query: str) -> None:
        self.query_text = query
        self.query_one("#filter", Input).value = query
        self.show_items()

    def go_to(self, key: str) -> bool:
        if not self.grid.go_to(key) and self.query_text:
            self.set_filter("")
        return self.grid.go_to(key)

    def on_grid_moved(self) -> None:
        self.selected()
        self.show_command()

    def on_grid_entered(self) -> None:
        self.do_enter()

    def on_grid_sorted(self, message: Grid.Sorted) -> None:
        by, reverse = self.grid.sorted_by
        self.grid.sorted_by = (message.column, not reverse if by == message.column else False)
        self.show_items()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter" and event.value != self.query_text:
            self.query_text = event.value
            self.show_items()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            event.input.display = False
            self.grid.focus()

    def on_key(self, event: Key) -> None:
        box = self.query_one("#filter")
        if box.has_focus and event.key in {"escape", "down"}:
            event.stop()
            if event.key == "escape":
                self.set_filter("")
            box.display = False
            self.grid.focus()

    # Acts

    def why_not(self, action: Action) -> str:
        if action.verb == "sort" and not any(column.order for column in self.grid.columns):
            return "nothing here can be sorted"
        if action.verb in {"next_tab", "previous_tab"} and not self.query(TabbedContent):
            return "there is only one tab here"
        if action.name == "area.enter" and self.inside:
            return "these are the details"
        return super().why_not(action)

    def detail_focus(self) -> Widget | None:
        """What gets the keys when one goes into the details."""
        tabs = self.query(TabbedContent)
        right: Widget = pane_of(tabs.first()) if tabs else self.query_one("#right")
        for widget in right.query("*"):
            if widget.focusable and widget.display and not isinstance(widget, Input):
                return widget
        return None

    def do_enter(self) -> None:
        self.go_inside()

    def go_inside(self, *, inside: bool = True) -> None:
        """Go into the details, or back to the list."""
        self.inside = inside
        self.set_class(inside, "-inside")
        if inside:
            self.call_after_refresh(self._focus_detail)
        else:
            self.grid.focus()

    def _focus_detail(self) -> None:
        if widget := self.detail_focus():
            widget.focus()

    def do_back(self) -> None:
        if self.inside or not self.grid.has_focus:
            self.go_inside(inside=False)
        elif self.grid.marks:
            self.grid.marks = set()
            self.show_items()
        elif self.query_text:
            self.set_filter("")

    def do_filter(self) -> None:
        self.go_inside(inside=False)
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    def do_mark(self) -> None:
        self.grid.mark()
        self.show_items()
        self.show_command()

    def do_mark_all(self) -> None:
        self.grid.mark_all()
        self.show_items()
        self.show_command()

    def do_sort(self) -> None:
        able = [number for number, column in enumerate(self.grid.columns) if column.order]
        by = self.grid.sorted_by[0]
        following = [number for number in able if number > by]
        self.grid.sorted_by = (following[0] if following else able[0], False)
        self.show_items()

    def do_reverse(self) -> None:
        by, reverse = self.grid.sorted_by
        self.grid.sorted_by = (max(by, 0), not reverse)
        self.show_items()

    def do_next_tab(self) -> None:
        self._tab(1)

    def do_previous_tab(self) -> None:
        self._tab(-1)

    def _tab(self, step: int) -> None:
        tabs = self.query_one(TabbedContent)
        names = [pane.id or "" for pane in tabs.query("TabPane")]
        self.show_tab(names[(names.index(tabs.active) + step) % len(names)])

    def show_tab(self, name: str) -> None:
        """Show a tab of the details."""
        self.query_one(TabbedContent).active = name
        if self.inside:
            self.call_after_refresh(self._focus_detail)
        elif "-narrow" in self.classes:
            self.go_inside()


def pane_of(tabs: TabbedContent) -> TabPane:
    """The pane that is shown."""
    return tabs.get_pane(tabs.active)
