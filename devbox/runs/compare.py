"""Runs side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devbox.runs.records import RunRecord


@dataclass(frozen=True)
class Row:
    """One thing that runs are compared by: ``kind`` is param, metric, tag or code; a value is
    None where a run lacks it."""

    kind: str
    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs as (id, name), and for each row a value of each run, in the same order."""

    runs: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


def comparison(records: Sequence[RunRecord], *, every: bool = False) -> Comparison:
    """In what runs differ; with ``every`` also what is the same in all."""
    rows = (row for row in _rows(records) if every or len(set(map(repr, row.values))) > 1)
    return Comparison(tuple((run.id, run.name) for run in records), tuple(rows))


def _rows(records: Sequence[RunRecord]) -> Iterator[Row]:
    tables: dict[str, list[Mapping[str, Any]]] = {
        "param": [run.params for run in records],
        "metric": [run.metrics for run in records],
        "tag": [run.tags for run in records],
        "code": [_code(run) for run in records],
    }
    for kind, some in tables.items():
        for key in sorted({key for table in some for key in table}):
            yield Row(kind, key, tuple(table.get(key) for table in some))


def _code(run: RunRecord) -> dict[str, Any]:
    facts = {"commit": run.code.get("commit"), "dirty": run.code.get("dirty")}
    facts["python"] = run.environment.get("python")
    return {key: value for key, value in facts.items() if value is not None}
