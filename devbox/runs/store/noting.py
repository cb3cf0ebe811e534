"""What each kind of note changes."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from devbox.runs import notes
from devbox.runs.records import ENDS, RUNNING
from devbox.state import Connection

DEFAULT_EXPERIMENT = "default"
Note = Mapping[str, Any]


def take_note(connection: Connection, run: int, note: Note) -> None:
    """Keep one note of a run; a kind that is not known is one of a later devbox."""
    if act := _KINDS.get(note["kind"]):
        act(connection, run, note)


def experiment_number(connection: Connection, name: str) -> int:
    """The experiment of that name, made where there is none."""
    row = connection.execute("SELECT n FROM experiments WHERE name = ?", (name,)).fetchone()
    if row:
        return int(row["n"])
    made = connection.execute(
        "INSERT INTO experiments (name, created) VALUES (?, ?)", (name, time.time())
    )
    assert made.lastrowid is not None
    return made.lastrowid


def _start(connection: Connection, run: int, note: Note) -> None:
    parent = _own_parent(connection, run, notes.run_id(note, "parent"))
    name = notes.text(note, "experiment", 250) or _experiment_of(connection, parent)
    connection.execute(
        "UPDATE runs SET parent = ?, experiment = ?, name = ?, started = ?, person = ?,"
        " host = ? WHERE n = ?",
        (
            parent,
            experiment_number(connection, name),
            notes.text(note, "name"),
            notes.seconds(note),
            notes.text(note, "user", 250),
            notes.text(note, "host", 250),
            run,
        ),
    )
    _add_facts(connection, run, notes.origin(note))


def _own_parent(connection: Connection, run: int, parent: str) -> str:
    """The parent that a run names, "" where that is the run itself or none of its box: what a box
    may add to are runs of its own."""
    own = connection.execute("SELECT box FROM runs WHERE n = ?", (run,)).fetchone()
    row = connection.execute("SELECT n, box FROM runs WHERE id = ?", (parent,)).fetchone()
    if row is None:
        return "" if own["box"] else parent
    if row["n"] == run:
        return ""
    return parent if row["box"] == own["box"] else ""


def _experiment_of(connection: Connection, run: str) -> str:
    row = connection.execute(
        "SELECT experiments.name FROM runs JOIN experiments ON experiments.n = experiment"
        " WHERE id = ?",
        (run,),
    ).fetchone()
    return str(row["name"]) if row else DEFAULT_EXPERIMENT


def _rename(connection: Connection, run: int, note: Note) -> None:
    if name := notes.text(note, "name"):
        connection.execute("UPDATE runs SET name = ? WHERE n = ?", (name, run))
    if experiment := notes.text(note, "experiment", 250):
        number = experiment_number(connection, experiment)
        connection.execute("UPDATE runs SET experiment = ? WHERE n = ?", (number, run))


def _facts(connection: Connection, run: int, note: Note) -> None:
    _add_facts(connection, run, {note["kind"]: notes.facts(note)})


def _add_facts(connection: Connection, run: int, facts: Note) -> None:
    row = connection.execute("SELECT facts FROM runs WHERE n = ?", (run,)).fetchone()
    text = json.dumps(json.loads(row["facts"]) | facts)
    connection.execute("UPDATE runs SET facts = ? WHERE n = ?", (text, run))


def _pairs(connection: Connection, run: int, note: Note) -> None:
    connection.executemany(
        f"INSERT OR REPLACE INTO {note['kind']} (run, key, value, number)"  # noqa: S608 - ours
        " VALUES (?, ?, ?, ?)",
        [(run, *pair) for pair in notes.pairs(note)],
    )


def _artifact(connection: Connection, run: int, note: Note) -> None:
    if artifact := notes.artifact(note):
        connection.execute(
            "INSERT OR REPLACE INTO artifacts (run, path, digest, size, time)"
            " VALUES (?, ?, ?, ?, ?)",
            (run, artifact.path, artifact.digest, artifact.size, notes.seconds(note)),
        )


def _input(connection: Connection, run: int, note: Note) -> None:
    if read := notes.read_data(note):
        connection.execute(
            "INSERT OR IGNORE INTO inputs (run, name, version, digest, uri) VALUES (?, ?, ?, ?, ?)",
            (run, read.name, read.version, read.digest, read.uri),
        )


def _model(connection: Connection, run: int, note: Note) -> None:
    asked = notes.registration(note)
    if asked is None:
        return
    # Now: an artifact that is logged again later is another file.
    kept = connection.execute(
        "SELECT path, digest, size FROM artifacts WHERE run = ?"
        " AND path IN (SELECT value FROM json_each(?))",
        (run, json.dumps([path for _, path in asked.files])),
    )
    found = {path: (digest, size) for path, digest, size in kept}
    files = [(slot, path, *found.get(path, ("", 0))) for slot, path in asked.files]
    connection.execute(
        "INSERT OR IGNORE INTO registrations (id, run, time, note, taken) VALUES (?, ?, ?, ?, 0)",
        (
            asked.id,
            run,
            notes.seconds(note),
            json.dumps(dataclasses.asdict(asked) | {"files": files}),
        ),
    )


def _resume(connection: Connection, run: int, _: Note) -> None:
    connection.execute(
        "UPDATE runs SET status = ?, ended = NULL, error = '' WHERE n = ?", (RUNNING, run)
    )


def _end(connection: Connection, run: int, note: Note) -> None:
    if note.get("status") in ENDS:
        connection.execute(
            "UPDATE runs SET status = ?, ended = ?, error = ? WHERE n = ?",
            (note["status"], notes.seconds(note), notes.text(note, "error"), run),
        )


_KINDS: Mapping[str, Callable[[Connection, int, Note], None]] = {
    "start": _start,
    "name": _rename,
    "code": _facts,
    "environment": _facts,
    "params": _pairs,
    "tags": _pairs,
    "artifact": _artifact,
    "input": _input,
    "model": _model,
    "resume": _resume,
    "end": _end,
}
