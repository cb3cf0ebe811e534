"""What a running command writes, line by line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from devbox.compute.engine.types import Exec

LONGEST_LINE = 1 << 16


def lines(running: Exec) -> Iterator[str]:
    """The lines of both streams as they come, without their ends; an endless one in pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while (chunk := running.read()) is not None:
        *whole, rest = (rest + decoder.decode(chunk[1])).split("\n")
        yield from (line.rstrip("\r") for line in whole)
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = ""
    if rest:
        yield rest
