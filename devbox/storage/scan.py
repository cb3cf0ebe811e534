"""Reading files and folders into storage: what a dataset version is made of."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devbox.errors import DevboxError
from devbox.progress import Progress, Report
from devbox.storage.blobs import Blobs, hashed
from devbox.storage.manifest import FILE, FOLDER, Entry, Manifest, manifest, shown

AT_ONCE = min(4, os.cpu_count() or 1)
STEP = 500


def scan(path: Path, keep: Blobs | None, report: Report) -> Manifest:
    """The manifest of a file or folder; with ``keep`` its files are stored there.

    Raises DevboxError for links and special files below it, and for files that change, vanish or
    can't be read meanwhile, naming them.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DevboxError(f"{path} cannot be read: {error.strerror}.") from error
    if stat.S_ISREG(mode):
        return manifest(FILE, [_file(path, path.name, keep)])
    if not stat.S_ISDIR(mode):
        raise _special(path)
    found = list(_below(path))
    entries: list[Entry] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        act: Callable[[str], Entry] = lambda name: _file(path / name, name, keep)  # noqa: E731
        try:
            for entry in pool.map(act, found):
                entries.append(entry)
                if len(entries) % STEP == 0:
                    text = shown(entry.path)
                    report(Progress("hash", path.name, text, len(entries), len(found)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return manifest(FOLDER, entries)


def _below(root: Path) -> Iterator[str]:
    """Every file below a folder, by relative path."""
    waiting = [""]
    while waiting:
        at = waiting.pop()
        try:
            entries = sorted(os.scandir(root / at), key=lambda entry: entry.name)
        except OSError as error:
            raise DevboxError(
                f"{shown(str(root / at))} cannot be read: {error.strerror}."
            ) from error
        for entry in entries:
            name = f"{at}{entry.name}"
            if entry.is_symlink():
                raise DevboxError(
                    f"{shown(str(root / name))} is a link, which a dataset cannot hold.",
                    hint="Put what it leads to in its place.",
                )
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                yield name
            else:
                raise _special(root / name)


def _file(path: Path, name: str, keep: Blobs | None) -> Entry:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise _special(path)
            digest = hashed(file) if keep is None else keep.put_file(file)
            after = os.fstat(descriptor)
    except FileNotFoundError as error:
        raise DevboxError(
            f"{shown(str(path))} was taken away while it was read.", hint="Try again."
        ) from error
    except OSError as error:
        raise DevboxError(f"{shown(str(path))} cannot be read: {error.strerror}.") from error
    if _looks(before) != _looks(after):
        raise DevboxError(
            f"{shown(str(path))} was changed while it was read.",
            hint="Try again when nothing writes to it.",
        )
    return Entry(name, digest, before.st_size, bool(before.st_mode & 0o100))


def _looks(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _special(path: Path) -> DevboxError:
    return DevboxError(
        f"{shown(str(path))} is no plain file, so a dataset cannot hold it.",
        hint="A dataset holds files and folders.",
    )


def digest_of(chunks: Iterator[bytes]) -> tuple[str, int]:
    """The SHA-256 and the bytes of content that comes in pieces."""
    hasher, size = hashlib.sha256(), 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return hasher.hexdigest(), size
