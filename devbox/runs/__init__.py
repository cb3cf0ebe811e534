"""Runs: everything that executed and was written down, found again and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.errors import UsageError
from devbox.journal.places import box_spools, spool_of

if TYPE_CHECKING:
    from devbox.runs.compare import Comparison
    from devbox.runs.ingest import Ingest, Source
    from devbox.runs.mlflow import Store
    from devbox.runs.mlflow.places import Places
    from devbox.runs.mlflow.taking import Taken
    from devbox.runs.records import Experiment, Overview, RunRecord
    from devbox.runs.removal import Removal
    from devbox.runs.series import Series
    from devbox.runs.store import RunStore
    from devbox.state import State
    from devbox.storage import Blobs

__all__ = ["Runs"]

SHORT = 6
"""The fewest digits of an id that name a run."""


class Runs:
    """The runs of one state file. Each question first takes in what runs have written since.

    ``used_by`` tells which model versions were made by a run.
    """

    def __init__(
        self,
        home: Path,
        *,
        state: Callable[[], State],
        blobs: Blobs,
        used_by: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        self._home = home
        self._state = state
        self._blobs = blobs
        self._used_by = used_by

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
        return self.ingest.file(record.id, OUTPUT, record.box)

    def plan_removal(
        self, runs: Sequence[str] = (), *, where: str = "", experiment: str = ""
    ) -> Removal:
        """What :meth:`remove` would remove: these runs, those that meet a condition, or an
        experiment with all of its runs; children go with their parents.

        Raises Refused where one of them runs, or a model version was made by it.
        """
        from devbox.runs.removal import plan
        from devbox.runs.search import query

        chosen = [self._full(run) for run in runs]
        if where:
            self.ingest.everything()
            chosen += [run.id for run in self._store.search(query(where), None)]
        if experiment:
            chosen += self._store.runs_of(self.experiment(experiment).name)
        return plan(self._store.trees(chosen), self._used_by, experiment)

    def remove(self, removal: Removal) -> tuple[str, ...]:
        """Remove what was planned, for good; returns the ids of the runs that went. The content
        of their artifacts goes with the next collection of what nothing refers to."""
        gone = self._store.remove([run.id for run in removal.runs], experiment=removal.experiment)
        for run in gone:
            self.ingest.forget(run)
        return tuple(gone)

    def experiment(self, name: str) -> Experiment:
        """One experiment. Raises UsageError where there is none."""
        for found in self.experiments():
            if found.name == name:
                return found
        raise UsageError(f"No experiment {name}.", hint="`devbox experiment ls` lists them.")

    def overview(self, experiment: str) -> Overview:
        """An experiment at a glance. Raises UsageError where there is none."""
        from devbox.runs.records import Overview
        from devbox.runs.search import quoted

        found = self.experiment(experiment)
        return Overview(
            found,
            self._store.statuses(experiment),
            self._store.ranges(experiment),
            self.search(f"experiment = {quoted(experiment)}", limit=5, roots=True),
        )

    def digests(self) -> frozenset[str]:
        """The digest of every file that some run kept: storage keeps them."""
        self.ingest.everything()
        return self._store.digests()

    def take_mlflow(self, store: Store, places: Places, *, dry_run: bool = False) -> Taken:
        """Take in the runs of a store of MLflow that are not here yet, nor were removed here;
        with ``dry_run`` only tell which they are."""
        from devbox.runs.mlflow.taking import Taking

        self.ingest.everything()
        spool = spool_of(self._home)
        taking = Taking(store, spool, places, self._store.known, self.ingest.run)
        return taking.runs(dry_run=dry_run)

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

        return Ingest(self._store, self._blobs, self._sources, self._home / "runs")

    def _sources(self) -> Iterator[Source]:
        from devbox.runs.ingest import Source

        yield Source(spool_of(self._home))
        for name, spool in box_spools(self._home):
            yield Source(spool, name)

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
