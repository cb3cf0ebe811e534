"""The tables of the state file, as one ordered list of steps.

Step N takes a file from version N - 1 to N. Steps that were ever released are not edited: a
change is a new step at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from devbox.errors import DevboxError
from devbox.state.connection import Connection, not_ours
from devbox.state.tables import models, runs, storage

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x64766278
"""What marks a SQLite file as devbox's state ("dvbx", in the file's header)."""


def _events_and_boxes(db: Database) -> None:
    events = db.table("events").create(
        {"id": int, "time": float, "actor": str, "subject": str, "kind": str, "data": str},
        pk="id",
        not_null={"time", "actor", "subject", "kind", "data"},
    )
    events.create_index(["subject"])
    events.create_index(["kind"])
    events.create_index(["time"])
    db.table("boxes").create(
        {
            "owner": str,
            "name": str,
            "host": str,
            "project": str,
            "profile": str,
            "config_hash": str,
            "image": str,
            "container": str,
            "started": float,
            "phase": str,
            "spec": str,
            "updated": float,
        },
        pk=("owner", "name", "host"),
        not_null={"owner", "name", "host", "project", "phase", "updated"},
    )


def _making(sql: str) -> Callable[[Database], None]:
    def make(db: Database) -> None:
        for statement in sql.split(";"):
            if statement.strip():
                db.execute(statement)

    return make


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _events_and_boxes,
    _making(runs.SQL),
    _making(models.SQL),
    _making(storage.SQL),
    _making(runs.REMOVED),
)

VERSION = len(MIGRATIONS)


def behind(connection: Connection) -> bool:
    """Whether steps are missing. Raises DevboxError for a file that is newer or not ours."""
    version = int(connection.pragma("user_version"))
    if connection.pragma("application_id") == APPLICATION_ID:
        if version > VERSION:
            raise newer(connection, version)
        return version < VERSION
    if version or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise not_ours(connection.path)
    return True


def newer(connection: Connection, version: int) -> DevboxError:
    """The file was written by a later devbox."""
    return DevboxError(
        f"The state file {connection.path} has version {version}; this devbox knows up to "
        f"version {VERSION}.",
        hint="Upgrade devbox, or set DEVBOX_HOME to another folder.",
    )


def migrate(connection: Connection) -> None:
    """Take the missing steps, each in a transaction of its own. One process at a time."""
    from sqlite_utils import Database

    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    # A step may rebuild a table that others refer to; what it leaves is checked instead.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        for version in range(int(connection.pragma("user_version")), VERSION):
            connection.execute("BEGIN IMMEDIATE")
            try:
                MIGRATIONS[version](db)
                _check_references(connection, version + 1)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def columns(connection: Connection | sqlite3.Connection) -> dict[str, set[str]]:
    """The columns of every table of a file."""
    rows = connection.execute(
        "SELECT tables.name, columns.name FROM sqlite_master AS tables, "
        "pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
    )
    found: dict[str, set[str]] = {}
    for table, column in rows.fetchall():
        found.setdefault(table, set()).add(column)
    return found


def expected(version: int) -> dict[str, set[str]]:
    """The columns of every table of a file of that version."""
    from sqlite_utils import Database

    with closing(sqlite3.connect(":memory:")) as memory:
        db = Database(memory, recursive_triggers=False, execute_plugins=False)
        for step in MIGRATIONS[:version]:
            step(db)
        return columns(memory)


def _check_references(connection: Connection, version: int) -> None:
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise DevboxError(
            f"The state file {connection.path} cannot be taken to version {version}: rows refer "
            "to rows that are missing.",
            hint="`devbox state check` lists them.",
        )
