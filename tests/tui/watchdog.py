"""How long the event loop was busy with one thing."""

from __future__ import annotations

import asyncio
import asyncio.events
import gc
import time
from types import TracebackType
from typing import Any, Self


class Watchdog:
    """Measures each callback of the loop in seconds of its own thread's CPU time: other programs
    on the machine don't count. ``longest`` is the worst, ``story`` what it was."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.story = ""
        self._run: Any = None

    def __enter__(self) -> Self:
        self._run = run = asyncio.events.Handle._run

        def timed(handle: Any) -> None:
            before = time.thread_time()
            run(handle)
            took = time.thread_time() - before
            if took > self.longest:
                self.longest, self.story = took, f"{took * 1000:.0f} ms in {handle!r}"

        gc.collect()
        gc.freeze()  # as the UI does when it starts; a test's process holds much more
        asyncio.events.Handle._run = timed  # type: ignore[method-assign,assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.events.Handle._run = self._run  # type: ignore[method-assign]
        gc.unfreeze()
