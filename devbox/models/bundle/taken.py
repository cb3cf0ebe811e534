"""Reading a bundle. All of it is read and checked before anything of it is kept."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from devbox.errors import DevboxError, UsageError
from devbox.models.bundle import manifest as telling
from devbox.models.bundle.manifest import Manifest, Member
from devbox.models.bundle.tar import CHUNK, Reader, opened
from devbox.progress import Progress, Report
from devbox.runs.bring import checked_journal


class Readable(Protocol):
    """What a member's content is read from."""

    def read(self, size: int, /) -> bytes: ...


class Hashed:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Some bytes, b"" at the end."""
        data = self._stream.read(size)
        self._digest.update(data)
        return data

    def check(self, member: Member) -> None:
        """Read what is left. Raises DevboxError where all of it was something else."""
        while self.read(CHUNK):
            pass
        if self._digest.hexdigest() != member.sha256:
            raise DevboxError(
                f"{member.name} in the file is not what the manifest says.",
                hint="The file is damaged or was changed: copy or export it again.",
            )


class Bundle:
    """A bundle in a file that stays open, so that what was checked is what is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        with self._reader() as reader:
            self._head = _head(reader)
        self.manifest = telling.read(self._head)

    def check(self, report: Report) -> None:
        """Read all of it. Raises DevboxError where it is not what it says."""
        digests = {member.sha256 for member in self.manifest.members if not member.run}
        with self._members() as reader:
            for count, member in enumerate(self.manifest.members, start=1):
                _tell(report, "check", self.manifest, member, count)
                with reader.member(member.name, member.size) as content:
                    stream = Hashed(content)
                    if member.run:
                        checked_journal(member.run, stream, digests)
                    stream.check(member)
            reader.end()

    def members(self, report: Report) -> Generator[tuple[Member, Readable], None, None]:
        """Each member with its content, in their order: content first, then runs, the uppermost
        first."""
        with self._members() as reader:
            for count, member in enumerate(self.manifest.members, start=1):
                _tell(report, "import", self.manifest, member, count)
                with reader.member(member.name, member.size) as content:
                    stream = Hashed(content)
                    yield member, stream
                    stream.check(member)

    def needs(self, place: Path) -> None:
        """Raise DevboxError where all that it holds has no room at a place."""
        while not place.exists():
            place = place.parent
        if self.manifest.size > shutil.disk_usage(place).free:
            raise DevboxError(
                f"The file holds {self.manifest.size} bytes, more than there is room for.",
                hint="`devbox df` shows what takes space.",
            )

    @contextmanager
    def _members(self) -> Iterator[Reader]:
        """What reads the members behind the manifest."""
        with self._reader() as reader:
            if _head(reader) != self._head:
                raise DevboxError("The file changed while it was read.", hint="Try again.")
            yield reader

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        with opened(self._file) as source:
            yield Reader(source)


@contextmanager
def bundle(file: Path) -> Iterator[Bundle]:
    """Open a bundle. Raises DevboxError for what is none."""
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is no file.")
    try:
        with file.open("rb") as stream:
            yield Bundle(stream)
    except OSError as error:
        if error.filename != str(file):
            raise
        raise DevboxError(f"{file} can't be read: {error.strerror or error}.") from error


def _tell(report: Report, stage: str, manifest: Manifest, member: Member, count: int) -> None:
    short = f"run {member.run[:12]}" if member.run else member.sha256[:12]
    report(Progress(stage, manifest.model.name, short, count, len(manifest.members), log=True))


def _head(reader: Reader) -> bytes:
    data = b""
    with reader.member(telling.NAME, most=telling.LARGEST) as content:
        while piece := content.read(CHUNK):
            data += piece
    return data
