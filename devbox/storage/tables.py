"""What tables hold: their columns, with types, and how many rows.

Parquet needs polars, pyarrow or duckdb; of CSV and JSON lines more is known where one of them is
installed. What cannot be read is no table: that is never an error.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

MOST_COLUMNS = 10_000
LONGEST_LINE = 1 << 20
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True)
class Table:
    """Columns by name with their types ("" where not known), and rows (None where not known)."""

    columns: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None


def table(files: Sequence[tuple[str, Path]]) -> Table:
    """What a table of one or several files (name, where its content lies) holds; empty for what
    is none, or whose parts differ."""
    kinds = {_SUFFIXES.get(Path(name).suffix.lower(), "") for name, _ in files}
    if len(kinds) != 1 or "" in kinds:
        return Table()
    (kind,) = kinds
    parts = [_one(kind, name, path) for name, path in files]
    if not parts or any(part.columns != parts[0].columns for part in parts):
        return Table()
    rows = [part.rows for part in parts]
    known = [count for count in rows if count is not None]
    return Table(parts[0].columns, sum(known) if len(known) == len(rows) else None)


def _one(kind: str, name: str, path: Path) -> Table:
    separator = "\t" if name.lower().endswith(".tsv") else ","
    for reader in (_polars, _pyarrow, _duckdb, _plain):
        try:
            found = reader(kind, path, separator)
        except Exception:  # noqa: BLE001, S112 - a library's ways to say that it is no table
            continue
        if found.columns and len(found.columns) <= MOST_COLUMNS:
            return found
    return Table()


def _polars(kind: str, path: Path, separator: str) -> Table:
    import polars

    readers: dict[str, Callable[[], Any]] = {
        "csv": lambda: polars.scan_csv(path, separator=separator),
        "parquet": lambda: polars.scan_parquet(path),
        "jsonl": lambda: polars.scan_ndjson(path),
    }
    frame = readers[kind]()
    columns = {name: str(each) for name, each in frame.collect_schema().items()}
    return Table(columns, int(frame.select(polars.len()).collect().item()))


def _pyarrow(kind: str, path: Path, separator: str) -> Table:
    arrow: Any = import_module("pyarrow.dataset")
    del separator
    formats = {"csv": "csv", "parquet": "parquet", "jsonl": "json"}
    found = arrow.dataset(str(path), format=formats[kind])
    return Table({each.name: str(each.type) for each in found.schema}, found.count_rows())


def _duckdb(kind: str, path: Path, separator: str) -> Table:
    duckdb: Any = import_module("duckdb")
    del separator
    readers = {"csv": "read_csv", "parquet": "read_parquet", "jsonl": "read_ndjson_auto"}
    with duckdb.connect() as connection:
        source = f"{readers[kind]}(?)"
        schema = connection.execute(f"DESCRIBE SELECT * FROM {source}", [str(path)]).fetchall()  # noqa: S608
        rows = connection.execute(f"SELECT count(*) FROM {source}", [str(path)]).fetchone()  # noqa: S608
    return Table({name: kind for name, kind, *_ in schema}, int(rows[0]))


def _plain(kind: str, path: Path, separator: str) -> Table:
    """What the standard library can tell: the names of the columns."""
    if kind == "parquet":
        return Table()
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline(LONGEST_LINE)
    if kind == "jsonl":
        found = json.loads(line)
        return Table(dict.fromkeys(found, "")) if isinstance(found, dict) else Table()
    return Table(dict.fromkeys(next(csv.reader([line], delimiter=separator)), ""))
