"""Copying files into and out of a box as tar streams."""

from __future__ import annotations

import errno
import io
import os
import posixpath
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from devbox.boxes.identity import User
from devbox.compute.engine.faults import NotFound
from devbox.compute.engine.types import Engine
from devbox.errors import DevboxError

CHUNK = 1 << 20
IN_MEMORY = 16 << 20


def copy_in(engine: Engine, container: str, user: User, source: Path, target: str) -> None:
    """Copy a file or folder to an absolute path in the box, owned by the box's user.

    As with ``cp``: into ``target`` where that is a folder, else under its name. Raises
    DevboxError where the source cannot be read or the target's folder does not exist.
    """
    if not os.path.exists(source):  # noqa: PTH110 - Path.exists raises where it may not look
        raise DevboxError(f"{source} does not exist.")
    into = _is_folder(engine, container, target)
    folder, name = (target, source.name) if into else posixpath.split(target.rstrip("/"))
    if not into and not _is_folder(engine, container, folder or "/"):
        raise DevboxError(f"{folder} is not a folder in the box.", hint="Create it first.")
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        _pack(source, name, user, spool)
        spool.seek(0)
        engine.put(container, folder or "/", iter(lambda: spool.read(CHUNK), b""))


def copy_out(engine: Engine, container: str, source: str, target: Path) -> None:
    """Copy a file or folder of the box to a path here; what it replaces is replaced, not written
    through.

    Whatever the box's archive holds, nothing is written outside of the target: links and names
    that point out of it are refused, and so are devices and pipes. Raises DevboxError for
    these, and where the source does not exist or the target cannot be written.
    """
    into = os.path.isdir(target)  # noqa: PTH112 - Path.is_dir raises where it may not look
    folder = target if into else target.parent
    if not os.path.isdir(folder):  # noqa: PTH112
        raise DevboxError(f"{folder} is not a folder.", hint="Create it first.")
    name = posixpath.basename(source.rstrip("/")) if into else target.name
    try:
        stream = _Stream(engine.get(container, source))
        # Read by tarfile, but not unpacked by it: its checks differ between Pythons, and those
        # before 3.11.4 have none.
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for entry in archive:
                _unpack(archive, entry, folder, name)
    except NotFound:
        raise DevboxError(f"{source} does not exist in the box.") from None
    except tarfile.TarError as error:
        raise DevboxError(f"{source} arrived as a broken archive: {error}.") from error


def _pack(source: Path, name: str, user: User, into: IO[bytes]) -> None:
    def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid, entry.gid, entry.uname, entry.gname = user.uid, user.gid, "", ""
        return entry

    try:
        with tarfile.open(fileobj=into, mode="w") as archive:
            archive.add(source, arcname=name, filter=owned)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DevboxError(
                f"{tempfile.gettempdir()} has no space left for the copy.",
                hint="Free some, or set TMPDIR to a folder on another disk.",
            ) from error
        what, why = _shown(error.filename or source), error.strerror or error
        raise DevboxError(f"{what} cannot be read: {why}.") from error


def _unpack(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, name: str) -> None:
    """Make one entry of an archive below ``folder``; its first folder is called ``name`` there.

    New files are ours, without special bits, and nobody else may write them.
    """
    path = folder
    try:
        path = _place(folder, entry.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.isdir():
            path.mkdir(exist_ok=True)
            path.chmod((entry.mode & 0o755) | 0o700)
        elif entry.issym():
            _check_link(entry.linkname, depth=len(path.relative_to(folder).parts) - 1)
            path.unlink(missing_ok=True)
            path.symlink_to(entry.linkname)
        elif entry.islnk():
            _link(_place(folder, entry.linkname, name), path)
        else:
            _write(archive, entry, path)
    except _Hostile as why:
        raise DevboxError(f"Refused to copy {_shown(entry.name)}: {why}.") from None
    except OSError as error:
        why_not = error.strerror or error
        raise DevboxError(f"{_shown(path)} cannot be written: {why_not}.") from error


class _Hostile(Exception):
    """An entry that is no file, or that points out of the target; the text says which."""


def _place(folder: Path, text: str, name: str) -> Path:
    """Where the entry called ``text`` lies, below real folders only: never behind a link."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or ".." in parts or "\0" in text:
        raise _Hostile("its name points out of the target")
    path = folder
    for part in (name, *parts[1:]):
        if path != folder and path.is_symlink():
            raise _Hostile(f"{_shown(path)} is a link")
        path /= part
    if path.is_symlink() and path.is_dir():
        # The person's own: what is copied into it would be elsewhere.
        raise _Hostile(f"{_shown(path)} is a link to a folder")
    return path


def _check_link(text: str, depth: int) -> None:
    """Raise _Hostile where a symlink, so many folders below the target, may point out of it.

    ``..`` may only lead: there the kernel climbs real folders. After a name that may be a link
    itself, it could climb from anywhere.
    """
    parts = [part for part in text.split("/") if part not in ("", ".")]
    climbs = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
    inside = climbs <= depth and ".." not in parts[climbs:]
    if text.startswith("/") or not inside or "\0" in text:
        raise _Hostile("it is a link that points out of the target")


def _link(known: Path, path: Path) -> None:
    """A hard link to a file that was copied before. One to a symlink would move that."""
    if known.is_symlink() or not known.is_file():
        raise _Hostile("it is a hard link to no file of the copy")
    if path != known:
        path.unlink(missing_ok=True)
        path.hardlink_to(known)


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    content = archive.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise _Hostile("it is a device or a pipe")
    mode = (entry.mode & 0o755) | 0o600
    path.unlink(missing_ok=True)
    with content, path.open("xb") as file:
        shutil.copyfileobj(content, file, CHUNK)
        os.fchmod(file.fileno(), mode if mode & 0o100 else mode & 0o666)
    with suppress(OSError, ValueError, OverflowError):  # A time that no clock shows.
        os.utime(path, (entry.mtime, entry.mtime))


def _shown(text: object) -> str:
    """A name as it can stand in one line."""
    return str(text) if str(text).isprintable() else repr(str(text))


def _is_folder(engine: Engine, container: str, path: str) -> bool:
    return engine.call(container, ["test", "-d", path], user="0:0").code == 0


class _Stream(io.RawIOBase):
    """An iterator of chunks as a file that tarfile can read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        parts = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        cut = len(data) if size < 0 else size
        self._rest = data[cut:]
        return data[:cut]
