"""The output of containers, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from devbox.compute.engine.frames import demultiplex
from devbox.compute.engine.http import Http
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
    """Whole lines of interleaved streams; a last one without an end counts too. Bytes that are
    not UTF-8 are replaced."""
    rests: dict[int, bytes] = {}
    for stream, data in pieces:
        *whole, rest = (rests.get(stream, b"") + data).split(b"\n")
        rests[stream] = rest
        for line in whole:
            yield _line(stream, line, timestamps=timestamps)
    for stream, rest in sorted(rests.items()):
        if rest:
            yield _line(stream, rest, timestamps=timestamps)


def _line(stream: int, data: bytes, *, timestamps: bool) -> LogLine:
    text = data.removesuffix(b"\r").decode(errors="replace")
    time = ""
    if timestamps:
        time, _, text = text.partition(" ")
    return LogLine(STREAMS.get(stream, "stdout"), text, time)
