"""Blobs: files whose name is the SHA-256 of their content.

A blob never changes, is stored once however often it is put, and is complete or absent,
whenever the writer is killed. Layout: ``ROOT/ab/abcd...`` (64 hex digits), unfinished ones in
``ROOT/unfinished``.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from devbox.errors import DevboxError
from devbox.state import lock

CHUNK = 1 << 20
GRACE_SECONDS = 3600.0
"""How long garbage collection spares a new blob: what refers to it may not be written yet."""

T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Readable(Protocol):
    """What a blob's content is read from: bytes in pieces, b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Usage:
    """How many blobs there are, and their bytes."""

    count: int
    size: int


@dataclass(frozen=True)
class Collected:
    """What garbage collection removed, or with ``dry_run`` would remove; ``size`` in bytes."""

    digests: tuple[str, ...]
    size: int


class Blobs:
    """The blobs in the folder ``root``, which is made when the first one is put."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unfinished = root / "unfinished"
        self._lock = root / "blobs.lock"

    def put(self, source: Readable | Path) -> str:
        """Store a stream (read to its end) or a file; returns the digest.

        When this returns, the blob survives a power cut. Several processes may put the same.
        Raises DevboxError where the disk is full or the folder cannot be written.
        """
        if isinstance(source, Path):
            try:
                stream = source.open("rb")
            except OSError as error:
                raise DevboxError(f"{source} cannot be read: {error.strerror}.") from error
            with stream:
                return self.put(stream)
        try:
            return self._store(source)
        except OSError as error:
            raise self._explain(error) from error

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be. Raises DevboxError for what is no digest."""
        return self.root / checked(digest)[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether the blob is stored."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Bytes of a blob. Raises DevboxError where it is absent."""
        return self._need(digest, lambda path: path.stat().st_size)

    def open(self, digest: str) -> BinaryIO:
        """A blob for reading. Raises DevboxError where it is absent."""
        return self._need(digest, lambda path: path.open("rb"))

    def verify(self) -> Iterator[str]:
        """Read every blob again; yields the digests of those whose content is another."""
        for path in self._all():
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                continue  # Collected meanwhile.
            except OSError:
                found = ""
            if found != path.name:
                yield path.name

    def gc(
        self,
        keep: Collection[str],
        *,
        dry_run: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> Collected:
        """Remove every blob that is not in ``keep`` and was last put over ``grace`` seconds ago."""
        kept = {checked(digest) for digest in keep}
        if not self.root.is_dir():
            return Collected((), 0)
        if not dry_run:
            self._sweep()
        digests, size = [], 0
        before = time.time() - grace
        # A put of the same content waits, and then finds the blob gone or its age renewed.
        with lock(self._lock):
            for path in self._all():
                status = path.stat()
                if path.name in kept or status.st_mtime > before:
                    continue
                digests.append(path.name)
                size += status.st_size
                if not dry_run:
                    path.unlink()
        return Collected(tuple(digests), size)

    def usage(self) -> Usage:
        """What all blobs take."""
        count, size = 0, 0
        for path in self._all():
            try:
                size += path.stat().st_size
            except FileNotFoundError:
                continue
            count += 1
        return Usage(count, size)

    def _store(self, stream: Readable) -> str:
        self._sweep()
        with self._draft() as (descriptor, draft):
            hasher = hashlib.sha256()
            with open(descriptor, "wb", closefd=False) as file:
                while chunk := stream.read(CHUNK):
                    hasher.update(chunk)
                    file.write(chunk)
            os.fchmod(descriptor, 0o444)
            os.fsync(descriptor)
            digest = hasher.hexdigest()
            self._publish(draft, self.path(digest))
        return digest

    def _publish(self, draft: Path, path: Path) -> None:
        with lock(self._lock, shared=True):
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync(self.root)
            # Over an older copy of the same content: that renews its age, and mends damage.
            draft.replace(path)
            _sync(path.parent)

    @contextmanager
    def _draft(self) -> Iterator[tuple[int, Path]]:
        """A new unfinished file, locked as long as its writer lives; gone if not published."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._unfinished.mkdir(mode=0o700, exist_ok=True)
        while True:
            descriptor, name = tempfile.mkstemp(dir=self._unfinished)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # A sweeper may have taken the file between its making and its locking.
            if os.fstat(descriptor).st_nlink:
                break
            os.close(descriptor)
        draft = Path(name)
        try:
            yield descriptor, draft
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove what killed writers left: unfinished files that nobody has locked."""
        if not self._unfinished.is_dir():
            return
        for left in self._unfinished.iterdir():
            try:
                descriptor = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink(missing_ok=True)
            except BlockingIOError:
                pass
            finally:
                os.close(descriptor)

    def _all(self) -> Iterator[Path]:
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                if _DIGEST.fullmatch(path.name):
                    yield path

    def _need(self, digest: str, act: Callable[[Path], T]) -> T:
        try:
            return act(self.path(digest))
        except FileNotFoundError as error:
            raise DevboxError(f"There is no blob {digest}.") from error

    def _explain(self, error: OSError) -> DevboxError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DevboxError(
                f"No space left in {self.root}; nothing was stored.",
                hint="`devbox df` shows what takes space.",
            )
        return DevboxError(
            f"Nothing was stored in {self.root}: {error.strerror}.",
            hint="Check that the folder is yours, or set DEVBOX_HOME to another one.",
        )


def checked(digest: str) -> str:
    """``digest`` itself. Raises DevboxError where it is not 64 hexadecimal digits."""
    if not _DIGEST.fullmatch(digest):
        raise DevboxError(
            f"{digest[:80]!r} is not a digest.", hint="A digest is 64 hexadecimal digits."
        )
    return digest


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
