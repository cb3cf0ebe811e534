"""The tabs of one box. Only the one that is shown asks for anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from devbox.boxes.status import Status
from devbox.errors import DevboxError, Unreachable
from tui.acting import Acting
from tui.plans import Said, up_lines
from tui.screens.boxes.drift import spec_of
from tui.screens.boxes.overview import known_lines, status_lines
from tui.screens.boxes.stream import LogStream
from tui.screens.events import event_line
from tui.shown import plain, size
from tui.widgets.dialog import written
from tui.widgets.plot import Plot
from tui.widgets.text import TextView

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView
    from devbox.boxes.plan import Plan

PROCESS_SECONDS = 3.0


class BoxDetail(Vertical, Acting):
    """Overview, plan, logs, stats, processes, Compose file and events of a box."""

    def __init__(self) -> None:
        super().__init__()
        self._box: BoxView | None = None
        self._stream: LogStream | None = None
        self._status: Status | None = None

    def compose(self) -> ComposeResult:
        with TabbedContent(initial="overview"):
            with TabPane("Overview", id="overview"), VerticalScroll():
                yield Static("", id="overview-text", markup=False)
            with TabPane("Plan", id="plan"), VerticalScroll():
                yield Static("", id="plan-text", markup=False)
            with TabPane("Logs", id="logs"):
                yield TextView(id="logs-text", name="logs")
            with TabPane("Stats", id="stats"), VerticalScroll(id="plots"):
                yield Plot("cpu", lambda value: f"{value:.2f} cores")
                yield Plot("memory", size)
                yield Plot("network", lambda value: f"{size(value)}/s")
            with TabPane("Procs", id="procs"):
                yield TextView(id="procs-text", name="processes")
            with TabPane("Compose", id="compose"):
                yield TextView(id="compose-text", name="compose")
            with TabPane("Events", id="events"):
                yield TextView(id="events-text", name="events")

    def on_mount(self) -> None:
        self.set_interval(PROCESS_SECONDS, self._again)

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self.query_one(TabbedContent).active

    def on_tabbed_content_tab_activated(self) -> None:
        self._load()

    def show(self, box: BoxView | None) -> None:
        """Show a box, or what is new of it."""
        before = self._box
        self._box = box
        if box is None or before is None or box.name != before.name:
            self._status = None
            self._clear()
        if box != before or (box is not None and box.services != (before and before.services)):
            self._load()

    def take_in(self, what: str) -> None:
        """Show what has changed meanwhile."""
        if what in {"samples", "all"} and self.tab == "stats":
            self._show_plots()
        if what in {"events", "all"} and self.tab == "events":
            self._show_events()

    def on_unmount(self) -> None:
        if self._stream:
            self._stream.stop()

    # Loading

    def _clear(self) -> None:
        if self._stream and (self._box is None or self._stream.box != self._box.name):
            self._stream.stop()
            self._stream = None
        for name in ("procs", "compose", "events"):
            self.query_one(f"#{name}-text", TextView).show_text("")
        self.query_one("#plan-text", Static).update("")

    def _load(self) -> None:
        box, tab = self._box, self.tab
        if box is None or not tab:
            self.query_one("#overview-text", Static).update("")
            return
        loaders: dict[str, Callable[[BoxView], None]] = {
            "overview": self._load_overview,
            "plan": self._load_plan,
            "logs": self._load_logs,
            "stats": lambda _: self._show_plots(),
            "procs": self._load_processes,
            "compose": self._load_compose,
            "events": lambda _: self._show_events(),
        }
        loaders[tab](box)

    def _again(self) -> None:
        """What nothing tells us about."""
        showing = self.is_on_screen and self.screen is self.ui.area and self.app.app_focus
        if showing and self._box is not None and self.tab == "procs":
            self._load_processes(self._box)

    def _fetch(
        self,
        tab: str,
        work: Callable[[Devbox], Any],
        done: Callable[[Any], None],
        failed: Callable[[DevboxError], None],
    ) -> None:
        """Ask for a tab; what arrives when another box or tab is shown is dropped."""
        asked = self._box

        def current() -> bool:
            same = asked and self._box and asked.name == self._box.name
            return bool(same) and self.is_attached and self.tab == tab

        self.ui.fetch(
            work,
            lambda value: done(value) if current() else None,
            lambda error: failed(error) if current() else None,
        )

    def _load_overview(self, box: BoxView) -> None:
        static = self.query_one("#overview-text", Static)
        known = self._status
        lines = status_lines(known, box) if known else known_lines(box)
        static.update(written(lines))
        if self.ui.seen.away:
            return

        def done(status: Status) -> None:
            self._status = status
            static.update(written(status_lines(status, status.box)))

        def failed(error: DevboxError) -> None:
            if not isinstance(error, Unreachable):
                static.update(written([*known_lines(box), ("", ""), *_said(error)]))

        self._fetch(
            "overview", lambda door: door.boxes.status(box.name, lambda b: spec_of(door, b)),
            done, failed,
        )  # fmt: skip

    def _load_plan(self, box: BoxView) -> None:
        static = self.query_one("#plan-text", Static)

        def look(door: Devbox) -> Plan | None:
            spec = spec_of(door, box)
            return door.boxes.plan(spec) if spec else None

        def done(plan: Plan | None) -> None:
            if plan is None:
                where = plain(box.project) or "any project"
                static.update(f"devbox.toml of {where} does not define this box any more.")
            else:
                end: list[Said] = [] if plan.empty else [("", ""), ("u applies this", "dim")]
                static.update(written([*up_lines(plan), *end]))

        self._fetch("plan", look, done, lambda error: static.update(written(_said(error))))

    def _load_logs(self, box: BoxView) -> None:
        if self._stream is None or self._stream.box != box.name:
            if self._stream:
                self._stream.stop()
            self._stream = LogStream(self.ui.background, box.name)
            self.query_one("#logs-text", TextView).show(self._stream.lines, follow=True)

    def _load_processes(self, box: BoxView) -> None:
        view = self.query_one("#procs-text", TextView)
        running = [s for s in box.services if s.state == "running"]
        if not running:
            view.show_text("Nothing runs.")
            return

        def look(door: Devbox) -> str:
            return "\n\n".join(
                f"{s.name}\n{_table(door.engine.processes(s.container))}" for s in running
            )

        self._fetch("procs", look, view.show_text, lambda e: view.show_text(e.message))

    def _load_compose(self, box: BoxView) -> None:
        view = self.query_one("#compose-text", TextView)

        def look(door: Devbox) -> str:
            spec = spec_of(door, box)
            return door.boxes.compose_yaml(spec) if spec else "Nothing defines this box any more."

        self._fetch("compose", look, view.show_text, lambda e: view.show_text(e.message))

    def _show_plots(self) -> None:
        if self._box is None:
            return
        moments = list(self.ui.seen.use.get(self._box.name, ()))
        cpu, memory, network = self.query(Plot)
        cpu.show([moment.cpu for moment in moments])
        limit = moments[-1].limit if moments else 0
        memory.show([float(moment.memory) for moment in moments], float(limit))
        network.show([moment.network for moment in moments])

    def _show_events(self) -> None:
        if self._box is None:
            return
        subject = f"box/{self._box.name}"
        found = [event_line(e) for e in self.ui.seen.events if e.subject == subject]
        self.query_one("#events-text", TextView).show_text("\n".join(found) or "Nothing yet.")


def _said(error: DevboxError) -> list[Said]:
    lines: list[Said] = [(error.message, "bad")]
    if error.hint:
        lines.append((error.hint, ""))
    return [*lines, *((plain(line), "dim") for line in error.detail)]


def _table(processes: tuple[Any, ...]) -> str:
    if not processes:
        return ""
    titles = list(processes[0])
    rows = [titles, *([str(each.get(title, "")) for title in titles] for each in processes)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
