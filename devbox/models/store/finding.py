"""Models and versions, out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from sqlite3 import Row
from typing import Any

from devbox.errors import UsageError
from devbox.models.content import in_order
from devbox.models.records import Model, ModelFile, ModelVersion, VersionSummary
from devbox.models.refs import Ref, no_model, no_version
from devbox.models.slots import with_tags
from devbox.runs.search import Query
from devbox.state import State

_VERSION = (
    "SELECT versions.n, model, models.name AS model_name, versions.number, versions.id,"
    " versions.created, person, run, versions.description, recorded,"
    " given IS NOT NULL AS open{more} FROM versions JOIN models ON models.n = versions.model"
)
_SUMMARY = _VERSION.format(more="")
_FULL = _VERSION.format(more=", slots")


class Finding:
    """The way out."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, ref: Ref) -> ModelVersion | None:
        """One version in full."""
        n = self.number(ref)
        return self._full(f"{_FULL} WHERE versions.n = ?", n) if n is not None else None

    def unknown(self, ref: Ref) -> UsageError:
        """Why nothing was found."""
        return no_version(ref) if self.models(ref.model) else no_model(ref.model)

    def by_id(self, version: str) -> ModelVersion | None:
        """The version with an id."""
        return self._full(f"{_FULL} WHERE versions.id = ?", version)

    def number(self, ref: Ref) -> int | None:
        """The row of the version that a reference names."""
        condition = "TRUE ORDER BY number DESC LIMIT 1"
        values: tuple[str | int, ...] = (ref.model,)
        if ref.number is not None:
            condition, values = "number = ?", (ref.model, ref.number)
        elif ref.alias:
            condition = "versions.n = (SELECT version FROM aliases"
            condition += " WHERE aliases.model = versions.model AND alias = ?)"
            values = (ref.model, ref.alias)
        row = self._state.connection.execute(
            "SELECT versions.n FROM versions JOIN models ON models.n = model"  # noqa: S608 - ours
            f" WHERE models.name = ? AND {condition}",
            values,
        ).fetchone()
        return None if row is None else int(row["n"])

    def search(self, query: Query, limit: int | None, name: str = "") -> tuple[VersionSummary, ...]:
        """The versions that a query finds, in its order; ``name`` is the only model wanted."""
        condition, last = query.where, [-1 if limit is None else limit]
        values: list[Any] = [*query.values]
        if name:
            condition = f"({condition}) AND models.name = ?"
            values.append(name)
        return self._summaries(
            f"{_SUMMARY} {query.joins} WHERE {condition} ORDER BY {query.order} LIMIT ?",
            (*values, *last),
        )

    def of_run(self, run: str) -> tuple[VersionSummary, ...]:
        """The versions that came from a run, oldest first."""
        return self._summaries(
            f"{_SUMMARY} WHERE run = ? AND run != '' ORDER BY versions.n", (run,)
        )

    def models(self, name: str = "") -> tuple[Model, ...]:
        """All models by name, or the one of that name."""
        rows = self._state.connection.execute(
            "SELECT models.*, count(versions.n) AS versions, coalesce(max(number), 0) AS latest"
            " FROM models LEFT JOIN versions ON model = models.n"
            " WHERE ? IN ('', models.name) GROUP BY models.n ORDER BY models.name",
            (name,),
        ).fetchall()
        numbers = [row["n"] for row in rows]
        tags = self._pairs("SELECT model, key, value FROM model_tags", "model", numbers)
        aliases = self._pairs(
            "SELECT aliases.model, alias AS key, number FROM aliases"
            " JOIN versions ON versions.n = version",
            "aliases.model",
            numbers,
        )
        return tuple(
            Model(
                row["name"],
                row["created"],
                row["description"],
                tags[row["n"]],
                aliases[row["n"]],
                row["versions"],
                row["latest"],
            )
            for row in rows
        )

    def names(self) -> Sequence[str]:
        """The names of all models, and all references with an alias."""
        rows = self._state.connection.execute(
            "SELECT name FROM models UNION SELECT name || '@' || alias FROM aliases"
            " JOIN models ON models.n = model UNION SELECT name || '@' || number FROM versions"
            " JOIN models ON models.n = model ORDER BY 1"
        )
        return [row[0] for row in rows]

    def digests(self) -> frozenset[str]:
        """All content that versions name, and what is to become one."""
        connection = self._state.connection
        found = {row[0] for row in connection.execute("SELECT digest FROM version_files")}
        for row in connection.execute("SELECT note FROM registrations WHERE NOT taken"):
            found |= {digest for _, _, digest, _ in json.loads(row["note"])["files"]}
        for row in connection.execute("SELECT given FROM versions WHERE given IS NOT NULL"):
            found |= {digest for _, _, digest, _ in json.loads(row["given"])["files"]}
        return frozenset(found - {""})

    def _full(self, sql: str, value: str | int) -> ModelVersion | None:
        connection = self._state.connection
        row = connection.execute(sql, (value,)).fetchone()
        if row is None:
            return None
        files = connection.execute(
            "SELECT slot, path, digest, size FROM version_files WHERE version = ?"
            " ORDER BY slot, path",
            (row["n"],),
        )
        (common,) = self._common([row])
        params = self._pairs(
            "SELECT version, key, value FROM version_params", "version", [row["n"]]
        )
        return ModelVersion(
            **common,
            params=params[row["n"]],
            slots=in_order(json.loads(row["slots"]), common["tags"]),
            files=tuple(ModelFile(*file) for file in files),
        )

    def _summaries(self, sql: str, values: Sequence[Any]) -> tuple[VersionSummary, ...]:
        rows = self._state.connection.execute(sql, values).fetchall()
        return tuple(VersionSummary(**common) for common in self._common(rows))

    def _common(self, rows: Sequence[Row]) -> Sequence[dict[str, Any]]:
        numbers = [row["n"] for row in rows]
        models = list({row["model"] for row in rows})
        own = self._pairs("SELECT version, key, value FROM version_tags", "version", numbers)
        shared = self._pairs("SELECT model, key, value FROM model_tags", "model", models)
        metrics = self._pairs("SELECT version, key, last FROM version_metrics", "version", numbers)
        aliases = self._pairs("SELECT version, alias, NULL FROM aliases", "version", numbers)
        return [
            _common(row, shared[row["model"]] | own[row["n"]], metrics[row["n"]], aliases[row["n"]])
            for row in rows
        ]

    def _pairs(self, select: str, column: str, of: Sequence[int]) -> Mapping[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {number: {} for number in of}
        rows = self._state.connection.execute(
            f"{select} WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY 1, 2",  # noqa: S608
            (json.dumps(of),),
        )
        for number, key, value in rows.fetchall():
            found[number][key] = value
        return found


def _common(
    row: Row,
    tags: Mapping[str, str],
    metrics: Mapping[str, float | None],
    aliases: Mapping[str, None],
) -> dict[str, Any]:
    return {
        "model": row["model_name"],
        "version": row["number"],
        "id": row["id"],
        "created": row["created"],
        "user": row["person"],
        "run": row["run"],
        "description": row["description"],
        "tags": tags,
        "aliases": tuple(aliases),
        "open": bool(row["open"]),
        "recorded": with_tags(row["recorded"].split(","), tags),
        "metrics": {k: math.nan if v is None else v for k, v in metrics.items()},
    }
