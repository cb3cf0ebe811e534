"""Watching over a command that may take long: it is said so, and its time may be up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from devbox.compute.engine.types import Exec
from devbox.config.units import format_duration
from devbox.errors import DevboxError

SILENT, AGAIN = 10.0, 60.0
"""After how many seconds a command is said to be still running, and how often from then on."""
KILLED_BY_NOW = 1.0


@dataclass
class Clock:
    """Watches over a command that is about to start, from a thread of its own.

    ``seconds`` is how long it may take, 0 for as long as it likes; ``overdue``: its time was up.
    ``told``: it was said that it still runs.
    """

    seconds: float
    overdue: bool = False
    told: bool = False
    _begun: float = field(default_factory=time.monotonic)
    _done: threading.Event = field(default_factory=threading.Event)

    @property
    def passed(self) -> str:
        """How long it has taken so far, for a person."""
        return format_duration(round(time.monotonic() - self._begun))

    @contextmanager
    def watching(
        self, running: Exec, tell: Callable[[], None], end: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Call ``tell`` now and then as long as it runs, and ``end`` when its time is up. What
        does not end then is left: its connection is broken off, and that raises nothing."""
        thread = threading.Thread(target=self._watch, args=(running, tell, end), daemon=True)
        thread.start()
        try:
            yield
        except (OSError, DevboxError):
            if not self.overdue:  # else it was us who broke the connection
                raise
        finally:
            self._done.set()
            thread.join()

    def _watch(self, running: Exec, tell: Callable[[], None], end: Callable[[], None]) -> None:
        begun = time.monotonic()
        deadline = begun + self.seconds if self.seconds else float("inf")
        next_word = begun + SILENT
        while not self._done.wait(min(deadline, next_word) - time.monotonic()):
            if time.monotonic() >= deadline:
                break
            tell()
            self.told = True
            next_word += AGAIN
        else:
            return
        self.overdue = True
        with suppress(DevboxError, OSError):
            end()
        # What cannot be killed must not keep us.
        if not self._done.wait(KILLED_BY_NOW):
            running.abort()
