"""The container of a bundle: a plain tar (POSIX.1-1988), of which only plain files are read.

Reading is strict on purpose: one member after the other, each the one that is expected, and no
extension that could name, size or place it differently. Any tar program can read what is written.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

from devbox.errors import DevboxError

BLOCK = 512
CHUNK = 1 << 20
END = bytes(2 * BLOCK)
PADDING = 20 * BLOCK
"""Zeros that may follow the end: tar programs fill up to records of this size."""
_GZIP = b"\x1f\x8b"
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
}


class Sink(Protocol):
    """What a tar is written to."""

    def write(self, data: bytes, /) -> object: ...


class Source(Protocol):
    """What a tar is read from."""

    def read(self, size: int, /) -> bytes: ...


class Writer:
    """Writes members, each with nothing but its name and size: the same bytes every time."""

    def __init__(self, target: Sink) -> None:
        self._target = target

    def add(self, name: str, size: int, content: Source) -> None:
        """Write one file. Raises DevboxError where its content has another size."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o644
        self._target.write(info.tobuf(tarfile.GNU_FORMAT))
        left = size
        while left > 0 and (data := content.read(min(CHUNK, left))):
            left -= len(data)
            self._target.write(data)
        if left or content.read(1):
            raise DevboxError(f"{name} changed while it was being written.", hint="Try again.")
        self._target.write(bytes(-size % BLOCK))

    def end(self) -> None:
        """Write the end of the archive."""
        self._target.write(END)


class Member:
    """The content of one member, to be read once and in order."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Some bytes, b"" at its end."""
        if not self._left or not size:
            return b""
        data = self._source.read(min(size, self._left))
        if not data:
            raise cut_off()
        self._left -= len(data)
        return data

    def rest(self) -> None:
        """Read what nobody has read."""
        while self.read(CHUNK):
            pass


class Reader:
    """Reads members in their order."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @contextmanager
    def member(self, name: str, size: int | None = None, most: int = 0) -> Iterator[Member]:
        """The next member, which must be a plain file of that name and size; where the size is
        not known, of at most ``most`` bytes.

        Raises DevboxError where it is anything else.
        """
        head = self._exactly(BLOCK)
        told = _size_of(head, name)
        if size is None and told > most:
            raise DevboxError(f"{name} has {told} bytes; it may have {most}.", hint=_HINT)
        if size is not None and told != size:
            raise DevboxError(f"{name} has {told} bytes in place of {size}.", hint=_HINT)
        member = Member(self._source, told)
        yield member
        member.rest()
        self._exactly(-told % BLOCK)

    def end(self) -> None:
        """Read the end. Raises DevboxError where more follows."""
        tail = b""
        while len(tail) <= PADDING and (data := self._source.read(PADDING)):
            tail += data
        if len(tail) < len(END) or len(tail) > PADDING or any(tail):
            raise DevboxError("More follows in the file than it should hold.", hint=_HINT)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            some = self._source.read(count - len(data))
            if not some:
                raise cut_off()
            data += some
        return data


@contextmanager
def opened(file: BinaryIO) -> Iterator[Source]:
    """A file from its beginning, decompressed where it is compressed. Errors of decompression
    become a DevboxError."""
    file.seek(0)
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    try:
        if packed:
            with gzip.GzipFile(fileobj=file) as stream:
                yield stream
        else:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise cut_off() from error


def cut_off() -> DevboxError:
    """The file has no end."""
    return DevboxError("The file is cut off or damaged.", hint="Copy or export it again.")


def _size_of(head: bytes, name: str) -> int:
    """The size of a plain file, as its header tells it, once that is found to be of ``name``."""
    kind = head[156:157]
    if kind in _KINDS:
        raise DevboxError(f"The file holds {_KINDS[kind]} where {name} should be.", hint=_HINT)
    found = head[:100].rstrip(b"\0").decode("utf-8", "replace")
    if kind not in {b"0", b"\0"} or any(head[345:500]) or found != name:
        shown = "".join(c if c.isprintable() else "?" for c in found)[:100]
        what = f"holds {shown!r}" if shown else "ends"
        raise DevboxError(f"The file {what} where {name} should be.", hint=_HINT)
    size = _number(head[124:136])
    if _number(head[148:156]) != sum(head[:148]) + 8 * ord(" ") + sum(head[156:]) or size < 0:
        raise cut_off()
    return size


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or GNU's binary one for a large file; -1 for neither."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.rstrip(b" \0").lstrip(b" ")
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else -1


_HINT = "Only files that `devbox model export` wrote can be imported."
