"""Runs: everything that executed and was written down, found again and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.errors import UsageError
from devbox.journal.places import spool_of

if TYPE_CHECKING:
    from devbox.runs.compare import Comparison
    from devbox.runs.ingest import Ingest
    from devbox.runs.records import Experiment, RunRecord
    from devbox.runs.series import Series
    from devbox.runs.store import RunStore
    from devbox.state import State
    from devbox.storage import Blobs

__all__ = ["Runs"]

SHORT = 6
"""The fewest digits of an id that name a run."""


class Runs:
    """The runs of one state file. Each question first takes in what runs have written since."""

    def __init__(self, home: Path, *, state: Callable[[], State], blobs: Blobs) -> None:
        self._home = home
        self._state = state
        self._blobs = blobs

    def get(self, run: str) -> RunRecord:
        """One run in full, by its id or the beginning of one.

        Raises UsageError where there is none, or several begin so.
        """
        return self._get(self._full(run))

    def search(
        self,
        where: str = "",
        *,
        order_by: str = "",
        limit: int | None = 100,
        roots: bool = False,
    ) -> tuple[RunRecord, ...]:
        """Runs that meet a condition, newest first unless ordered otherwise; see
        :mod:`devbox.runs.search` for the language. ``roots``: only those that are nobody's child.
        """
        from devbox.runs.search import query

        asked = query(where, order_by, roots=roots)
        self.ingest.everything()
        return self._store.search(asked, limit)

    def metric(self, run: str, key: str) -> Series:
        """All points of a metric, in order. Raises UsageError where it was never logged."""
        full = self._full(run)
        series = self._store.series(full, key)
        if series is None:
            known = ", ".join(self._get(full).metrics) or "none"
            raise UsageError(f"Run {run} has no metric {key}.", hint=f"It has: {known}.")
        return series

    def compare(self, runs: Sequence[str], *, every: bool = False) -> Comparison:
        """In what runs differ: params, last metrics, tags, code; ``every``: all of that."""
        from devbox.runs.compare import comparison

        return comparison([self.get(run) for run in runs], every=every)

    def children(self, run: str) -> Sequence[str]:
        """The ids of the runs right below one, oldest first."""
        return self._store.children(self._full(run))

    def output(self, run: str) -> bytes:
        """What a tracked command has printed so far; empty for a run that is none."""
        from devbox.runs.track import OUTPUT

        record = self.get(run)
        for artifact in record.artifacts:
            if artifact.path == OUTPUT:
                with self._blobs.open(artifact.digest) as file:
                    return file.read()
        try:
            return (spool_of(self._home) / record.id / OUTPUT).read_bytes()
        except OSError:
            return b""

    def rename_experiment(self, name: str, to: str) -> None:
        """Give an experiment another name. Raises UsageError where there is none, or the new
        name is taken."""
        from devbox.journal.checks import checked_key

        self.ingest.everything()
        self._store.rename_experiment(name, checked_key(to))

    def experiments(self) -> tuple[Experiment, ...]:
        """Every experiment, by name."""
        self.ingest.everything()
        return self._store.experiments()

    @cached_property
    def ingest(self) -> Ingest:
        """What takes journals in."""
        from devbox.runs.ingest import Ingest

        return Ingest(self._store, self._blobs, spool_of(self._home), self._home / "runs")

    @cached_property
    def _store(self) -> RunStore:
        from devbox.runs.store import RunStore

        return RunStore(self._state())

    def _get(self, run: str) -> RunRecord:
        found = self._store.get(run)
        if found is None:
            raise _unknown(run)
        return found

    def _full(self, run: str) -> str:
        self.ingest.everything()
        start = run.strip().lower()
        if len(start) < SHORT or any(digit not in "0123456789abcdef" for digit in start):
            raise _unknown(run)
        found = self._store.find(start)
        if not found:
            raise _unknown(run)
        if len(found) > 1:
            shown = ", ".join(found[:3])
            raise UsageError(f"Several runs begin with {run}.", hint=f"Write more of it: {shown}.")
        return found[0]


def _unknown(run: str) -> UsageError:
    return UsageError(f"No run {run[:40]}.", hint="`devbox runs ls` lists them.")
