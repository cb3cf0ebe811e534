"""All SQL of runs: what journals say goes in, records and series come out."""

from __future__ import annotations

import json
import math
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Row
from typing import Any

from devbox.errors import UsageError
from devbox.journal.reader import Batch, Points
from devbox.runs import notes
from devbox.runs.records import ENDS, LOST, RUNNING, Artifact, Experiment, Input, RunRecord
from devbox.runs.search import Query
from devbox.runs.series import FULLEST, Chunk, Series, is_ordered, joined, packed
from devbox.state import Connection, State

DEFAULT_EXPERIMENT = "default"
_RUN = (
    "SELECT runs.*, experiments.name AS experiment_name FROM runs"
    " JOIN experiments ON experiments.n = runs.experiment"
)


class RunStore:
    """The runs of one state file."""

    def __init__(self, state: State) -> None:
        self._state = state

    # In

    def consumed(self, run: str) -> Mapping[str, int]:
        """How many bytes of each journal of a run were taken in."""
        rows = self._state.connection.execute(
            "SELECT name, consumed FROM journals WHERE run = (SELECT n FROM runs WHERE id = ?)",
            (run,),
        )
        return dict(rows.fetchall())

    def take(self, run: str, journal: str, start: int, batch: Batch) -> bool:
        """Keep what a journal says from the byte ``start`` on, once: False where somebody else
        has taken it in meanwhile."""
        with self._state.transaction() as connection:
            run_n = self._run_number(connection, run)
            journal_n, consumed = self._journal(connection, run_n, journal)
            if consumed != start:
                return False
            for note in batch.notes:
                self._note(connection, run_n, note)
            for key, points in batch.points.items():
                if points:
                    self._points(connection, run_n, journal_n, key, points)
            connection.execute(
                "UPDATE journals SET consumed = ?, damaged = damaged + ? WHERE n = ?",
                (start + batch.consumed, batch.damaged, journal_n),
            )
        return True

    def lose(self, run: str, ended: float) -> bool:
        """A run whose processes are all gone, and that did not say how it ended, is lost."""
        with self._state.transaction() as connection:
            done = connection.execute(
                "UPDATE runs SET status = ?, ended = ? WHERE id = ? AND status = ?",
                (LOST, ended, run, RUNNING),
            )
            return done.rowcount > 0

    def _run_number(self, connection: Connection, run: str) -> int:
        row = connection.execute("SELECT n FROM runs WHERE id = ?", (run,)).fetchone()
        if row:
            return int(row["n"])
        # The journal of a child process may come before the one that says what the run is.
        made = connection.execute(
            "INSERT INTO runs (id, parent, experiment, name, status, started, person, host, box,"
            " error, facts) VALUES (?, '', ?, '', ?, ?, '', '', '', '', '{}')",
            (run, self._experiment(connection, DEFAULT_EXPERIMENT), RUNNING, time.time()),
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def _experiment(self, connection: Connection, name: str) -> int:
        row = connection.execute("SELECT n FROM experiments WHERE name = ?", (name,)).fetchone()
        if row:
            return int(row["n"])
        made = connection.execute(
            "INSERT INTO experiments (name, created) VALUES (?, ?)", (name, time.time())
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def _journal(self, connection: Connection, run: int, name: str) -> tuple[int, int]:
        row = connection.execute(
            "SELECT n, consumed FROM journals WHERE run = ? AND name = ?", (run, name)
        ).fetchone()
        if row:
            return row["n"], row["consumed"]
        made = connection.execute(
            "INSERT INTO journals (run, name, consumed, damaged) VALUES (?, ?, 0, 0)", (run, name)
        )
        assert made.lastrowid is not None
        return made.lastrowid, 0

    def _note(self, connection: Connection, run: int, note: Mapping[str, Any]) -> None:
        kind = note["kind"]
        if kind == "start":
            self._start(connection, run, note)
        elif kind == "name":
            self._rename(connection, run, note)
        elif kind in {"code", "environment"}:
            self._facts(connection, run, {kind: notes.facts(note)})
        elif kind in {"params", "tags"}:
            connection.executemany(
                f"INSERT OR REPLACE INTO {kind} (run, key, value, number) VALUES (?, ?, ?, ?)",  # noqa: S608
                [(run, *pair) for pair in notes.pairs(note)],
            )
        elif kind == "artifact" and (artifact := notes.artifact(note)):
            connection.execute(
                "INSERT OR REPLACE INTO artifacts (run, path, digest, size, time)"
                " VALUES (?, ?, ?, ?, ?)",
                (run, artifact.path, artifact.digest, artifact.size, notes.seconds(note)),
            )
        elif kind == "input" and (read := notes.read_data(note)):
            connection.execute(
                "INSERT OR IGNORE INTO inputs (run, name, version, digest, uri)"
                " VALUES (?, ?, ?, ?, ?)",
                (run, read.name, read.version, read.digest, read.uri),
            )
        elif kind == "end" and note.get("status") in ENDS:
            connection.execute(
                "UPDATE runs SET status = ?, ended = ?, error = ? WHERE n = ?",
                (note["status"], notes.seconds(note), notes.text(note, "error"), run),
            )

    def _start(self, connection: Connection, run: int, note: Mapping[str, Any]) -> None:
        parent = notes.run_id(note, "parent")
        name = notes.text(note, "experiment", 250) or self._experiment_of(connection, parent)
        connection.execute(
            "UPDATE runs SET parent = ?, experiment = ?, name = ?, started = ?, person = ?,"
            " host = ?, box = ? WHERE n = ?",
            (
                parent,
                self._experiment(connection, name),
                notes.text(note, "name"),
                notes.seconds(note),
                notes.text(note, "user", 250),
                notes.text(note, "host", 250),
                notes.text(note, "box", 250),
                run,
            ),
        )
        self._facts(connection, run, notes.origin(note))

    def _experiment_of(self, connection: Connection, run: str) -> str:
        row = connection.execute(
            "SELECT experiments.name FROM runs JOIN experiments ON experiments.n = experiment"
            " WHERE id = ?",
            (run,),
        ).fetchone()
        return str(row["name"]) if row else DEFAULT_EXPERIMENT

    def _rename(self, connection: Connection, run: int, note: Mapping[str, Any]) -> None:
        if name := notes.text(note, "name"):
            connection.execute("UPDATE runs SET name = ? WHERE n = ?", (name, run))
        if experiment := notes.text(note, "experiment", 250):
            number = self._experiment(connection, experiment)
            connection.execute("UPDATE runs SET experiment = ? WHERE n = ?", (number, run))

    def _facts(self, connection: Connection, run: int, facts: Mapping[str, Any]) -> None:
        row = connection.execute("SELECT facts FROM runs WHERE n = ?", (run,)).fetchone()
        text = json.dumps(json.loads(row["facts"]) | facts)
        connection.execute("UPDATE runs SET facts = ? WHERE n = ?", (text, run))

    def _points(
        self, connection: Connection, run: int, journal: int, key: str, points: Points
    ) -> None:
        metric = self._metric(connection, run, key, points)
        number, room = 0, 0
        row = connection.execute(
            "SELECT number, points FROM chunks WHERE metric = ? AND journal = ?"
            " ORDER BY number DESC LIMIT 1",
            (metric, journal),
        ).fetchone()
        if row:
            number, room = row["number"], FULLEST - row["points"]
        begin = 0
        if room > 0 and row:
            begin = min(room, len(points))
            self._extend(connection, (metric, journal, number), points, begin)
        for first in range(begin, len(points), FULLEST):
            number += 1
            some = slice(first, first + FULLEST)
            times = points.times[some]
            connection.execute(
                "INSERT INTO chunks (metric, journal, number, points, ordered, times, steps,"
                " numbers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    metric,
                    journal,
                    number,
                    len(times),
                    is_ordered(times),
                    packed(times),
                    packed(points.steps[some]),
                    packed(points.values[some]),
                ),
            )

    def _extend(
        self, connection: Connection, chunk: tuple[int, int, int], points: Points, count: int
    ) -> None:
        where = "WHERE metric = ? AND journal = ? AND number = ?"
        row = connection.execute(f"SELECT * FROM chunks {where}", chunk).fetchone()  # noqa: S608
        old = joined("", [_chunk(row)])
        times = points.times[:count]
        ordered = row["ordered"] and is_ordered(array("q", [*old.times[-1:], *times]))
        connection.execute(
            "UPDATE chunks SET points = points + ?, ordered = ?, times = ?, steps = ?, numbers = ?"  # noqa: S608
            f" {where}",
            (
                count,
                bool(ordered),
                row["times"] + packed(times),
                row["steps"] + packed(points.steps[:count]),
                row["numbers"] + packed(points.values[:count]),
                *chunk,
            ),
        )

    def _metric(self, connection: Connection, run: int, key: str, points: Points) -> int:
        newest = len(points) - 1
        if not is_ordered(points.times):
            newest = max(range(len(points)), key=lambda at: (points.times[at], at))
        low, high = _extremes(points.values)
        new = (points.values[newest], points.steps[newest], points.times[newest])
        row = connection.execute(
            "SELECT n FROM metrics WHERE run = ? AND key = ?", (run, key)
        ).fetchone()
        if row is None:
            made = connection.execute(
                "INSERT INTO metrics (run, key, points, last, step, time, low, high)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (run, key, len(points), *new, low, high),
            )
            assert made.lastrowid is not None
            return made.lastrowid
        connection.execute(
            "UPDATE metrics SET points = points + :points,"
            " last = CASE WHEN :time >= time THEN :last ELSE last END,"
            " step = CASE WHEN :time >= time THEN :step ELSE step END,"
            " time = max(time, :time),"
            # min() and max() of SQL with a NULL are NULL.
            " low = coalesce(min(low, :low), low, :low),"
            " high = coalesce(max(high, :high), high, :high) WHERE n = :n",
            {
                "points": len(points),
                "last": new[0],
                "step": new[1],
                "time": new[2],
                "low": low,
                "high": high,
                "n": row["n"],
            },
        )
        return int(row["n"])

    # Out

    def find(self, start: str) -> Sequence[str]:
        """The ids that begin so, at most ten."""
        rows = self._state.connection.execute(
            "SELECT id FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT 10",
            (start, start + "g"),
        )
        return [row["id"] for row in rows]

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
        return _with(
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
        return joined(key, map(_chunk, chunks))

    def experiments(self) -> tuple[Experiment, ...]:
        """Every experiment, by name."""
        rows = self._state.connection.execute(
            "SELECT experiments.name, created, count(runs.n) AS runs,"
            " coalesce(max(started), 0.0) AS last"
            " FROM experiments LEFT JOIN runs ON experiment = experiments.n AND parent = ''"
            " GROUP BY experiments.n ORDER BY experiments.name"
        )
        return tuple(Experiment(r["name"], r["created"], r["runs"], r["last"]) for r in rows)

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


def _with(record: RunRecord, **fields: Any) -> RunRecord:
    import dataclasses

    return dataclasses.replace(record, **fields)


def _chunk(row: Row) -> Chunk:
    return Chunk(row["journal"], bool(row["ordered"]), row["times"], row["steps"], row["numbers"])


def _extremes(values: Iterable[float]) -> tuple[float | None, float | None]:
    numbers = [value for value in values if not math.isnan(value)]
    return (min(numbers), max(numbers)) if numbers else (None, None)
