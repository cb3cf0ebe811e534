"""The threads that watch: boxes, the log of events, the machine, what visible boxes use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devbox.boxes.identity import Label
from devbox.errors import DevboxError, Unreachable
from tui.live.background import Background

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView
    from devbox.compute import Host, Use
    from devbox.compute.engine.facts import EngineInfo
    from devbox.compute.engine.reports import Sample
    from devbox.state import Event

Tell = Callable[[Callable[[], None]], None]
FIRST_EVENTS = 1000
AT_ONCE = 8


@dataclass(frozen=True)
class Pace:
    """How often, in seconds, things are looked at."""

    state: float = 0.25
    boxes: float = 10.0
    away: float = 1.0
    host: float = 2.0
    samples: float = 2.0


USUAL = Pace()


@dataclass(frozen=True)
class Listener:
    """What is told, on the UI's own thread."""

    boxes: Callable[[tuple[BoxView, ...]], None]
    away: Callable[[DevboxError, tuple[BoxView, ...]], None]
    engine: Callable[[EngineInfo], None]
    host: Callable[[Host], None]
    use: Callable[[Use], None]
    events: Callable[[list[Event], bool], None]
    samples: Callable[[str, dict[str, Sample]], None]


class Watch:
    """Watches through doors of its own. ``visible`` says which boxes are sampled: by name, the
    ids of their running containers."""

    def __init__(self, background: Background, tell: Tell, listener: Listener, pace: Pace) -> None:
        self._background = background
        self._over = background.over
        self._tell = tell
        self._listener = listener
        self._pace = pace
        self._look = threading.Event()
        self.visible: dict[str, dict[str, str]] = {}
        self.focused = True
        self.paused = False

    def start(self) -> None:
        """Start every thread."""
        for work in (self._boxes, self._engine_events, self._events, self._host, self._samples):
            self._background.start(work, work.__name__.strip("_"))

    def look(self) -> None:
        """Look at the boxes now."""
        self._look.set()

    def _say(self, call: Callable[..., None], *values: Any) -> None:
        if not self._over.is_set() and not self.paused:
            self._tell(lambda: call(*values))

    def _wait(self, seconds: float) -> bool:
        """Wait; longer where nobody looks. Whether to go on."""
        return not self._over.wait(seconds if self.focused else seconds * 4)

    def _boxes(self) -> None:
        with self._background.door() as door:
            known = False
            while not self._over.is_set():
                self._look.clear()
                try:
                    if not known:
                        self._say(self._listener.engine, door.engine.info())
                        known = True
                    self._say(self._listener.boxes, door.boxes.ls())
                    pause = self._pace.boxes
                except DevboxError as error:
                    known = False
                    self._say(self._listener.away, error, _remembered(door))
                    pause = self._pace.away
                self._look.wait(pause)
                # Several changes at once are looked at once.
                self._over.wait(0.05)

    def _engine_events(self) -> None:
        with self._background.door() as door:
            since = time.time()
            while not self._over.is_set():
                try:
                    for event in door.engine.events({Label.OWNER: door.owner}, since=since):
                        if self._over.is_set():
                            return
                        if event.time > since:
                            since = event.time
                            self._look.set()
                except DevboxError:
                    self._look.set()
                if not self._wait(self._pace.away):
                    return

    def _events(self) -> None:
        with self._background.door() as door:
            try:
                log = door.state.events
                position, seen, news = 0, None, False
                while not self._over.is_set():
                    version = door.state.data_version()
                    if version != seen:
                        seen = version
                        last = None if news else FIRST_EVENTS
                        if found := log.ls(after=position, last=last):
                            position = found[-1].id
                            self._say(self._listener.events, found, news)
                        if news:
                            self._look.set()
                        news = True
                    if not self._wait(self._pace.state):
                        return
            except DevboxError as error:
                self._say(self._listener.away, error, ())

    def _host(self) -> None:
        with self._background.door() as door:
            machine = door.hosts.local()
            self._say(self._listener.host, machine)
            while not self._over.is_set():
                self._say(self._listener.use, machine.use(0.5))
                if not self._wait(self._pace.host - 0.5):
                    return

    def _samples(self) -> None:
        with self._background.door() as door, ThreadPoolExecutor(AT_ONCE) as pool:
            while self._wait(self._pace.samples):
                wanted = dict(self.visible)
                jobs = {
                    (box, service): pool.submit(door.engine.sample, container)
                    for box, services in wanted.items()
                    for service, container in services.items()
                }
                found: dict[str, dict[str, Sample]] = {}
                for (box, service), job in jobs.items():
                    try:
                        found.setdefault(box, {})[service] = job.result()
                    except DevboxError:
                        continue  # it stopped meanwhile, or the engine went: others tell that
                for box, samples in found.items():
                    self._say(self._listener.samples, box, samples)


def _remembered(door: Devbox) -> tuple[BoxView, ...]:
    try:
        return door.last_known()
    except Unreachable:
        raise
    except DevboxError:
        return ()
