"""Threads of the UI's own. They end with the process: a hanging engine never keeps it alive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devbox.api import Devbox

if TYPE_CHECKING:
    from devbox.compute.engine.types import Engine


class Background:
    """Starts threads and ends them. ``over`` is set when they should go; ``failed`` is told, in
    the thread, what escaped from one."""

    def __init__(self, door: Devbox, failed: Callable[[Exception], None]) -> None:
        self.over = threading.Event()
        self._door = door
        self._failed = failed
        self._threads: list[threading.Thread] = []
        self._engines: list[Engine] = []

    def start(self, work: Callable[[], None], name: str) -> None:
        """Run something in a thread of its own."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                if not self.over.is_set():
                    self._failed(error)

        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=run, name=f"tui {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    @contextmanager
    def door(self) -> Iterator[Devbox]:
        """A door for one thread: the same home, connections of its own."""
        engine = self._door.connect_engine()
        self._engines.append(engine)
        try:
            with Devbox(self._door.home, engine=engine) as made:
                yield made
        finally:
            self._engines.remove(engine)
            close = getattr(engine, "close", None)
            if close is not None and engine is not self._door.engine:  # a given one is everybody's
                close()

    def stop(self, patience: float = 1.0) -> None:
        """Ask all to end, break off what they wait for, and wait a moment for those that can."""
        self.over.set()
        for engine in list(self._engines):
            engine.abort()
        for thread in self._threads:
            thread.join(patience)
