"""Records and series, out."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from sqlite3 import Row
from typing import Any

from devbox.errors import UsageError
from devbox.runs.records import Artifact, Experiment, Input, Range, RunRecord
from devbox.runs.search import Query
from devbox.runs.series import Series, joined
from devbox.runs.store.points import chunk_of
from devbox.state import State

_RUN = (
    "SELECT runs.*, experiments.name AS experiment_name FROM runs"
    " JOIN experiments ON experiments.n = runs.experiment"
)
_TREE = (
    "WITH RECURSIVE tree (id) AS (SELECT value FROM json_each(?) UNION"
    " SELECT runs.id FROM runs JOIN tree ON runs.parent = tree.id)"
)


class Finding:
    """The way out."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, start: str) -> Sequence[str]:
        """The ids that begin so, at most ten."""
        rows = self._state.connection.execute(
            "SELECT id FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT 10",
            (start, start + "g"),
        )
        return [row["id"] for row in rows]

    def digests(self) -> frozenset[str]:
        """Every file that some run kept."""
        rows = self._state.connection.execute("SELECT DISTINCT digest FROM artifacts")
        return frozenset(row["digest"] for row in rows)

    def get(self, run: str) -> RunRecord | None:
        """One run in full."""
        connection = self._state.connection
        row = connection.execute(f"{_RUN} WHERE runs.id = ?", (run,)).fetchone()
        if row is None:
            return None
        n = (row["n"],)
        artifacts = connection.execute(
            "SELECT path, digest, size FROM artifacts WHERE run = ? ORDER BY path", n
        )
        inputs = connection.execute(
            "SELECT name, version, digest, uri FROM inputs WHERE run = ? ORDER BY name, version", n
        )
        damaged = connection.execute("SELECT sum(damaged) FROM journals WHERE run = ?", n)
        (record,) = self._records([row])
        return dataclasses.replace(
            record,
            artifacts=tuple(Artifact(*each) for each in artifacts),
            inputs=tuple(Input(*each) for each in inputs),
            damaged=damaged.fetchone()[0] or 0,
        )

    def search(self, query: Query, limit: int | None) -> tuple[RunRecord, ...]:
        """The runs that a query finds, in its order, with params, tags and last metrics."""
        sql = f"{_RUN} {query.joins} WHERE {query.where} ORDER BY {query.order} LIMIT ?"
        rows = self._state.connection.execute(
            sql, (*query.values, -1 if limit is None else limit)
        ).fetchall()
        return self._records(rows)

    def known(self, runs: Sequence[str]) -> set[str]:
        """Those of some ids that are here, or were removed."""
        rows = self._state.connection.execute(
            "SELECT value FROM json_each(?) WHERE value IN (SELECT id FROM runs)"
            " OR value IN (SELECT id FROM removed_runs)",
            (json.dumps(list(runs)),),
        )
        return {row["value"] for row in rows}

    def trees(self, runs: Sequence[str]) -> tuple[RunRecord, ...]:
        """These runs and all that are below them, oldest first."""
        sql = f"{_TREE} {_RUN} WHERE runs.id IN tree ORDER BY started, runs.id"
        rows = self._state.connection.execute(sql, (json.dumps(list(runs)),)).fetchall()
        return self._records(rows)

    def children(self, run: str) -> Sequence[str]:
        """The ids of the runs right below one, oldest first."""
        rows = self._state.connection.execute(
            "SELECT id FROM runs WHERE parent = ? ORDER BY started, id", (run,)
        )
        return [row["id"] for row in rows]

    def series(self, run: str, key: str) -> Series | None:
        """All points of a metric, None where it was never logged."""
        connection = self._state.connection
        row = connection.execute(
            "SELECT metrics.n FROM metrics JOIN runs ON runs.n = run WHERE id = ? AND key = ?",
            (run, key),
        ).fetchone()
        if row is None:
            return None
        chunks = connection.execute(
            "SELECT * FROM chunks WHERE metric = ? ORDER BY journal, number", (row["n"],)
        )
        return joined(key, map(chunk_of, chunks))

    def runs_of(self, experiment: str) -> Sequence[str]:
        """The ids of all runs of an experiment."""
        rows = self._state.connection.execute(
            "SELECT id FROM runs WHERE experiment = (SELECT n FROM experiments WHERE name = ?)",
            (experiment,),
        )
        return [row["id"] for row in rows]

    def experiments(self) -> tuple[Experiment, ...]:
        """Every experiment, by name."""
        rows = self._state.connection.execute(
            "SELECT experiments.name, created, count(runs.n) AS runs,"
            " coalesce(max(started), 0.0) AS last"
            " FROM experiments LEFT JOIN runs ON experiment = experiments.n AND parent = ''"
            " GROUP BY experiments.n ORDER BY experiments.name"
        )
        return tuple(Experiment(r["name"], r["created"], r["runs"], r["last"]) for r in rows)

    def statuses(self, experiment: str) -> Mapping[str, int]:
        """How many runs of an experiment there are of each status."""
        rows = self._state.connection.execute(
            "SELECT status, count(*) FROM runs"
            " WHERE experiment = (SELECT n FROM experiments WHERE name = ?)"
            " GROUP BY status ORDER BY status",
            (experiment,),
        )
        return dict(rows.fetchall())

    def ranges(self, experiment: str) -> tuple[Range, ...]:
        """What the runs of an experiment measured in the end, but for what is sampled of their
        machines."""
        rows = self._state.connection.execute(
            "SELECT key, min(last), max(last), count(*) FROM metrics JOIN runs ON runs.n = run"
            " WHERE experiment = (SELECT n FROM experiments WHERE name = ?)"
            " AND last IS NOT NULL AND key NOT LIKE 'system/%' GROUP BY key ORDER BY key",
            (experiment,),
        )
        return tuple(Range(*row) for row in rows)

    def rename_experiment(self, name: str, to: str) -> None:
        """Give an experiment another name."""
        with self._state.transaction() as connection:
            taken = connection.execute("SELECT 1 FROM experiments WHERE name = ?", (to,))
            if taken.fetchone():
                raise UsageError(f"There is an experiment {to} already.")
            done = connection.execute("UPDATE experiments SET name = ? WHERE name = ?", (to, name))
            if not done.rowcount:
                raise UsageError(
                    f"No experiment {name}.", hint="`devbox experiment ls` lists them."
                )

    def _records(self, rows: Sequence[Row]) -> tuple[RunRecord, ...]:
        numbers = [row["n"] for row in rows]
        params = self._pairs("params", "value", numbers)
        tags = self._pairs("tags", "value", numbers)
        metrics = self._pairs("metrics", "last", numbers)
        return tuple(
            _record(row, params[n], tags[n], metrics[n])
            for row, n in zip(rows, numbers, strict=True)
        )

    def _pairs(self, table: str, column: str, runs: Sequence[int]) -> Mapping[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {run: {} for run in runs}
        rows = self._state.connection.execute(
            f"SELECT run, key, {column} FROM {table}"  # noqa: S608 - our own words
            " WHERE run IN (SELECT value FROM json_each(?)) ORDER BY key",
            (json.dumps(runs),),
        )
        for run, key, value in rows.fetchall():
            found[run][key] = value
        return found


def _record(
    row: Row,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    metrics: Mapping[str, float | None],
) -> RunRecord:
    facts = json.loads(row["facts"])
    return RunRecord(
        id=row["id"],
        parent=row["parent"],
        experiment=row["experiment_name"],
        name=row["name"],
        status=row["status"],
        started=row["started"],
        ended=row["ended"],
        user=row["person"],
        host=row["host"],
        box=row["box"],
        error=row["error"],
        command=tuple(facts.get("command", ())),
        folder=facts.get("folder", ""),
        code=facts.get("code", {}),
        environment=facts.get("environment", {}),
        params=params,
        tags=tags,
        # SQLite has no NaN.
        metrics={key: math.nan if value is None else value for key, value in metrics.items()},
    )
