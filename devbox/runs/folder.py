"""The folder of one run in a spool, read by somebody who does not trust what is in it.

All goes through the folder's own descriptor: a link that takes the place of something meanwhile
leads nowhere. Nothing that is no plain file is opened for long, so that no pipe holds us up.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devbox.journal.artifacts import FOLDER as ARTIFACTS
from devbox.journal.ids import is_id
from devbox.journal.writer import SUFFIX

YOUNG = 5.0
"""Seconds in which a run's first journal may not be locked yet."""
MOST_JOURNALS = 10_000
CHUNK = 1 << 20

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


class Limited:
    """A stream of the bytes that a file had when it was opened, however it grows."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.left = size

    def read(self, size: int, /) -> bytes:
        """Some bytes, b"" at the end."""
        data = os.read(self._fd, min(size, self.left))
        self.left -= len(data)
        return data


class RunFolder:
    """A run's folder, open as ``fd``; ``spool`` is the descriptor of the folder that it is in."""

    def __init__(self, spool: int, run: str, fd: int) -> None:
        self._spool = spool
        self._run = run
        self._fd = fd

    def sizes(self) -> tuple[tuple[str, int], ...]:
        """The journals by name, with their bytes."""
        found = list[tuple[str, int]]()
        with suppress(OSError), os.scandir(self._fd) as entries:
            for entry in entries:
                name, dot, suffix = entry.name.partition(".")
                # No name but those that journals get: others may not even be text.
                if is_id(name) and dot + suffix == SUFFIX:
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            found.append((entry.name, status.st_size))
                if len(found) >= MOST_JOURNALS:
                    break
        return tuple(sorted(found))

    def alive(self) -> bool:
        """Whether some process that writes to the run lives: it holds a lock on its journal."""
        if fcntl is None:
            return time.time() - self.last_sign() < 60  # type: ignore[unreachable]
        sizes = self.sizes()
        for name, size in sizes:
            # A journal is made a moment before it is locked, and has its first record then: one
            # without is left alone, or its writer would find it locked.
            fd = self.open(name) if size else None
            if fd is None:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            finally:
                os.close(fd)
        empty = all(size == 0 for _, size in sizes)
        return empty and time.time() - self.last_sign() < YOUNG

    def last_sign(self) -> float:
        """The time of the last record, in seconds since the epoch."""
        signs = [os.fstat(self._fd).st_mtime]
        for name, _ in self.sizes():
            with suppress(OSError):
                signs.append(os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_mtime)
        return max(signs)

    def open(self, name: str) -> int | None:
        """A plain file of the folder, for reading; None where there is none."""
        return _plain_file(self._fd, name)

    def tail(self, name: str, most: int) -> bytes:
        """The last bytes of a plain file; b"" where there is none."""
        fd = self.open(name)
        if fd is None:
            return b""
        with os.fdopen(fd, "rb") as file:
            file.seek(max(0, os.fstat(fd).st_size - most))
            return file.read(most)

    @contextmanager
    def artifact(self, digest: str) -> Iterator[Limited | None]:
        """The file of an artifact, to be read once; None where there is none."""
        with _folder(self._fd, ARTIFACTS) as folder:
            fd = _plain_file(folder, digest) if folder is not None else None
            if fd is None:
                yield None
                return
            try:
                yield Limited(fd, os.fstat(fd).st_size)
            finally:
                os.close(fd)

    def remove_artifact(self, digest: str) -> None:
        """Remove the file of an artifact, where there is one."""
        with _folder(self._fd, ARTIFACTS) as folder:
            if folder is not None:
                with suppress(OSError):
                    os.unlink(digest, dir_fd=folder)

    def move_journals(self, place: Path) -> None:
        """Move the journals to a folder."""
        for name, _ in self.sizes():
            os.rename(name, place / name, src_dir_fd=self._fd)

    def copy_journals(self, place: Path, names: Container[str]) -> None:
        """Copy those of these names to a folder, none over one that is there. A file that was
        moved could still be written to, by who has it open or under another name."""
        for name, size in self.sizes():
            fd = self.open(name) if name in names else None
            if fd is None:
                continue
            try:
                with suppress(FileExistsError):
                    _copy(Limited(fd, size), place / name)
            finally:
                os.close(fd)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self._run, ignore_errors=True, dir_fd=self._spool)


@contextmanager
def opened(spool: Path, run: str) -> Iterator[RunFolder | None]:
    """The folder of a run in a spool, None where there is none, or something else in its place."""
    try:
        above = os.open(spool, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        with _folder(above, run) as fd:
            yield RunFolder(above, run, fd) if fd is not None else None
    finally:
        os.close(above)


@contextmanager
def _folder(above: int, name: str) -> Iterator[int | None]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = -1
    with suppress(OSError):
        fd = os.open(name, flags, dir_fd=above)
    try:
        yield fd if fd >= 0 else None
    finally:
        if fd >= 0:
            os.close(fd)


def _plain_file(folder: int, name: str) -> int | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError):
        fd = os.open(name, flags, dir_fd=folder)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
    return None


def _copy(source: Limited, target: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        while data := source.read(CHUNK):
            file.write(data)
