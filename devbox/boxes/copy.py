"""Copying files into and out of a box as tar streams."""

from __future__ import annotations

import io
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from devbox.boxes.identity import User
from devbox.compute.engine.types import Engine
from devbox.errors import DevboxError

CHUNK = 1 << 20
IN_MEMORY = 16 << 20


def copy_in(engine: Engine, container: str, user: User, source: Path, target: str) -> None:
    """Copy a file or folder to an absolute path in the box, owned by the box's user.

    As with ``cp``: into ``target`` where that is a folder, else under its name. Raises
    DevboxError where the source or the target's folder does not exist.
    """
    if not source.exists():
        raise DevboxError(f"{source} does not exist.")
    into = _is_folder(engine, container, target)
    folder, name = (target, source.name) if into else posixpath.split(target.rstrip("/"))
    if not into and not _is_folder(engine, container, folder or "/"):
        raise DevboxError(f"{folder} is not a folder in the box.", hint="Create it first.")

    def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid, entry.gid, entry.uname, entry.gname = user.uid, user.gid, "", ""
        return entry

    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        with tarfile.open(fileobj=spool, mode="w") as archive:
            archive.add(source, arcname=name, filter=owned)
        spool.seek(0)
        engine.put(container, folder or "/", iter(lambda: spool.read(CHUNK), b""))


def copy_out(engine: Engine, container: str, source: str, target: Path) -> None:
    """Copy a file or folder of the box to a path here.

    Whatever the box's archive holds, nothing is written outside of the target: links and names
    that point out of it are refused.
    """
    into = target.is_dir()
    if not into and not target.parent.is_dir():
        raise DevboxError(f"{target.parent} is not a folder.", hint="Create it first.")
    folder = target if into else target.parent
    name = posixpath.basename(source.rstrip("/")) if into else target.name
    stream = _Stream(engine.get(container, source))
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            first, _, rest = entry.name.partition("/")
            if not first:
                continue
            entry.name = f"{name}/{rest}" if rest else name
            if entry.islnk():  # a hard link names its target from the archive's root
                entry.linkname = f"{name}/{entry.linkname.partition('/')[2]}"
            try:
                archive.extract(entry, folder, filter="data")
            except tarfile.FilterError as error:
                raise DevboxError(f"Refused to copy {entry.name}: {error}") from None


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
