"""A table that draws only what can be seen: as fast with five thousand rows as with five."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.acting import Acting
from tui.actions import bindings

T = TypeVar("T")
Cell = str | tuple[str, str]
"""A text, or a text and its tone: good, warn, bad, dim."""


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column. ``width`` in cells; the one with ``grows`` takes what is left. Where there is no
    room, those of the highest ``rank`` go first (0: never). ``order`` is what rows are sorted by.
    """

    title: str
    cell: Callable[[T], Cell]
    width: int
    right: bool = False
    grows: bool = False
    rank: int = 0
    order: Callable[[T], Any] | None = None


class Grid(ScrollView, Acting, Generic[T], can_focus=True, inherit_bindings=False):
    """Rows of records under a line of titles, a cursor, and marks."""

    COMPONENT_CLASSES = {
        "grid--title", "grid--cursor", "grid--far-cursor", "grid--mark",
        "grid--good", "grid--warn", "grid--bad", "grid--dim",
    }  # fmt: skip
    BINDINGS = bindings("list")

    class Moved(Message):
        """The cursor is on another record, or on none."""

    class Entered(Message):
        """A record was clicked twice."""

    class Sorted(Message):
        """A title was clicked."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column = column

    def __init__(
        self,
        columns: Sequence[Column[T]],
        key: Callable[[T], str],
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._key = key
        self.items: list[T] = []
        self.marks: set[str] = set()
        self.sorted_by = (-1, False)
        self.grey = False
        self._row = 0
        self._drawn: dict[int, tuple[Any, ...]] = {}
        self._layout: list[tuple[int, Column[T], int]] = []
        self._layout_width = 0

    # What it shows

    @property
    def current(self) -> T | None:
        """The record under the cursor."""
        return self.items[self._row] if self._row < len(self.items) else None

    @property
    def current_key(self) -> str:
        """Its key, "" without one."""
        item = self.current
        return "" if item is None else self._key(item)

    @property
    def in_view(self) -> list[T]:
        """The records that can be seen now."""
        top = self.scroll_offset.y
        return self.items[top : top + max(self.size.height - 1, 0)]

    @property
    def chosen(self) -> list[T]:
        """Those that are marked, else the one under the cursor."""
        marked = [i for i in self.items if self._key(i) in self.marks] if self.marks else []
        return marked or ([] if self.current is None else [self.current])

    def show(self, items: list[T], *, grey: bool = False) -> None:
        """Show these. The cursor stays on its record; only lines that differ are drawn again."""
        before = self.current_key
        self.items = items
        keys = {self._key(item): number for number, item in enumerate(items)}
        self.marks &= keys.keys()
        self._row = keys.get(before, min(self._row, max(len(items) - 1, 0)))
        size = Size(self.size.width, len(items) + 1)
        if self.virtual_size != size:
            self.virtual_size = size
        if grey != self.grey:
            self.grey = grey
            self.refresh()
        self.redraw()
        if self.current_key != before:
            self.post_message(self.Moved())

    def redraw(self) -> None:
        """Draw the lines again whose content has changed."""
        top = self.scroll_offset.y
        for y in range(self.size.height):
            if self._drawn.get(y) != self._content(y, top):
                self.refresh(Region(0, y, self.size.width, 1))

    def go(self, row: int) -> None:
        """Put the cursor on a row."""
        row = max(0, min(row, len(self.items) - 1))
        if row != self._row and self.items:
            self._row = row
            self.post_message(self.Moved())
        height = max(self.size.height - 1, 1)
        top = self.scroll_offset.y
        if row < top or row >= top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False, force=True)
        self.redraw()

    def go_to(self, key: str) -> bool:
        """Put the cursor on a record; says whether it is there."""
        for number, item in enumerate(self.items):
            if self._key(item) == key:
                self.go(number)
                return True
        return False

    # Drawing

    def _content(self, y: int, top: int) -> tuple[Any, ...]:
        if y == 0:
            titles = tuple((column.title, number) for number, column, _ in self._columns())
            return ("titles", titles, self.sorted_by)
        row = y - 1 + top
        if row >= len(self.items):
            return ("",)
        item = self.items[row]
        cells = tuple(column.cell(item) for _, column, _ in self._columns())
        return (cells, row == self._row, self._key(item) in self.marks, self.has_focus, self.grey)

    def _columns(self) -> list[tuple[int, Column[T], int]]:
        """The columns that have room, with their number and width."""
        width = self.scrollable_content_region.width
        if self._layout and width == self._layout_width:
            return self._layout
        self._layout_width = width
        room = width - 2
        shown = list(enumerate(self.columns))
        while len(shown) > 1 and sum(c.width + 1 for _, c in shown) > room:
            last = max(shown, key=lambda each: each[1].rank)
            if not last[1].rank:
                break
            shown.remove(last)
        spare = max(room - sum(c.width + 1 for _, c in shown), 0)
        growing = [number for number, c in shown if c.grows]
        widths = {n: c.width + (spare // len(growing) if c.grows else 0) for n, c in shown}
        self._layout = [(number, column, widths[number]) for number, column in shown]
        return self._layout

    def render_line(self, y: int) -> Strip:
        content = self._content(y, self.scroll_offset.y)
        self._drawn[y] = content
        width = self.size.width
        base = self.rich_style
        if content[0] == "titles":
            return self._titles().adjust_cell_length(width, base)
        if content == ("",):
            return Strip.blank(width, base)
        cells, here, marked, focused, grey = content
        line = base
        if here:
            name = "grid--cursor" if focused else "grid--far-cursor"
            line = self.get_component_rich_style(name)
        mark = self.get_component_rich_style("grid--mark") if marked else line
        segments = [Segment("▌ " if marked else "  ", base + mark)]
        for (_, column, room), cell in zip(self._columns(), cells, strict=True):
            text, tone = cell if isinstance(cell, tuple) else (cell, "")
            tone = "dim" if grey else tone
            style = line
            if tone and not (here and focused):
                style = line + self.get_component_rich_style(f"grid--{tone}", partial=True)
            segments.append(Segment(f"{_fit(text, room, right=column.right)} ", style))
        return Strip(segments).adjust_cell_length(width, line)

    def _titles(self) -> Strip:
        style = self.get_component_rich_style("grid--title")
        by, reverse = self.sorted_by
        segments = [Segment("  ", style)]
        for number, column, room in self._columns():
            arrow = ("▼" if reverse else "▲") if number == by else ""
            title = _fit(column.title + arrow, room, right=column.right)
            segments.append(Segment(f"{title} ", style))
        return Strip(segments)

    # Events

    def notify_style_update(self) -> None:
        self._drawn.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._layout = []
        self._drawn.clear()
        self.virtual_size = Size(self.size.width, len(self.items) + 1)
        self.go(self._row)
        self.refresh()

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            at = 2
            for number, _, width in self._columns():
                if at <= event.x <= at + width:
                    self.post_message(self.Sorted(number))
                at += width + 1
            return
        row = event.y - 1 + self.scroll_offset.y
        if row < len(self.items):
            self.go(row)
            if event.chain == 2:
                self.post_message(self.Entered())

    # Acts

    def do_up(self) -> None:
        self.go(self._row - 1)

    def do_down(self) -> None:
        self.go(self._row + 1)

    def do_page_up(self) -> None:
        self.go(self._row - max(self.size.height - 2, 1))

    def do_page_down(self) -> None:
        self.go(self._row + max(self.size.height - 2, 1))

    def do_top(self) -> None:
        self.go(0)

    def do_bottom(self) -> None:
        self.go(len(self.items) - 1)

    def mark(self) -> None:
        """Mark the record under the cursor, or no longer, and go on to the next."""
        if self.current_key:
            self.marks ^= {self.current_key}
            self.go(self._row + 1)

    def mark_all(self) -> None:
        """Mark all, or none where all are."""
        every = {self._key(item) for item in self.items}
        self.marks = set() if self.marks == every else every
        self.redraw()


def _fit(text: str, width: int, *, right: bool) -> str:
    length = cell_len(text)
    if length > width:
        return f"{set_cell_size(text, max(width - 1, 0))}…" if width else ""
    space = " " * (width - length)
    return f"{space}{text}" if right else f"{text}{space}"
