"""The output of several containers as one stream."""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Iterator, Mapping

from devbox.compute.engine.reports import LogLine

Line = tuple[str, LogLine]


def merged(sources: Mapping[str, Iterator[LogLine]], *, follow: bool) -> Iterator[Line]:
    """Lines as (source, line): by time, or as they come where new ones are followed.

    Needs lines with a time (RFC 3339 in UTC sorts as text).
    """
    if len(sources) == 1 or not follow:
        streams = [_named(name, lines) for name, lines in sources.items()]
        return heapq.merge(*streams, key=lambda item: item[1].time)
    return _as_they_come(sources)


def _named(name: str, lines: Iterator[LogLine]) -> Iterator[Line]:
    for line in lines:
        yield name, line


def _as_they_come(sources: Mapping[str, Iterator[LogLine]]) -> Iterator[Line]:
    # Bounded, so that a container that writes faster than we print is held back.
    arrived: queue.Queue[Line | BaseException | None] = queue.Queue(maxsize=1000)

    def pump(name: str, lines: Iterator[LogLine]) -> None:
        try:
            for line in lines:
                arrived.put((name, line))
            arrived.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the reader
            arrived.put(error)

    for name, lines in sources.items():
        threading.Thread(target=pump, args=(name, lines), daemon=True).start()
    open_sources = len(sources)
    while open_sources:
        item = arrived.get()
        if item is None:
            open_sources -= 1
        elif isinstance(item, BaseException):
            raise item
        else:
            yield item
