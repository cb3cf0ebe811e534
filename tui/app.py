"""The app: areas as modes, what is known of the world, work under way."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App
from textual.message import Message

from devbox.api import Devbox
from devbox.errors import DevboxError
from tui.actions import area_binding, bindings
from tui.areas import AREAS
from tui.asking import Asking
from tui.live.background import Background
from tui.live.jobs import Job, Jobs
from tui.live.seen import Seen
from tui.live.watch import USUAL, Listener, Pace, Watch
from tui.palette import ActionProvider
from tui.screens.area import Area
from tui.verbs import Verbs
from tui.widgets.dialog import error_story

if TYPE_CHECKING:
    from devbox.boxes import BoxView
    from devbox.compute import Host, Use
    from devbox.compute.engine.facts import EngineInfo
    from devbox.compute.engine.reports import Sample
    from devbox.config.spec import Tui
    from devbox.state import Event

T = TypeVar("T")


class Told(Message):
    """Something to do on the UI's own thread, sent from another one."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self.call = call


class DevboxApp(App[int], Verbs, Asking):
    """devbox in a terminal. ``screen_name`` and ``query`` are where it opens; ``read_only`` offers
    nothing that changes anything."""

    CSS_PATH = "app.tcss"
    TITLE = "devbox"
    COMMAND_PALETTE_BINDING = "ctrl+backslash"  # beside the table's own
    BINDINGS = [
        *bindings("app"),
        *(area_binding(number, a.name, a.title) for number, a in enumerate(AREAS, 1)),
    ]
    MODES = {area.name: area.make for area in AREAS}
    COMMANDS = {ActionProvider}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]

    def __init__(
        self,
        door: Devbox,
        *,
        screen_name: str = "boxes",
        query: str = "",
        read_only: bool = False,
        preferences: Tui | None = None,
        pace: Pace = USUAL,
    ) -> None:
        super().__init__()
        self.door = door
        self.read_only = read_only
        self.first_query = query
        self.seen = Seen()
        self.background = Background(door, self._broken)
        self.jobs = Jobs(self.background, self.tell, self.ask_in_thread, self._job_changed)
        self.watcher = Watch(self.background, self.tell, self._listener(), pace)
        self.keys_given = dict(preferences.keys) if preferences else {}
        self._first = screen_name
        self._preferences = preferences
        self._notified: DevboxError | None = None

    # Beginning and end

    def on_mount(self) -> None:
        wanted = self._preferences
        if wanted and wanted.theme in self.available_themes:
            self.theme = wanted.theme
        if self.keys_given:
            self.set_keymap({name: ",".join(keys) for name, keys in self.keys_given.items()})
        self.switch_mode(self._first)
        # After the first paint: nothing of this is needed for it.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        try:
            self.seen.boxes = self.door.last_known()
            self.changed("boxes")
        except DevboxError as error:
            self.show_error(error)
        self.watcher.start()
        self.set_interval(0.5, self._tick)

    def on_unmount(self) -> None:
        self.background.stop()

    def do_quit(self) -> None:
        running = self.jobs.running
        if not running:
            self.exit(0)
            return
        lines = [(f"{job.title}: {job.step}", "warn") for job in running]

        def answered(yes: bool | None) -> None:
            if yes:
                for job in running:
                    self.jobs.cancel(job)
                self.exit(0)

        self.ask("Work is under way", lines, answered, question="End it and leave?")

    # From other threads

    def tell(self, call: Callable[[], None]) -> None:
        """Have something done on the UI's own thread."""
        if self.is_running:
            self.post_message(Told(call))

    def on_told(self, message: Told) -> None:
        message.call()

    def fetch(
        self,
        work: Callable[[Devbox], T],
        done: Callable[[T], Any],
        failed: Callable[[DevboxError], Any] | None = None,
    ) -> None:
        """Ask the door for something in a thread; ``done`` gets it on the UI's own."""

        def run() -> None:
            try:
                with self.background.door() as door:
                    value = work(door)
            except DevboxError as error:
                self.tell(partial(failed or self.show_error, error))
            else:
                self.tell(partial(done, value))

        self.background.start(run, "fetch")

    def _broken(self, error: Exception) -> None:
        lines = traceback.format_exception(error)
        detail = [line for piece in lines for line in piece.rstrip().split("\n")]
        bug = DevboxError(f"{type(error).__name__}: {error}", hint="This is a bug.", detail=detail)
        self.tell(partial(self.show_error, bug))

    # What is known

    def _listener(self) -> Listener:
        return Listener(
            boxes=self._saw_boxes,
            away=self._went_away,
            engine=self._saw_engine,
            host=self._saw_host,
            use=self._saw_use,
            events=self._saw_events,
            samples=self._saw_samples,
        )

    def _saw_boxes(self, boxes: tuple[BoxView, ...]) -> None:
        import time

        back = bool(self.seen.away)
        self.seen.boxes, self.seen.asked = boxes, time.time()
        self.seen.away = self.seen.hint = ""
        if back:
            self.notify("The engine answers again.")
        self.changed("boxes")

    def _went_away(self, error: DevboxError, known: tuple[BoxView, ...]) -> None:
        if not self.seen.away:
            self.notify(error.hint or error.message, title="The engine is away", severity="error")
        self.seen.away, self.seen.hint = error.message, error.hint
        if not self.seen.boxes:
            self.seen.boxes = known
        self.changed("boxes")

    def _saw_engine(self, info: EngineInfo) -> None:
        self.seen.engine = info
        self.changed("engine")

    def _saw_host(self, host: Host) -> None:
        self.seen.host = host
        self.changed("host")

    def _saw_use(self, use: Use) -> None:
        self.seen.uses.append(use)
        self.changed("host")

    def _saw_events(self, events: list[Event], news: bool) -> None:
        self.seen.happened(events, news=news)
        self.changed("events")

    def _saw_samples(self, box: str, samples: dict[str, Sample]) -> None:
        self.seen.sampled(box, samples)
        self.changed("samples")

    @property
    def area(self) -> Area | None:
        """The area that is shown, below any dialog."""
        stack = self._screen_stacks.get(self.current_mode) or []
        return next((each for each in stack if isinstance(each, Area)), None)

    def changed(self, what: str) -> None:
        """Let the area that is shown take in what has changed; others do when they are shown."""
        if area := self.area:
            area.take_in(what)

    def _tick(self) -> None:
        self.watcher.focused = self.app_focus
        if self.jobs.running:
            self.changed("jobs")

    # Work and failures

    def _job_changed(self, job: Job) -> None:
        if job.state == "failed" and job.error:
            self.seen.unread += 1
            self.show_error(job.error, title=f"{job.title} failed")
        elif job.state in {"done", "cancelled"}:
            self.notify(f"{job.title}: {job.state}")
        if job.state != "running":
            self.watcher.look()
        self.changed("jobs")

    def show_error(self, error: DevboxError, title: str = "It failed") -> None:
        """A toast with the hint; `!` opens the whole story."""
        self._notified = error
        text = f"{error.message}\n{error.hint}".strip()
        self.notify(f"{text[:300]}\n! shows all", title=title, severity="error", markup=False)

    def do_errors(self) -> None:
        self.seen.unread = 0
        if self._notified:
            self.push_screen(error_story(self._notified))
            self._notified = None
            return
        self.action_go("events")
        self.call_after_refresh(self.filter_area, "failed")

    def filter_area(self, query: str) -> None:
        """Show only some in the area that is shown."""
        if self.area:
            self.area.set_filter(query)

    def action_go(self, name: str) -> None:
        """Show an area."""
        if name != self.current_mode:
            self.switch_mode(name)

    async def action_offer(self, name: str) -> None:
        """Do an act whose key in the footer was clicked."""
        from tui.widgets.footer import offered

        for each in offered(self.screen):
            if each.action.name == name:
                await each.node.action_act(name)
