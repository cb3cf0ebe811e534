"""A storage location that is a folder: a disk, or a network filesystem that is mounted."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from devbox.errors import DevboxError, Unreachable
from devbox.storage.backend import Item, Tell

CHUNK = 1 << 20
UNFINISHED = "unfinished"


class Disk:
    """The folder ``root``. It must exist: a mount that is gone must not become a folder of ours."""

    def __init__(self, root: Path) -> None:
        self._root = root
        if not root.is_dir():
            raise Unreachable(
                f"There is no folder {root}.",
                hint="Make it, or mount what belongs there.",
            )

    def stat(self, key: str) -> Item | None:
        """What lies at a key."""
        try:
            status = (self._root / key).stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(error) from error
        return Item(key, status.st_size, status.st_mtime)

    def ls(self, prefix: str) -> Iterator[Item]:
        """What lies below a prefix."""
        try:
            for folder, folders, files in os.walk(self._root / prefix, onerror=_fail):
                at = Path(folder).relative_to(self._root)
                if at == Path():
                    folders[:] = [name for name in folders if name != UNFINISHED]
                folders.sort()
                for name in sorted(files):
                    found = self.stat(str(at / name)) if not name.endswith(".tmp") else None
                    if found is not None:
                        yield found
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed(error) from error

    def read(self, key: str) -> Iterator[bytes]:
        """The content."""
        try:
            with (self._root / key).open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failed(error) from error

    def write(self, key: str, data: bytes) -> None:
        """Put something small there."""
        target = self._root / key
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    os.fchmod(file.fileno(), 0o644)
                    file.flush()
                    os.fsync(file.fileno())
                Path(draft).replace(target)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._failed(error) from error

    def send(self, key: str, source: Path, tell: Tell) -> None:
        """Put a file there, going on where an earlier attempt has ended."""
        target = self._root / key
        digest = target.name
        draft = self._root / UNFINISHED / digest
        try:
            draft.parent.mkdir(exist_ok=True)
            target.parent.mkdir(exist_ok=True)
            descriptor = self._draft(draft)
            try:
                self._fill(descriptor, source, digest, tell)
                os.fsync(descriptor)
                draft.replace(target)
                _sync(target.parent)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._failed(error) from error

    def remove(self, key: str) -> None:
        """Remove what lies there."""
        try:
            (self._root / key).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def sweep(self, before: float) -> int:
        """Remove what old attempts have left."""
        count = 0
        with suppress(FileNotFoundError):
            for left in (self._root / UNFINISHED).iterdir():
                if left.stat().st_mtime < before:
                    left.unlink(missing_ok=True)
                    count += 1
        return count

    def close(self) -> None:
        """Nothing is held."""

    def _draft(self, draft: Path) -> int:
        """What an earlier attempt has left, or a new file; locked where the filesystem can."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            descriptor = os.open(draft, flags, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise DevboxError(
                    f"Somebody else stores {draft.name[:12]} in {self._root} right now.",
                    hint="Try again when they are done.",
                ) from None
            except OSError:
                return descriptor  # a network filesystem without locks
            # It may have become the blob between its opening and its locking.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), draft.lstat()):
                    return descriptor
            os.close(descriptor)

    def _fill(self, descriptor: int, source: Path, digest: str, tell: Tell) -> None:
        with source.open("rb") as file:
            hasher = hashlib.sha256()
            begun = 0
            while chunk := os.pread(descriptor, CHUNK, begun):
                hasher.update(chunk)
                begun += len(chunk)
            # Whose beginning is another goes from the start.
            if hasher.digest() != _beginning(file.fileno(), begun):
                os.ftruncate(descriptor, 0)
                hasher, begun = hashlib.sha256(), 0
            file.seek(begun)
            os.lseek(descriptor, begun, os.SEEK_SET)
            while chunk := file.read(CHUNK):
                hasher.update(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[os.write(descriptor, view) :]
                tell(len(chunk))
        if hasher.hexdigest() != digest:
            os.ftruncate(descriptor, 0)
            from devbox.storage.blobs import Damaged

            raise Damaged(digest, str(source))

    def _failed(self, error: OSError) -> DevboxError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DevboxError(
                f"No space left in {self._root}; the file was not stored.",
                hint="Free space there, then try again: what was sent so far is kept.",
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return Unreachable(
                f"{self._root} may not be used: {error.strerror}.",
                hint="Have its owner let you write there.",
            )
        return Unreachable(f"{self._root} cannot be used: {error.strerror or error}.")


def _beginning(descriptor: int, size: int) -> bytes:
    hasher, at = hashlib.sha256(), 0
    while at < size and (chunk := os.pread(descriptor, min(CHUNK, size - at), at)):
        hasher.update(chunk)
        at += len(chunk)
    return hasher.digest()


def _fail(error: OSError) -> None:
    raise error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network filesystems don't
    finally:
        os.close(descriptor)
