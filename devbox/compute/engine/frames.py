"""The engine's framing of two output streams on one connection.

Each frame has a header of eight bytes, the stream's number, three zeros and the length as a
big-endian number of 32 bits: https://docs.docker.com/reference/api/engine/version/v1.45/
(operation ContainerAttach, "Stream format").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

HEADER = 8


def demultiplex(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The payloads of a framed stream, as (stream, data), as soon as they arrive.

    A frame may come in several pieces. What a broken stream leaves unfinished is dropped.
    """
    buffer = b""
    stream, left = 0, 0
    for chunk in chunks:
        buffer += chunk
        while buffer:
            if left:
                piece, buffer = buffer[:left], buffer[left:]
                left -= len(piece)
                yield stream, piece
                continue
            if len(buffer) < HEADER:
                break
            stream, left = buffer[0], int.from_bytes(buffer[4:HEADER], "big")
            buffer = buffer[HEADER:]
