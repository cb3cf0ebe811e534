"""Taking in what runs have written down: from the spools' folders into the state.

The folder of a run that is over goes out of its spool into the folder of old ones, so that a look
at what is new costs the same however many runs there were. What lies in a spool, that of a box
above all, is not trusted: only plain files right where they belong are read, through no link.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devbox.journal.ids import is_id
from devbox.journal.reader import Batch, parse
from devbox.runs import notes
from devbox.runs.folder import RunFolder, opened
from devbox.runs.store import RunStore
from devbox.storage import Blobs

PORTION = 4 << 20
"""Bytes that are taken in by one transaction."""
PORTIONS = 64
"""The most portions of one journal that are taken in before the other runs have their turn."""
MOST_RUNS = 10_000
"""The most runs of one spool that are looked at in one round."""
LONGEST_OUTPUT = 64 << 20


@dataclass(frozen=True)
class Source:
    """A spool. ``box`` is the box whose code writes there, "" for that of code outside of boxes:
    its runs are those of that box and no others, whatever they say."""

    spool: Path
    box: str = ""


class Ingest:
    """Takes in the runs of spools. Several processes may do so at once; each record is kept
    exactly once."""

    def __init__(
        self, store: RunStore, blobs: Blobs, sources: Callable[[], Iterable[Source]], old: Path
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._sources = sources
        self._old = old
        self._seen: dict[tuple[Source, str], tuple[tuple[str, int], ...]] = {}

    def everything(self) -> int:
        """Take in all that is new; returns how many runs had something new."""
        return sum(self.source(source) for source in self._sources())

    def source(self, source: Source) -> int:
        """Take in what is new in one spool."""
        return sum(self._run(source, run) for run in _ids(source.spool))

    def run(self, run: str, box: str | None = None) -> bool:
        """Take in what is new of one run, and notice where it has died; with ``box`` only where
        it is one of that box."""
        changed = False
        for source in self._sources():
            if is_id(run) and box in {None, source.box}:
                changed |= self._run(source, run)
        return changed

    def alive(self) -> bool:
        """Whether some run goes on now."""
        for source in self._sources():
            for run in _ids(source.spool):
                with opened(source.spool, run) as folder:
                    if folder and folder.alive():
                        return True
        return False

    def file(self, run: str, name: str, box: str) -> bytes:
        """The end of a plain file in the folder of a run of a box that goes on; b"" where there is
        none."""
        for source in self._sources():
            if source.box == box:
                with opened(source.spool, run) as folder:
                    if folder and (data := folder.tail(name, LONGEST_OUTPUT)):
                        return data
        return b""

    def forget(self, run: str) -> None:
        """Remove what a run has left in folders, now that it was removed."""
        for source in self._sources():
            with opened(source.spool, run) as folder:
                if folder:
                    folder.remove()
        shutil.rmtree(self._old / run[:5] / run, ignore_errors=True)

    def _run(self, source: Source, run: str) -> bool:
        with opened(source.spool, run) as folder:
            return folder is not None and self._take(source, run, folder)

    def _take(self, source: Source, run: str, folder: RunFolder) -> bool:
        # Before its journals are read: what was written until then is read.
        alive = folder.alive()
        sizes = folder.sizes()
        if alive and self._seen.get((source, run)) == sizes:
            return False
        known = self._store.consumed(run, source.box)
        changed, whole = False, True
        for journal, _ in sizes:
            start = known.get(journal, 0)
            some, done = self._journal(source, run, folder, journal, start, ended=not alive)
            changed, whole = changed or some, whole and done
        if alive:
            if (source, run) not in self._seen:
                changed |= self._store.revive(run, box=source.box)
            if whole:
                self._seen[source, run] = sizes
        elif whole:
            self._seen.pop((source, run), None)
            changed |= self._store.lose(run, folder.last_sign(), box=source.box)
            self._put_away(source, run, folder)
        return changed

    def _journal(
        self, source: Source, run: str, folder: RunFolder, journal: str, start: int, *, ended: bool
    ) -> tuple[bool, bool]:
        """Whether something was new, and whether that was all there is."""
        changed = False
        for count, (at, data) in enumerate(_portions(folder, journal, start)):
            if count >= PORTIONS:
                return changed, False
            batch = parse(data, ended=ended and len(data) < PORTION)
            self._keep_files(folder, batch)
            if not batch.consumed or not self._store.take(run, journal, at, batch, box=source.box):
                break
            changed = True
            if batch.consumed < len(data) < PORTION:
                break
        return changed, True

    def _keep_files(self, folder: RunFolder, batch: Batch) -> None:
        """Store the files that notes tell of; a note whose file is another is damage."""
        for note in batch.notes.copy():
            artifact = notes.artifact(note) if note["kind"] == "artifact" else None
            if artifact is None:
                continue
            with folder.artifact(artifact.digest) as file:
                if file is None:
                    continue  # stored already, or lost: what is shown of the run tells
                if file.left != artifact.size or file.left > self._room():
                    kept = ""
                else:
                    kept = self._blobs.put(file)
                if kept != artifact.digest:
                    batch.notes.remove(note)
                    batch.damaged += 1
            folder.remove_artifact(artifact.digest)

    def _room(self) -> int:
        """Bytes that may still be stored: a file with holes costs its box nothing."""
        place = self._blobs.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def _put_away(self, source: Source, run: str, folder: RunFolder) -> None:
        """Move a run that is over to the old ones. A late journal of it follows later."""
        if self._store.removed(run):
            folder.remove()
            return
        place = self._old / run[:5] / run
        with suppress(OSError):  # it stays, and is looked at again
            if not source.box:
                place.mkdir(parents=True, exist_ok=True)
                folder.move_journals(place)
            elif known := self._store.consumed(run, source.box):
                # Nothing of what a box has put beside them, or wrote of others' runs.
                place.mkdir(parents=True, exist_ok=True)
                folder.copy_journals(place, known)
            folder.remove()


def _ids(spool: Path) -> Iterator[str]:
    """The runs of a spool, oldest first."""
    names = list[str]()
    with suppress(OSError), os.scandir(spool) as entries:
        for entry in entries:
            if is_id(entry.name):
                names.append(entry.name)
                if len(names) >= MOST_RUNS:
                    break
    yield from sorted(names)


def _portions(folder: RunFolder, journal: str, start: int) -> Iterator[tuple[int, bytes]]:
    """What lies behind ``start``, in portions that end with a record where one ends in them."""
    fd = folder.open(journal)
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
