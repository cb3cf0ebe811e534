"""A view of lines: logs, files, plans. Draws what can be seen, whatever their number."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input, Static

from tui.acting import Acting
from tui.actions import Action, bindings
from tui.live.lines import Line, Lines, clean
from tui.shown import clock

SLICE = 4000
MOST_COPIED = 1 << 20
_CONSOLE = Console(color_system="truecolor", force_terminal=True, width=10_000)


class TextView(Vertical, Acting):
    """Lines to read: follow, search, wrap, times, copy, save. ``name`` is what a saved file is
    called."""

    def __init__(self, *, id: str | None = None, name: str = "log") -> None:  # noqa: A002
        super().__init__(id=id, name=name)
        self.page = Page(self)

    def compose(self) -> ComposeResult:
        yield self.page
        yield Input(placeholder="search", classes="search", compact=True)
        yield Static("", classes="hint", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).display = False
        self.set_interval(0.1, self.page.catch_up)

    def show(self, lines: Lines, *, follow: bool = False) -> None:
        """Show other lines."""
        self.page.show(lines, follow=follow)

    def show_text(self, text: str) -> None:
        """Show a text from its beginning; where it is the same, nothing changes."""
        lines = [Line(clean(line)) for line in text.split("\n")]
        now = self.page.lines
        if lines == now.between(0, len(now)):
            return
        made = Lines()
        made.extend(lines)
        self.page.show(made, follow=False)

    def hint(self) -> None:
        """Say below the lines how they are shown."""
        page = self.page
        count = len(page.lines)
        parts = ["1 line" if count == 1 else f"{count:,} lines"]
        if page.lines.dropped:
            parts.append(f"{page.lines.dropped:,} older ones dropped")
        parts += [word for word, on in (("following", page.follow), ("wrapped", page.wrap)) if on]
        if page.needle:
            parts.append(f"search: {page.needle}{page.found}")
        self.query_one(".hint", Static).update(" · ".join(parts))

    def ask_search(self) -> None:
        box = self.query_one(Input)
        box.display = True
        box.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.display = False
        self.page.focus()
        self.page.needle = event.value
        if event.value:
            self.page.seek(1, here=True)
        self.page.redraw()

    def on_key(self, event: events.Key) -> None:
        box = self.query_one(Input)
        if event.key == "escape" and box.has_focus:
            event.stop()
            box.display = False
            self.page.focus()


class Page(ScrollView, Acting, can_focus=True, inherit_bindings=False):
    """The lines themselves. Without wrapping a line is a row; with it, the place is still counted
    in lines, so that nothing needs to know how high a million of them are."""

    COMPONENT_CLASSES = {"page--found", "page--time"}
    BINDINGS = bindings("text")

    def __init__(self, view: TextView) -> None:
        super().__init__()
        self._view = view
        self.lines = Lines()
        self.follow = False
        self.wrap = False
        self.times = False
        self.needle = ""
        self.found = ""
        self._shown = (-1, Size())
        """What was drawn last: the version of the lines, and the room."""
        self._widest = 0
        self._rows: list[Strip] = []
        self._at = -1
        self._search: asyncio.Task[None] | None = None

    @property
    def room(self) -> Size:
        """What the scroll bars leave."""
        return self.scrollable_content_region.size

    def show(self, lines: Lines, *, follow: bool) -> None:
        """Show other lines."""
        self.lines = lines
        self.follow = follow
        self._shown = (-1, Size())
        self._widest = 0
        self._at = -1
        self.found = ""
        self.scroll_to(0, 0, animate=False, force=True)
        self.catch_up()

    def catch_up(self) -> None:
        """Show what has come."""
        now = (self.lines.version, self.room)
        if now == self._shown or not self.is_attached or not self.size:
            return
        self._shown = now
        self._fit()
        if self.follow:
            self.scroll_to(y=self._last_top(), animate=False, force=True)
        self.redraw()

    def redraw(self) -> None:
        """Draw all that can be seen again."""
        self._rows = []
        self.refresh()
        self._view.hint()

    def _fit(self) -> None:
        height = len(self.lines) + (self.room.height - 1 if self.wrap and len(self.lines) else 0)
        size = Size(0 if self.wrap else self._widest, height)
        if size != self.virtual_size:
            self.virtual_size = size

    def _last_top(self) -> int:
        """The first line to show so that the last one is at the bottom."""
        height, count = self.room.height, len(self.lines)
        if not self.wrap:
            return max(count - height, 0)
        rows, top = 0, count
        for line in reversed(self.lines.between(count - height, count)):
            rows += len(self._wrapped(line))
            if rows > height:
                break
            top -= 1
        return min(top, count - 1) if count else 0

    # Drawing

    def render_line(self, y: int) -> Strip:
        if not self._rows:
            self._rows = self._layout()
        base = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(self.room.width, base)
        left = 0 if self.wrap else self.scroll_offset.x
        strip = self._rows[y].crop(left, left + self.room.width)
        return strip.adjust_cell_length(self.room.width, base).apply_style(base)

    def _layout(self) -> list[Strip]:
        top, height = self.scroll_offset.y, self.room.height
        rows: list[Strip] = []
        for number, line in enumerate(self.lines.between(top, top + height), start=top):
            if self.wrap:
                rows += self._wrapped(line, here=number == self._at)
            else:
                rows.append(_strip(self._text(line, here=number == self._at)))
            if len(rows) >= height:
                break
        if not self.wrap:
            widest = max((row.cell_length for row in rows), default=0)
            if widest > self._widest:
                self._widest = widest
                self.call_later(self._fit)
        return rows[:height]

    def _wrapped(self, line: Line, *, here: bool = False) -> list[Strip]:
        text = self._text(line, here=here)
        width = max(self.room.width, 1)
        if text.cell_len <= width:
            return [_strip(text)]
        return [_strip(part) for part in text.wrap(self.app.console, width)]

    def _text(self, line: Line, *, here: bool = False) -> Text:
        text = Text.from_ansi(line.text) if "\x1b" in line.text else Text(line.text)
        text.no_wrap = False
        if self.needle:
            style = self.get_component_rich_style("page--found")
            start, needle, plain = 0, self.needle.lower(), text.plain.lower()
            while (start := plain.find(needle, start)) >= 0:
                text.stylize(style, start, start + len(needle))
                start += len(needle)
        if here:
            text.stylize(Style(bold=True, underline=True))
        if self.times and line.time:
            text = Text(f"{clock(line.time)} ", self.get_component_rich_style("page--time")) + text
        if line.source:
            text = Text(f"{line.source} │ ", self.get_component_rich_style("page--time")) + text
        return text

    def on_resize(self) -> None:
        self._shown = (-1, Size())
        self.catch_up()

    def notify_style_update(self) -> None:
        self._rows = []
        super().notify_style_update()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        self._rows = []
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and self.follow and new_value < self._last_top():
            self.follow = False
            self._view.hint()

    # Searching

    def seek(self, way: int, *, here: bool = False) -> None:
        """Go to the next place (1) or the one before (-1); ``here``: from what is shown."""
        if self._search:
            self._search.cancel()
        start = self.scroll_offset.y if here or self._at < 0 else self._at + way
        self._search = asyncio.create_task(self._seek(start, way, self.needle.lower()))

    async def _seek(self, start: int, way: int, needle: str) -> None:
        count = len(self.lines)
        # In slices, so that keys and paint come in between; then on from the other end.
        for number in _around(start, count, way):
            first, last = (number, number + SLICE) if way > 0 else (number - SLICE + 1, number + 1)
            lines = self.lines.between(first, min(last, count))
            found = [
                i for i, line in enumerate(lines, max(first, 0)) if needle in line.text.lower()
            ]
            if found:
                self._arrive(found[0] if way > 0 else found[-1])
                return
            await asyncio.sleep(0)
        self.found = " (not found)"
        self.redraw()

    def _arrive(self, number: int) -> None:
        self._at = number
        self.follow = False
        self.found = f" (line {number + 1 + self.lines.dropped:,})"
        top = self.scroll_offset.y
        if not top <= number < top + self.room.height:
            self.scroll_to(y=max(number - self.room.height // 3, 0), animate=False, force=True)
        self.redraw()

    # Acts

    def why_not(self, action: Action) -> str:
        if action.verb in {"next", "previous"} and not self.needle:
            return "search for something first (/)"
        return ""

    def _move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def do_up(self) -> None:
        self._move(-1)

    def do_down(self) -> None:
        self._move(1)

    def do_page_up(self) -> None:
        self._move(-max(self.room.height - 1, 1))

    def do_page_down(self) -> None:
        self._move(max(self.room.height - 1, 1))

    def do_left(self) -> None:
        self.scroll_to(x=self.scroll_offset.x - 10, animate=False, force=True)

    def do_right(self) -> None:
        self.scroll_to(x=self.scroll_offset.x + 10, animate=False, force=True)

    def do_top(self) -> None:
        self.follow = False
        self.scroll_to(y=0, animate=False, force=True)
        self._view.hint()

    def do_bottom(self) -> None:
        self.follow = True
        self.scroll_to(y=self._last_top(), animate=False, force=True)
        self._view.hint()

    def do_follow(self) -> None:
        if self.follow:
            self.follow = False
            self._view.hint()
        else:
            self.do_bottom()

    def do_search(self) -> None:
        self._view.ask_search()

    def do_next(self) -> None:
        self.seek(1)

    def do_previous(self) -> None:
        self.seek(-1)

    def do_wrap(self) -> None:
        self.wrap = not self.wrap
        self._shown = (-1, Size())
        self.scroll_to(x=0, animate=False, force=True)
        self.catch_up()

    def do_times(self) -> None:
        self.times = not self.times
        self.redraw()

    def do_yank(self) -> None:
        top = self.scroll_offset.y
        lines = self.lines.between(top, top + self.room.height)
        text = "\n".join(Text.from_ansi(line.text).plain for line in lines)
        self.app.copy_to_clipboard(text[:MOST_COPIED])
        self.app.notify(f"{len(lines)} lines are in the clipboard.")

    async def do_save(self) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = Path.cwd() / f"{self._view.name}-{stamp}.log"
        lines = self.lines.between(0, len(self.lines))

        def write() -> None:
            with path.open("x", encoding="utf-8") as file:
                for line in lines:
                    text = Text.from_ansi(line.text).plain if "\x1b" in line.text else line.text
                    source = f"{line.source} | " if line.source else ""
                    file.write(f"{source}{text}\n")

        try:
            await asyncio.to_thread(write)
        except OSError as error:
            self.app.notify(f"{path}: {error.strerror}", title="Not saved", severity="error")
            return
        self.app.notify(f"{len(lines):,} lines are in {path}.", title="Saved")


def _strip(text: Text) -> Strip:
    return Strip([Segment(piece.text, piece.style) for piece in text.render(_CONSOLE)])


def _around(start: int, count: int, way: int) -> list[int]:
    """Where slices begin that go through all lines once, from ``start`` on."""
    if way > 0:
        return [*range(start, count, SLICE), *range(0, max(start, 0), SLICE)]
    return [*range(start, -1, -SLICE), *range(count - 1, start, -SLICE)]
