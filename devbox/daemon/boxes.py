"""The bridges into all running boxes: made when a box starts, ended when it stops."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from devbox.boxes.containers import id_of
from devbox.boxes.identity import Label, User
from devbox.compute.engine.types import Container, Engine
from devbox.daemon.answers import Answers
from devbox.daemon.link import NO_PYTHON, Link
from devbox.errors import DevboxError
from devbox.journal.places import box_spool

LOOK_EVERY = 10.0
"""Seconds between two looks where the engine tells nothing."""
AFTER_FAILURE = (1.0, 5.0, 30.0, 60.0)
"""Seconds until a bridge that ended is made again, by how often it has."""
STEADY = 60.0
"""Seconds after which the end of a bridge is its first."""
LAST_WORDS = 2.0
"""Seconds for the answers that are being given when the daemon leaves."""
_NEWS = {"start", "die", "stop", "kill", "destroy", "unpause", "pause"}

log = logging.getLogger("devbox.daemon")


class Bridges:
    """Holds a bridge into each running box of an owner and home. ``connect`` makes connections to
    the engine, ``answers`` answers the boxes; ``news`` is called when boxes come or go."""

    def __init__(
        self,
        connect: Callable[[], Engine],
        owner: str,
        home: Path,
        answers: Answers,
        news: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._home = home
        self._known: dict[str, bool] = {}
        self._served: set[str] = set()
        self._reachable = False
        self._labels = {Label.OWNER: owner, Label.ROLE: "box"}
        self._answers = answers
        self._news = news
        self._over = threading.Event()
        self._look = threading.Event()
        self._guard = threading.Lock()
        self._links: dict[str, Link] = {}
        self._names: dict[str, str] = {}
        self._serving: list[threading.Thread] = []

    @property
    def running(self) -> int:
        """How many boxes run."""
        return len(self._names) if self._reachable else 0

    def status(self) -> list[dict[str, object]]:
        """Each running box: its name, whether its bridge works, how much was asked."""
        with self._guard:
            return [
                {
                    "box": name,
                    "connected": (link := self._links.get(container)) is not None and link.ready,
                    "asked": link.asked if link else 0,
                }
                for container, name in sorted(self._names.items(), key=lambda item: item[1])
            ]

    def begin(self) -> None:
        """Start to watch."""
        for act in (self._watch, self._listen):
            self._thread(act)

    def end(self) -> None:
        """End all bridges."""
        self._over.set()
        self._look.set()
        with self._guard:
            links = list(self._links.values())
        for link in links:
            link.close()
        for thread in self._serving:
            thread.join(LAST_WORDS)

    def _thread(self, act: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=act, daemon=True)
        thread.start()
        return thread

    def _watch(self) -> None:
        engine: Engine | None = None
        while not self._over.is_set():
            self._look.clear()
            try:
                engine = engine or self._connect()
                found = engine.containers(self._labels)
                self._reachable = True
                self._match(engine, [each for each in found if each.state == "running"])
            except DevboxError as error:
                log.info("the engine does not answer: %s", error.message)
                engine, self._reachable = None, False
            except Exception:
                log.exception("a look at the boxes")
                engine, self._reachable = None, False
            self._look.wait(LOOK_EVERY)

    def _is_ours(self, engine: Engine, container: Container) -> bool:
        """Whether a box writes its runs into our home: another has a daemon of its own."""
        if container.id not in self._known:
            inspected = engine.container(container.id)
            box = id_of(container)
            spool = str(box_spool(self._home, box.owner, box.name))
            mounts = inspected.mounts if inspected else ()
            self._known[container.id] = any(mount.get("Source") == spool for mount in mounts)
        return self._known[container.id]

    def _match(self, engine: Engine, containers: list[Container]) -> None:
        names = {each.id: id_of(each).name for each in containers if self._is_ours(engine, each)}
        with self._guard:
            changed = names != self._names
            new = [each for each in containers if each.id in names.keys() - self._served]
            self._served |= {each.id for each in new}
            self._names = names
        for container in new:
            self._serving = [each for each in self._serving if each.is_alive()]
            self._serving.append(self._thread(partial(self._serve, container)))
        if changed:
            self._news()

    def _listen(self) -> None:
        """Let the engine tell of boxes that start and stop."""
        since = time.time() - 1
        while not self._over.is_set():
            with suppress(Exception):
                for event in self._connect().events(self._labels, since=since):
                    since = max(since, event.time)
                    if event.action.split(":")[0] in _NEWS:
                        self._look.set()
                    if self._over.is_set():
                        return
            self._look.set()
            self._over.wait(2.0)

    def _serve(self, container: Container) -> None:
        """Hold the bridge into one container while it runs."""
        box = id_of(container).name
        failures, code = 0, 0
        while not self._over.is_set() and container.id in self._names and code != NO_PYTHON:
            began = time.monotonic()
            code = self._hold(container, box)
            failures = 0 if time.monotonic() - began > STEADY else failures + 1
            self._look.set()
            self._over.wait(AFTER_FAILURE[min(failures, len(AFTER_FAILURE) - 1)])
        if code == NO_PYTHON:
            log.info("box %s has no Python for the bridge", box)
        else:
            with self._guard:
                self._served.discard(container.id)

    def _hold(self, container: Container, box: str) -> int:
        try:
            link = Link(
                self._connect(),
                container.id,
                str(User.of(container.labels)),
                partial(self._answers.answer, box),
            )
            with self._guard:
                self._links[container.id] = link
            log.info("bridge into box %s", box)
            code = link.run()
            log.info("the bridge into box %s ended: %d", box, code)
            return code
        except DevboxError as error:
            log.info("no bridge into box %s: %s", box, error.message)
        except Exception:
            log.exception("the bridge into box %s", box)
        finally:
            with self._guard:
                self._links.pop(container.id, None)
        return 1
