"""Blobs: files whose name is the SHA-256 of their content.

A blob never changes, is stored once however often it is put, and is complete or absent,
whenever the writer is killed. Layout: ``ROOT/ab/abcd...`` (64 hex digits), unfinished ones in
``ROOT/unfinished``; ``ROOT/known`` remembers what large files look like from afar.

Whoever is going to refer to a blob puts it (or renews it) first: :meth:`Blobs.gc` spares what is
new for a while, and for longer while a :meth:`Blobs.lease` is held.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol, TypeVar

from devbox.errors import DevboxError
from devbox.state import lock

CHUNK = 1 << 20
PORTION = 256 << 10  # what stays in the processor's cache between hashing and writing
LARGE = 32 << 20
"""Bytes from which on a file is looked for by its looks before it is copied."""
GRACE_SECONDS = 3600.0
"""How long garbage collection spares a new blob: what refers to it may not be written yet."""

KNOWN, LEASES = "known", "leases"
PIECES, PIECE = 16, 4096

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
                return self.put_file(stream)
        try:
            return self._store(source)
        except OSError as error:
            raise self._explain(error) from error

    def put_file(self, file: BufferedReader) -> str:
        """Store an open file, from its beginning; one that is stored already is only read."""
        digest = self._again(file)
        if digest:
            return digest
        try:
            return self._store(file)
        except OSError as error:
            raise self._explain(error) from error

    def receive(self, digest: str, stream: Readable) -> int:
        """Store what must be the blob ``digest``; returns its bytes.

        Raises :class:`Damaged` where the content is another; then nothing is stored.
        """
        try:
            self._store(stream, expected=checked(digest))
        except OSError as error:
            raise self._explain(error) from error
        return self.size(digest)

    def renew(self, digest: str) -> bool:
        """Whether the blob is stored; if so it is as new as if it was put now."""
        path = self.path(digest)
        if not path.is_file():
            return False
        with lock(self._lock, shared=True):
            try:
                os.utime(path)
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def lease(self) -> Iterator[None]:
        """While it is held, garbage collection spares every blob that is put, renewed or sent
        from now on, however long it takes until something refers to it."""
        folder = self.root / LEASES
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            Path(name).unlink(missing_ok=True)
            os.close(descriptor)

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be. Raises DevboxError for what is no digest."""
        return self.root / checked(digest)[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether the blob is stored."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Bytes of a blob. Raises DevboxError where it is absent."""
        return self._need(digest, lambda path: path.stat().st_size)

    def open(self, digest: str) -> BufferedReader:
        """A blob for reading, read through once before. Raises DevboxError where it is absent,
        :class:`Damaged` where its content is another."""
        file = self._need(digest, lambda path: path.open("rb"))
        try:
            # Small and large alike: what is read must be what the name says.
            if hashed(file) != digest:
                raise Damaged(digest, str(self.path(digest)))
            file.seek(0)
        except OSError as error:
            file.close()
            raise Damaged(digest, str(self.path(digest))) from error
        except DevboxError:
            file.close()
            raise
        return file

    def verify(self) -> Iterator[str]:
        """Read every blob again; yields the digests of those whose content is another."""
        for path in self._all():
            try:
                with path.open("rb") as file:
                    found = hashed(file)
            except FileNotFoundError:
                continue  # Collected meanwhile.
            except OSError:
                found = ""
            if found != path.name:
                # Putting it again must write it again.
                for mark in self._marks(path.name):
                    mark.unlink(missing_ok=True)
                yield path.name

    def digests(self) -> Iterator[str]:
        """Every stored blob, in order."""
        return (path.name for path in self._all())

    def gc(
        self,
        keep: Collection[str],
        *,
        dry_run: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> Collected:
        """Remove every blob that is not in ``keep`` and was last put over ``grace`` seconds ago,
        and before the oldest lease that is held."""
        kept = {checked(digest) for digest in keep}
        if not self.root.is_dir():
            return Collected((), 0)
        if not dry_run:
            self._sweep()
        digests, size = [], 0
        before = min([time.time() - grace, *self._leases()])
        # A put of the same content waits, and then finds the blob gone or its age renewed.
        with lock(self._lock):
            for path in self._all():
                status = path.stat()
                if path.name in kept or status.st_mtime > before:
                    continue
                digests.append(path.name)
                size += status.st_size
                if not dry_run:
                    for mark in self._marks(path.name) if status.st_size >= LARGE else ():
                        mark.unlink(missing_ok=True)
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

    def _store(self, stream: Readable, expected: str = "") -> str:
        self._sweep()
        with self._draft() as (descriptor, draft):
            os.fchmod(descriptor, 0o444)
            digest = hashed_copy(stream, descriptor, sync=True)
            if expected and digest != expected:
                raise Damaged(expected)
            self._publish(draft, self.path(digest))
            if os.fstat(descriptor).st_size >= LARGE:
                self._mark(digest)
        return digest

    def _again(self, file: BufferedReader) -> str:
        """The digest of a large file that is stored already, and renewed; else ""."""
        try:
            looks = fingerprint(file)
            known = self.root / KNOWN / looks
            digest = known.read_text() if looks else ""
            if _DIGEST.fullmatch(digest) and self.has(digest):
                found = hashed(file)
                if found == digest and self.renew(digest):
                    return digest
            file.seek(0)
        except OSError:
            # What cannot be looked at (a pipe, say) is stored as it comes.
            with suppress(OSError):
                file.seek(0)
        return ""

    def _mark(self, digest: str) -> None:
        folder = self.root / KNOWN
        with suppress(OSError), self.path(digest).open("rb") as file:
            folder.mkdir(mode=0o700, exist_ok=True)
            looks = fingerprint(file)
            draft = folder / f"{digest}.{os.getpid()}"
            draft.write_text(digest)
            draft.replace(folder / looks)

    def _marks(self, digest: str) -> Iterator[Path]:
        """What remembers the looks of a large blob."""
        with suppress(OSError):
            for mark in (self.root / KNOWN).iterdir():
                if mark.read_text() == digest:
                    yield mark

    def _leases(self) -> Iterator[float]:
        """When the leases began that living processes hold; those of dead ones go."""
        folder = self.root / LEASES
        for left in folder.iterdir() if folder.is_dir() else ():
            try:
                descriptor = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Not yet locked by who made it a moment ago: what it guards is new anyway.
                if time.time() - os.fstat(descriptor).st_mtime > 60:
                    left.unlink(missing_ok=True)
            except BlockingIOError:
                yield os.fstat(descriptor).st_mtime
            finally:
                os.close(descriptor)

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


class Damaged(DevboxError):
    """What should be the blob ``digest`` has another content. ``place`` is where."""

    def __init__(self, digest: str, place: str = "") -> None:
        super().__init__(
            f"The blob {digest} is damaged{f' in {place}' if place else ''}: its content is"
            " another.",
            hint="`devbox storage check --read` names all that are; `devbox storage cp REF --from"
            " NAME` gets it again from a location.",
        )
        self.digest = digest


def hashed(file: BufferedReader) -> str:
    """The SHA-256 of a file from where it stands to its end."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(file: BufferedReader) -> str:
    """How a large file looks from afar: its size and a few pieces of it; "" for a small one.

    Only a hint: equal files have equal ones.
    """
    size = os.fstat(file.fileno()).st_size
    if size < LARGE:
        return ""
    hasher = hashlib.sha256()
    for at in range(PIECES):
        hasher.update(os.pread(file.fileno(), PIECE, (size - PIECE) * at // (PIECES - 1)))
    return f"{size}-{hasher.hexdigest()}"


def hashed_copy(stream: Readable, descriptor: int, *, sync: bool = False) -> str:
    """Copy a stream to a new file open for reading and writing, and hash what was written;
    returns the SHA-256. ``sync``: it is on the disk afterwards."""
    if isinstance(stream, BufferedReader) and _copied(stream.fileno(), descriptor):
        # The copy is hashed, not the source: that may change meanwhile.
        os.lseek(descriptor, 0, os.SEEK_SET)
        with open(descriptor, "rb", closefd=False) as copy, ThreadPoolExecutor(1) as pool:
            # Hashing lets go of the interpreter, and need not wait for the disk.
            syncing = pool.submit(os.fsync, descriptor) if sync else None
            digest = hashed(copy)
            if syncing is not None:
                syncing.result()
        return digest
    hasher = hashlib.sha256()
    while chunk := stream.read(PORTION):
        hasher.update(chunk)
        _write(descriptor, chunk)
    if sync:
        os.fsync(descriptor)
    return hasher.hexdigest()


def _copied(source: int, target: int) -> bool:
    """Whether the kernel copied a whole file, or shared its blocks where the disk can."""
    copy = getattr(os, "copy_file_range", None)
    size = os.fstat(source).st_size
    # Small ones are not worth it; files of the kernel have no size before they are read.
    if copy is None or size < CHUNK or os.lseek(source, 0, os.SEEK_CUR):
        return False
    try:
        while copy(source, target, LARGE):
            pass
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
    if os.fstat(target).st_size >= size:
        return True
    os.ftruncate(target, 0)
    os.lseek(target, 0, os.SEEK_SET)
    os.lseek(source, 0, os.SEEK_SET)
    return False


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


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
