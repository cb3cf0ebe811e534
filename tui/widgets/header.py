"""The two lines at the top: this machine and how busy it is; the areas."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from tui.live.seen import Seen
from tui.shown import size, spark

Part = tuple[str, str]


class Header(Vertical):
    """Shows what :class:`Seen` says of the machine and the engine."""

    def __init__(self, areas: list[tuple[str, str]], here: str) -> None:
        super().__init__()
        self._areas = areas
        self._here = here

    def compose(self) -> ComposeResult:
        yield Static("", id="machine", markup=False)
        yield Static("", id="areas", markup=False)

    def on_mount(self) -> None:
        self._show_areas()

    def on_resize(self) -> None:
        self._show_areas()

    def _show_areas(self) -> None:
        parts: list[Content] = []
        short = self.size.width < 76
        for number, (name, title) in enumerate(self._areas, 1):
            style = "bold $primary reverse" if name == self._here else "$text-muted"
            label = f" {number} {title[:6] if short else title} "
            click = Style.from_meta({"@click": f"app.go('{name}')"})
            parts.append(Content.assemble((label, style)).stylize(click))
        self.query_one("#areas", Static).update(Content(" ").join(parts))

    def show(self, seen: Seen) -> None:
        """Show the newest that is known."""
        width = self.size.width
        wide = width >= 100
        parts: list[Part] = [(" devbox ", "bold $primary")]
        host = seen.host.name if seen.host else "…"
        parts.append((f"{host[:20]} ", ""))
        if seen.away:
            parts.append(("● engine away ", "$text-error"))
        elif seen.engine:
            parts.append((f"· docker {seen.engine.version} " if wide else "", "$text-muted"))
        if seen.uses and seen.host:
            parts += _use(seen, 10 if wide else 4)
        running = sum(box.state == "running" for box in seen.boxes)
        parts.append((f"  {running} running", ""))
        if seen.unread:
            parts.append((f"  ! {seen.unread} failed", "bold $text-error"))
        self.query_one("#machine", Static).update(Content.assemble(*parts))


def _use(seen: Seen, bars: int) -> list[Part]:
    last = seen.uses[-1]
    assert seen.host is not None
    cores = seen.host.cpus or 1
    busy = [use.cpu for use in seen.uses]
    full = [float(use.memory_used) for use in seen.uses]
    parts: list[Part] = [
        (" cpu ", "$text-muted"),
        (spark(busy, bars, cores), "$success"),
        (f"{last.cpu / cores * 100:4.0f}% ", ""),
        (" mem ", "$text-muted"),
        (spark(full, bars, float(last.memory)), "$accent"),
        (f" {size(last.memory_used)}/{size(last.memory)}", ""),
    ]
    for index, gpu in enumerate(last.gpus[:4]):
        history = [float(use.gpus[index].utilization or 0) for use in seen.uses
                   if len(use.gpus) > index]  # fmt: skip
        parts += [(f"  gpu{gpu.index} ", "$text-muted"), (spark(history, bars, 100), "$warning")]
        parts.append((f"{gpu.utilization or 0:4}%", ""))
    return parts
