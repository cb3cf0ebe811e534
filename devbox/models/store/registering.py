"""Versions, in: made, and filled until their run is over."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from devbox.journal.slots import TAGS
from devbox.models.content import (
    Content,
    Given,
    as_pairs,
    content_of,
    in_order,
    is_over,
    number_of,
)
from devbox.models.records import ModelFile, ModelVersion
from devbox.models.slots import recorded, with_tags
from devbox.runs.records import RunRecord
from devbox.runs.store import RunStore
from devbox.state import Connection, State

_SEEN = (
    "(SELECT status || (SELECT coalesce(sum(consumed), 0) FROM journals WHERE run = runs.n)"
    " FROM runs WHERE id = versions.run)"
)
_CHANGED = f"given IS NOT NULL AND seen IS NOT {_SEEN}"


@dataclass(frozen=True)
class New:
    """A version to be made. ``run`` is an id, "" without one."""

    name: str
    id: str
    created: float
    user: str
    run: str
    description: str
    tags: Mapping[str, str]
    given: Given


class Registering:
    """The way in."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._runs = RunStore(state)

    def waiting(self) -> Sequence[str]:
        """The runs of which something is to be taken in."""
        rows = self._state.connection.execute(
            "SELECT id FROM runs WHERE n IN (SELECT run FROM registrations WHERE NOT taken)"  # noqa: S608
            f" UNION SELECT run FROM versions WHERE {_CHANGED}"
        )
        return [row[0] for row in rows]

    def take_in(self) -> None:
        """Make the versions that runs have asked for, each once, and bring those up to date whose
        run goes on; with its run's end a version is closed for ever."""
        with self._state.transaction() as connection:
            for row in connection.execute(
                "SELECT registrations.*, runs.id AS run_id FROM registrations"
                " JOIN runs ON runs.n = run WHERE NOT taken ORDER BY registrations.n"
            ).fetchall():
                self._take(connection, row)
            for row in connection.execute(
                f"SELECT n, run, given FROM versions WHERE {_CHANGED}"  # noqa: S608 - our own words
            ).fetchall():
                run = self._runs.get(row["run"])
                self._fill(connection, row["n"], _given(json.loads(row["given"])), run)

    def add(self, new: New) -> ModelVersion | None:
        """Make a version; None where there is one of that id, which is left as it is."""
        with self._state.transaction() as connection:
            return self._add(connection, new, self._runs.get(new.run) if new.run else None)

    def _take(self, connection: Connection, row: Row) -> None:
        note = json.loads(row["note"])
        run = self._runs.get(row["run_id"])
        new = New(
            name=note["name"],
            id=row["id"],
            created=row["time"],
            user=run.user if run else "",
            run=row["run_id"],
            description=note["description"],
            tags={key: value for key, value, _ in note["tags"]},
            given=_given(note),
        )
        self._add(connection, new, run)
        connection.execute("UPDATE registrations SET taken = 1, note = '' WHERE n = ?", (row["n"],))

    def _add(self, connection: Connection, new: New, run: RunRecord | None) -> ModelVersion | None:
        known = connection.execute("SELECT 1 FROM versions WHERE id = ?", (new.id,)).fetchone()
        if known:
            return None
        model, number = connection.execute(
            "INSERT INTO models (name, created, description, last) VALUES (?, ?, '', 1)"
            " ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING n, last",
            (new.name, new.created),
        ).fetchone()
        content = content_of(new.given, run)
        complete = recorded(content.slots, content.files)
        going_on = not is_over(run)
        made = connection.execute(
            "INSERT INTO versions (model, number, id, created, person, run, description, seen,"
            " recorded, slots, given) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?)",
            (
                *(model, number, new.id, new.created, new.user, new.run, new.description),
                ",".join(complete),
                json.dumps(content.slots),
                _as_json(new.given) if going_on else None,
            ),
        )
        assert made.lastrowid is not None
        if going_on:
            self._see(connection, made.lastrowid)
        own = as_pairs(new.given.slots.get(TAGS, {})) | dict(new.tags)
        add_tags(connection, "version", made.lastrowid, own)
        _insert(connection, made.lastrowid, content)
        where = {"run": new.run} if new.run else {}
        self._state.events.append(
            f"model/{new.name}", "model.registered", actor=new.user or None, version=number, **where
        )
        tags = (_model_tags(connection, model) if number > 1 else {}) | own
        return _version_of(new, number, content, tags, complete, going_on=going_on)

    def _fill(
        self, connection: Connection, version: int, given: Given, run: RunRecord | None
    ) -> None:
        """Write what a version holds, in place of what it held."""
        content = content_of(given, run)
        connection.execute(
            "UPDATE versions SET slots = ?, recorded = ?, given = ? WHERE n = ?",
            (
                json.dumps(content.slots),
                ",".join(recorded(content.slots, content.files)),
                None if is_over(run) else _as_json(given),
                version,
            ),
        )
        self._see(connection, version)
        for table in ("version_files", "version_metrics", "version_params"):
            connection.execute(f"DELETE FROM {table} WHERE version = ?", (version,))  # noqa: S608
        _insert(connection, version, content)

    def _see(self, connection: Connection, version: int) -> None:
        connection.execute(
            f"UPDATE versions SET seen = coalesce({_SEEN}, '') WHERE n = ?",  # noqa: S608 - ours
            (version,),
        )


def add_tags(connection: Connection, owner: str, number: int, tags: Mapping[str, str]) -> None:
    """Set tags of a model or a version: ``owner`` says of which."""
    connection.executemany(
        f"INSERT OR REPLACE INTO {owner}_tags ({owner}, key, value, number)"  # noqa: S608 - ours
        " VALUES (?, ?, ?, ?)",
        [(number, key, value, number_of(value)) for key, value in tags.items()],
    )


def _model_tags(connection: Connection, model: int) -> dict[str, str]:
    rows = connection.execute("SELECT key, value FROM model_tags WHERE model = ?", (model,))
    return dict(rows.fetchall())


def _insert(connection: Connection, version: int, content: Content) -> None:
    """Write the parts of a version's content that it is searched by."""
    # SQLite has no NaN.
    metrics = [(k, None if math.isnan(v) else v) for k, v in content.metrics.items()]
    params = [(k, v, number_of(v)) for k, v in content.params.items()]
    files = [(file.slot, file.path, file.digest, file.size) for file in content.files]
    tables: dict[str, list[tuple[Any, ...]]] = {
        "version_files (slot, path, digest, size, version)": files,
        "version_metrics (key, last, version)": metrics,
        "version_params (key, value, number, version)": params,
    }
    for into, rows in tables.items():
        if rows:
            marks = ", ".join("?" * (len(rows[0]) + 1))
            connection.executemany(
                f"INSERT OR REPLACE INTO {into} VALUES ({marks})",  # noqa: S608 - ours
                [(*row, version) for row in rows],
            )


def _as_json(given: Given) -> str:
    files = [(file.slot, file.path, file.digest, file.size) for file in given.files]
    return json.dumps({"slots": given.slots, "files": files})


def _given(written: Mapping[str, Any]) -> Given:
    return Given(written["slots"], tuple(ModelFile(*file) for file in written["files"]))


def _version_of(
    new: New,
    number: int,
    content: Content,
    tags: Mapping[str, str],
    complete: Sequence[str],
    *,
    going_on: bool,
) -> ModelVersion:
    """A version as it was just made."""
    return ModelVersion(
        model=new.name,
        version=number,
        id=new.id,
        created=new.created,
        user=new.user,
        run=new.run,
        description=new.description,
        tags=tags,
        aliases=(),
        open=going_on,
        recorded=with_tags(complete, tags),
        metrics=content.metrics,
        params=content.params,
        slots=in_order(content.slots, tags),
        files=tuple(sorted(content.files, key=lambda file: (file.slot, file.path))),
    )
