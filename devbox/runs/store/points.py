"""The points of metrics, as chunks."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from sqlite3 import Row

from devbox.journal.reader import Points
from devbox.runs.series import FULLEST, Chunk, is_ordered, joined, packed
from devbox.state import Connection


def add_points(connection: Connection, run: int, journal: int, key: str, points: Points) -> None:
    """Add points of one journal to a metric of a run."""
    metric = _metric(connection, run, key, points)
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
        _extend(connection, (metric, journal, number), points, begin)
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
    connection: Connection, chunk: tuple[int, int, int], points: Points, count: int
) -> None:
    where = "WHERE metric = ? AND journal = ? AND number = ?"
    row = connection.execute(f"SELECT * FROM chunks {where}", chunk).fetchone()  # noqa: S608
    old = joined("", [chunk_of(row)])
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


def _metric(connection: Connection, run: int, key: str, points: Points) -> int:
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


def chunk_of(row: Row) -> Chunk:
    """A stored row as a chunk."""
    return Chunk(row["journal"], bool(row["ordered"]), row["times"], row["steps"], row["numbers"])


def _extremes(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The lowest and highest number, None where there is none but NaN."""
    if math.isnan(sum(values)):  # a NaN among them, or infinities of both signs
        values = [value for value in values if not math.isnan(value)]
    return (min(values), max(values)) if values else (None, None)
