"""A plot of one value over time, in block characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui.shown import BARS


class Plot(Widget):
    """Bars, the newest at the right. ``top`` is the value of a full bar, 0 for the largest."""

    COMPONENT_CLASSES = {"plot--bar", "plot--title"}

    def __init__(self, title: str, shown: Callable[[float], str]) -> None:
        super().__init__()
        self._title = title
        self._shown = shown
        self._values: Sequence[float] = ()
        self._top = 0.0

    def show(self, values: Sequence[float], top: float = 0.0) -> None:
        """Show these values."""
        if (values, top) != (self._values, self._top):
            self._values, self._top = values, top
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 6

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        base = self.rich_style
        last = self._values[-1] if self._values else 0.0
        top = self._top or max(self._values, default=0.0) or 1.0
        if y == 0:
            limit = f" of {self._shown(self._top)}" if self._top else ""
            most = f"  most {self._shown(max(self._values))}" if self._values else ""
            now = f"{self._shown(last)}{limit}{most}" if self._values else "nothing measured yet"
            title = base + self.get_component_rich_style("plot--title", partial=True)
            line = Strip([Segment(f"{self._title}  ", title), Segment(now, base)])
            return line.adjust_cell_length(width, base)
        rows = max(height - 1, 1)
        level = rows - y  # 0 is the lowest row
        newest = self._values[-width:]
        bars = []
        for value in newest:
            eighths = round(min(max(value, 0.0) / top, 1.0) * rows * 8)
            if value > 0 and not eighths:
                eighths = 1
            bars.append(BARS[max(0, min(eighths - level * 8, 8))])
        style = base + self.get_component_rich_style("plot--bar", partial=True)
        return Strip([Segment("".join(bars).rjust(width), style)]).adjust_cell_length(width, base)
