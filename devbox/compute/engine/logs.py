"""The output of containers, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from devbox.compute.engine.frames import demultiplex
from devbox.compute.engine.http import Http
from devbox.compute.engine.lines import split
from devbox.compute.engine.quoting import quote
from devbox.compute.engine.reports import LogLine

STREAMS = {1: "stdout", 2: "stderr"}


def logs(
    http: Http,
    ref: str,
    *,
    follow: bool = False,
    tail: int | None = None,
    since: float = 0.0,
    timestamps: bool = False,
) -> Iterator[LogLine]:
    """See :meth:`devbox.compute.engine.types.Engine.logs`."""
    path = f"/containers/{quote(ref)}"
    query = {
        "stdout": "1",
        "stderr": "1",
        "follow": str(int(follow)),
        "tail": "all" if tail is None else str(tail),
        "since": f"{since:.9f}" if since else "0",
        "timestamps": str(int(timestamps)),
    }
    with http.stream("GET", f"{path}/logs", query) as response:
        framed = response.headers.get("content-type", "").endswith("multiplexed-stream")
        if not framed and not http.json("GET", f"{path}/json")["Config"]["Tty"]:
            framed = True  # Engines before API 1.42 do not tell the two kinds apart.
        chunks = response.chunks()
        pieces = demultiplex(chunks) if framed else ((1, chunk) for chunk in chunks)
        yield from lines(pieces, timestamps=timestamps)


def lines(pieces: Iterable[tuple[int, bytes]], *, timestamps: bool = False) -> Iterator[LogLine]:
    """The records of what :func:`devbox.compute.engine.lines.split` finds; with ``timestamps``
    each line begins with the engine's."""
    for stream, text in split(pieces):
        time = ""
        if timestamps:
            time, _, text = text.partition(" ")  # noqa: PLW2901 - the rest of it
        yield LogLine(STREAMS.get(stream, "stdout"), text, time)
