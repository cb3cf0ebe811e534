"""What a command or a container writes, line by line."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from devbox.compute.engine.types import Exec

LONGEST_LINE = 1 << 16
_Decoder = codecs.getincrementaldecoder("utf-8")


def lines(running: Exec) -> Iterator[str]:
    """The lines of both streams of a running command as they come, without their ends; an endless
    one in pieces."""
    for _, line in split(iter(running.read, None), longest=LONGEST_LINE):
        yield line


def split(
    pieces: Iterable[tuple[int, bytes]], *, longest: int | None = None
) -> Iterator[tuple[int, str]]:
    """Whole lines of interleaved streams, each with the number of its own; a last one without an
    end counts too. Bytes that are not UTF-8 are replaced. What is longer than ``longest``
    characters does not wait for its end."""
    decoders: dict[int, codecs.IncrementalDecoder] = {}
    rests: dict[int, str] = {}
    for stream, data in pieces:
        decoder = decoders.setdefault(stream, _Decoder("replace"))
        *whole, rest = (rests.get(stream, "") + decoder.decode(data)).split("\n")
        for line in whole:
            yield stream, line.rstrip("\r")
        if longest is not None and len(rest) > longest:
            yield stream, rest
            rest = ""
        rests[stream] = rest
    for stream, rest in sorted(rests.items()):
        if last := (rest + decoders[stream].decode(b"", final=True)).rstrip("\r"):
            yield stream, last
