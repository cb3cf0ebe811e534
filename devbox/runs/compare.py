"""Runs side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devbox.runs.records import RunRecord


@dataclass(frozen=True)
class Row:
    """One thing that runs are compared by: ``kind`` is param, metric, tag or code; for model
    versions also a slot or file. A value is None where one lacks it."""

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
    tables: dict[str, list[Mapping[str, Any]]] = {
        "param": [run.params for run in records],
        "metric": [run.metrics for run in records],
        "tag": [run.tags for run in records],
        "code": [_code(run) for run in records],
    }
    rows = differing(tables, every=every)
    return Comparison(tuple((run.id, run.name) for run in records), tuple(rows))


def differing(
    tables: Mapping[str, Sequence[Mapping[str, Any]]], *, every: bool = False
) -> Iterator[Row]:
    """The rows of tables, one table of each thing for each kind, in which things differ; with
    ``every`` all rows."""
    for kind, some in tables.items():
        for key in sorted({key for table in some for key in table}):
            values = tuple(table.get(key) for table in some)
            if every or len(set(map(repr, values))) > 1:
                yield Row(kind, key, values)


def _code(run: RunRecord) -> dict[str, Any]:
    facts = {"commit": run.code.get("commit"), "dirty": run.code.get("dirty")}
    facts["python"] = run.environment.get("python")
    return {key: value for key, value in facts.items() if value is not None}
