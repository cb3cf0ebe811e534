"""The output of a box as it comes, into lines of bounded memory."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from devbox.boxes import BOX_SERVICE
from devbox.errors import DevboxError
from tui.live.lines import Line, Lines, clean

if TYPE_CHECKING:
    from devbox.compute.engine.reports import LogLine
    from devbox.compute.engine.types import Engine
    from tui.live.background import Background

FIRST = 10_000
"""Lines of each service that are read at first."""
AGAIN = 1.0


class LogStream:
    """Reads the output of one box until it is stopped; also over restarts of the box."""

    def __init__(self, background: Background, box: str) -> None:
        self.box = box
        self.lines = Lines()
        self._background = background
        self._over = threading.Event()
        self._engine: Engine | None = None
        self._last: dict[str, tuple[str, set[str]]] = {}
        background.start(self._read, f"logs {box}")

    def stop(self) -> None:
        """Read no more."""
        self._over.set()
        if self._engine is not None:
            self._engine.abort()

    @property
    def _ended(self) -> bool:
        return self._over.is_set() or self._background.over.is_set()

    def _read(self) -> None:
        with self._background.door() as door:
            self._engine = door.engine
            since = 0.0
            while not self._ended:
                tail = None if since else FIRST
                try:
                    for source, line in door.inside.logs(
                        self.box, follow=True, tail=tail, since=since
                    ):
                        if self._over.is_set():
                            return
                        if not self._is_new(source, line):
                            continue
                        at = _seconds(line.time)
                        since = max(since, at)
                        shown = "" if source == BOX_SERVICE else source
                        self.lines.extend([Line(clean(line.text), at, shown)])
                except DevboxError:
                    pass  # it is down, or the engine is away: the list tells which
                self._over.wait(AGAIN)

    def _is_new(self, source: str, line: LogLine) -> bool:
        """Whether a line was not there yet: what is read again begins with what came last."""
        moment, texts = self._last.get(source, ("", set()))
        if line.time < moment or (line.time == moment and line.text in texts):
            return False
        if line.time == moment:
            texts.add(line.text)
        else:
            self._last[source] = (line.time, {line.text})
        return True


def _seconds(moment: str) -> float:
    """An RFC 3339 time in seconds since the epoch, 0.0 for anything else."""
    try:
        # To the microsecond: what datetime can hold.
        text, _, rest = moment.partition(".")
        fraction = rest.rstrip("Zz")[:6]
        zone = "+00:00"
        return datetime.fromisoformat(
            f"{text.rstrip('Zz')}.{fraction or '0':0<6}{zone}"
        ).timestamp()
    except ValueError:
        return 0.0
