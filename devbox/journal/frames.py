"""What goes between a box and the devbox outside, in both directions: frames with a kind, the
number of the question that they belong to, and some bytes. Pure.

The other end is not trusted: what is no frame ends the conversation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

VERSION = 1
HELLO, ASK, DATA, END, READ, GONE = range(1, 7)
"""HELLO begins on both sides, with the version. From the box: ASK is a question, READ says how many
bytes of the answer were taken, GONE that nobody waits for it. To the box: DATA is a part of an
answer, END that it is whole."""
LONGEST = 1 << 18
"""The most bytes of one frame, which makes it the longest question."""
WINDOW = 1 << 18
"""The most bytes of an answer that are under way: a slow reader holds up nobody else."""
_HEAD = struct.Struct(">BII")
_LENGTH = struct.Struct(">I")


class NoFrame(Exception):
    """The other end sends something else than frames."""


class Frame(NamedTuple):
    """One frame."""

    kind: int
    channel: int
    data: bytes


def packed(kind: int, channel: int = 0, data: bytes = b"") -> bytes:
    """A frame as bytes."""
    return _HEAD.pack(kind, channel, len(data)) + data


class Reader:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole with these bytes. Raises NoFrame."""
        self._rest += data
        while len(self._rest) >= _HEAD.size:
            kind, channel, length = _HEAD.unpack_from(self._rest)
            if not HELLO <= kind <= GONE or length > LONGEST:
                raise NoFrame(f"kind {kind}, {length} bytes")
            end = _HEAD.size + length
            if len(self._rest) < end:
                return
            frame = Frame(kind, channel, bytes(self._rest[_HEAD.size : end]))
            del self._rest[:end]
            yield frame


def number(value: int) -> bytes:
    """A number as the content of a frame, or the length before a text."""
    return _LENGTH.pack(value)


def as_number(data: bytes) -> int:
    """What :func:`number` made. Raises NoFrame."""
    try:
        return int(_LENGTH.unpack(data)[0])
    except struct.error:
        raise NoFrame("no number") from None
