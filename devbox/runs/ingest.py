"""Taking in what runs have written down: from the spool's folders into the state.

The folder of a run that is over goes out of the spool into the folder of old ones, so that a look
at what is new costs the same however many runs there were.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from devbox.journal.artifacts import FOLDER as ARTIFACTS
from devbox.journal.ids import is_id
from devbox.journal.reader import Batch, parse
from devbox.journal.writer import SUFFIX
from devbox.runs import notes
from devbox.runs.store import RunStore
from devbox.storage import Blobs

PORTION = 4 << 20
"""Bytes that are taken in by one transaction."""
YOUNG = 5.0
"""Seconds in which a run's first journal may not be locked yet."""

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


class Ingest:
    """Takes in the runs of one spool. Several processes may do so at once; each record is kept
    exactly once."""

    def __init__(self, store: RunStore, blobs: Blobs, spool: Path, old: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._spool = spool
        self._old = old

    def everything(self) -> int:
        """Take in all that is new; returns how many runs had something new."""
        return sum(self.run(run) for run in self.ids())

    def ids(self) -> Iterator[str]:
        """The runs of the spool, oldest first."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._spool))
        except OSError:
            return
        yield from filter(is_id, names)

    def run(self, run: str) -> bool:
        """Take in what is new of one run, and notice where it has died."""
        folder = self._spool / run
        if folder.is_symlink():
            return False
        # Before its journals are read: what was written until then is read.
        alive = _alive(folder)
        known = self._store.consumed(run)
        changed = False
        for journal in _journals(folder):
            changed |= self._journal(run, journal, known.get(journal.name, 0), ended=not alive)
        if not alive:
            changed |= self._store.lose(run, _last_sign(folder))
            self._put_away(run)
        return changed

    def _journal(self, run: str, journal: Path, consumed: int, *, ended: bool) -> bool:
        changed = False
        for start, data in _portions(journal, consumed):
            batch = parse(data, ended=ended and len(data) < PORTION)
            self._keep_files(run, batch)
            if not batch.consumed or not self._store.take(run, journal.name, start, batch):
                break
            changed = True
            if batch.consumed < len(data) < PORTION:
                break
        return changed

    def _keep_files(self, run: str, batch: Batch) -> None:
        """Store the files that notes tell of; a note whose file is another is damage."""
        for note in batch.notes.copy():
            artifact = notes.artifact(note) if note["kind"] == "artifact" else None
            if artifact is None:
                continue
            file = self._spool / run / ARTIFACTS / artifact.digest
            fd = _open(file)
            if fd is None:
                continue  # stored already, or lost: what is shown of the run tells
            with os.fdopen(fd, "rb") as stream:
                if self._blobs.put(stream) != artifact.digest:
                    batch.notes.remove(note)
                    batch.damaged += 1
            file.unlink(missing_ok=True)

    def _put_away(self, run: str) -> None:
        """Move a run that is over to the old ones. A late journal of it follows later."""
        place = self._old / run[:5] / run
        try:
            place.mkdir(parents=True, exist_ok=True)
            for journal in _journals(self._spool / run):
                journal.rename(place / journal.name)
            shutil.rmtree(self._spool / run, ignore_errors=True)
        except OSError:
            return  # it stays, and is looked at again


def _journals(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(
            Path(entry.path)
            for entry in os.scandir(folder)
            if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False)
        )
    return []


def _open(journal: Path) -> int | None:
    """A journal, for reading: a plain file, and no link or pipe in its place."""
    with suppress(OSError):
        fd = os.open(journal, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
    return None


def _portions(journal: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """What lies behind ``start``, in portions that end with a record where one ends in them."""
    fd = _open(journal)
    if fd is None:
        return
    try:
        while data := os.pread(fd, PORTION, start):
            end = data.rfind(b"\n") + 1
            whole = data[:end] if len(data) == PORTION and end else data
            yield start, whole
            start += len(whole)
    finally:
        os.close(fd)


def _alive(folder: Path) -> bool:
    """Whether some process that writes to a run lives: it holds a lock on its journal."""
    journals = _journals(folder)
    if fcntl is None:
        return time.time() - _last_sign(folder) < 60  # type: ignore[unreachable]
    for journal in journals:
        fd = _open(journal)
        if fd is None:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
    # A journal is made a moment before it is locked.
    return time.time() - _last_sign(folder) < YOUNG and all(_empty(each) for each in journals)


def _empty(journal: Path) -> bool:
    try:
        return journal.stat().st_size == 0
    except OSError:
        return True


def _last_sign(folder: Path) -> float:
    """The time of the last record, in seconds since the epoch."""
    signs = [0.0]
    for path in (folder, *_journals(folder)):
        with suppress(OSError):
            signs.append(path.stat().st_mtime)
    return max(signs)
