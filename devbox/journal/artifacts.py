"""Files that a run keeps: copied into its folder and hashed on the way, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.journal.ids import new_id
from devbox.journal.places import owned_as

FOLDER = "artifacts"
CHUNK = 1 << 20
LONGEST_PATH = 1000


def checked_path(path: str) -> str:
    """The place of an artifact in its run, as a relative path with ``/``."""
    pure = PurePosixPath(path)
    bad = (
        not path
        or len(path) > LONGEST_PATH
        or not path.isprintable()
        or "\\" in path
        or pure.is_absolute()
        or any(part in {"..", "."} for part in path.split("/"))
    )
    if bad or not pure.name:
        raise UsageError(
            f"{path!r} is no place for an artifact.",
            hint="Give a relative path without '..', such as plots/loss.png.",
        )
    return str(pure)


def keep(source: Path, path: str, run: Path) -> Iterator[dict[str, Any]]:
    """Copy a file, or all files of a folder, into a run's folder; says for each what was kept.

    Links to files are followed, links to folders and special files are refused.
    """
    try:
        kind = source.stat().st_mode
        if not stat.S_ISDIR(kind):
            yield _copy(source, checked_path(path or source.name), run)
            return
        root = checked_path(path or source.absolute().name)
        for folder, _, names in os.walk(source):
            for name in sorted(names):
                file = Path(folder, name)
                inside = PurePosixPath(root, *file.relative_to(source).parts)
                yield _copy(file, checked_path(str(inside)), run)
    except OSError as error:
        raise DevboxError(
            f"The artifact {error.filename or source} can't be kept: {error.strerror or error}."
        ) from error


def keep_bytes(content: bytes, path: str, run: Path) -> dict[str, Any]:
    """Write some bytes as an artifact."""
    place = checked_path(path)
    try:
        return _write(io.BytesIO(content), place, run)
    except OSError as error:
        raise DevboxError(f"The artifact {path} can't be kept: {error.strerror}.") from error


def drawn(figure: Any, path: str) -> bytes:
    """The bytes of a plot, in the format that the path's ending names."""
    checked_path(path)
    if hasattr(figure, "savefig"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=PurePosixPath(path).suffix[1:] or "png")
        return buffer.getvalue()
    if hasattr(figure, "to_html"):
        return str(figure.to_html(include_plotlyjs="cdn")).encode()
    raise UsageError(f"A {type(figure).__name__} is no plot of matplotlib or plotly.")


def _copy(source: Path, path: str, run: Path) -> dict[str, Any]:
    # Not waiting for a writer, should it be a pipe.
    fd = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise UsageError(f"{source} is no file.")
        kept = _write(file, path, run)
        after = os.fstat(file.fileno())
    if (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, kept["size"]):
        raise DevboxError(
            f"{source} changed while it was being kept.", hint="Log it when it is written."
        )
    return kept


def _write(source: Any, path: str, run: Path) -> dict[str, Any]:
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    owned_as(run)
    owned_as(folder)
    # Named by content only once it is whole: two versions of one path are two files.
    draft = folder / f".{new_id()}"
    digest, size = hashlib.sha256(), 0
    try:
        with draft.open("xb", buffering=0) as target:
            owned_as(folder, target.fileno())
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[target.write(view) :]
        draft.replace(folder / digest.hexdigest())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return {"path": path, "size": size, "sha256": digest.hexdigest()}
