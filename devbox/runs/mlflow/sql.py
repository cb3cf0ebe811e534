"""The SQLite store of MLflow (tables of mlflow.store.tracking.dbmodels, versions 2 and 3)."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devbox.errors import DevboxError, UsageError
from devbox.runs.mlflow.records import (
    ACTIVE,
    MlInput,
    MlLoggedModel,
    MlModel,
    MlPoint,
    MlRun,
    MlVersion,
)

_NEEDED = {"experiments", "runs", "metrics", "params", "tags"}


class SqlStore:
    """A store in one SQLite file, which is only read. A server may write to it meanwhile; then
    it is seen as it was at one moment in each question."""

    def __init__(self, path: Path) -> None:
        self.root = path.parent
        self._path = path
        tables = {row["name"] for row in self._rows("SELECT name FROM sqlite_master")}
        if not tables >= _NEEDED:
            raise UsageError(f"{path} is no store of MLflow.", hint="sqlite:///mlflow.db")
        self._tables = tables

    def runs(self) -> Iterator[MlRun]:
        """Every run."""
        rows = self._rows(
            "SELECT runs.*, experiments.name AS experiment FROM runs"
            " JOIN experiments USING (experiment_id)"
            " WHERE runs.lifecycle_stage = ? AND experiments.lifecycle_stage = ?"
            " ORDER BY start_time",
            (ACTIVE, ACTIVE),
        )
        for row in rows:
            run = _text(row["run_uuid"])
            tags = self._pairs("tags", "run_uuid", run)
            yield MlRun(
                id=run,
                experiment=_text(row["experiment"]),
                name=_text(row["name"]) or tags.get("mlflow.runName", ""),
                user=_text(row["user_id"]) or tags.get("mlflow.user", ""),
                status=_text(row["status"]),
                started=_number(row["start_time"]),
                ended=_number(row["end_time"]),
                artifacts=_text(row["artifact_uri"]),
                params=self._pairs("params", "run_uuid", run),
                tags=tags,
                inputs=tuple(self._inputs(run)),
                models=tuple(self._outputs(run)),
            )

    def points(self, run: MlRun) -> Iterator[MlPoint]:
        """Every point of a run, those of one metric in their order."""
        rows = self._rows(
            "SELECT key, timestamp, step, value, is_nan FROM metrics WHERE run_uuid = ?"
            " ORDER BY key, timestamp, step, rowid",
            (run.id,),
        )
        for row in rows:
            value = math.nan if row["is_nan"] else _value(row["value"])
            yield MlPoint(_text(row["key"]), _number(row["timestamp"]), _number(row["step"]), value)

    def logged_models(self) -> Iterator[MlLoggedModel]:
        """Every model that a run has logged."""
        if "logged_models" not in self._tables:
            return
        for row in self._rows("SELECT * FROM logged_models WHERE lifecycle_stage = ?", (ACTIVE,)):
            yield MlLoggedModel(
                _text(row["model_id"]),
                _text(row["name"]),
                _text(row["source_run_id"]),
                _text(row["artifact_location"]),
            )

    def models(self) -> Iterator[MlModel]:
        """Every registered model."""
        if "registered_models" not in self._tables:
            return
        for row in self._rows("SELECT * FROM registered_models ORDER BY name"):
            name = _text(row["name"])
            aliases: dict[str, int] = {}
            if "registered_model_aliases" in self._tables:
                found = self._rows(
                    "SELECT alias, version FROM registered_model_aliases WHERE name = ?", (name,)
                )
                aliases = {_text(each["alias"]): _number(each["version"]) for each in found}
            yield MlModel(
                name=name,
                created=_number(row["creation_time"]),
                description=_text(row["description"]),
                tags=self._pairs("registered_model_tags", "name", name),
                aliases=aliases,
                versions=tuple(self._versions(name)),
            )

    def _versions(self, name: str) -> Iterator[MlVersion]:
        rows = self._rows(
            "SELECT * FROM model_versions WHERE name = ?"
            " AND coalesce(current_stage, '') != 'Deleted_Internal' ORDER BY version",
            (name,),
        )
        for row in rows:
            number = _number(row["version"])
            tags = self._rows(
                "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?",
                (name, number),
            )
            place = row["storage_location"] if "storage_location" in row.keys() else ""  # noqa: SIM118
            yield MlVersion(
                number=number,
                created=_number(row["creation_time"]),
                user=_text(row["user_id"]),
                run=_text(row["run_id"]),
                source=_text(row["source"]),
                place=_text(place),
                description=_text(row["description"]),
                tags={_text(each["key"]): _text(each["value"]) for each in tags},
            )

    def _inputs(self, run: str) -> Iterator[MlInput]:
        if "datasets" not in self._tables:
            return
        rows = self._rows(
            "SELECT datasets.name, digest, dataset_source, coalesce((SELECT value FROM input_tags"
            " WHERE input_tags.input_uuid = inputs.input_uuid AND name = 'mlflow.data.context'),"
            " '') AS context FROM inputs JOIN datasets ON dataset_uuid = source_id"
            " WHERE destination_type = 'RUN' AND destination_id = ? ORDER BY datasets.name",
            (run,),
        )
        for row in rows:
            yield MlInput(*(_text(row[column]) for column in row.keys()))  # noqa: SIM118

    def _outputs(self, run: str) -> Iterator[str]:
        for row in self._rows(
            "SELECT destination_id FROM inputs WHERE source_type = 'RUN_OUTPUT' AND source_id = ?"
            if "inputs" in self._tables
            else "SELECT NULL WHERE ? IS NULL",
            (run,),
        ):
            yield _text(row["destination_id"])

    def _pairs(self, table: str, column: str, owner: str) -> dict[str, str]:
        rows = self._rows(f"SELECT key, value FROM {table} WHERE {column} = ?", (owner,))  # noqa: S608 - our own words
        return {_text(row["key"]): _text(row["value"]) for row in rows}

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        try:
            # Of its own each time: who reads may take as long as it likes.
            uri = f"file:{quote(str(self._path))}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.row_factory = sqlite3.Row
                connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
                yield from connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise DevboxError(f"The store {self._path} can't be read: {error}.") from error


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _value(value: Any) -> float:
    """MLflow keeps infinities as the largest numbers there are."""
    number = float(value) if isinstance(value, (int, float)) else math.nan
    return math.copysign(math.inf, number) if abs(number) == sys.float_info.max else number
