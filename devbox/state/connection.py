"""SQLite connections to the state file, and its failures in plain words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devbox.errors import DevboxError

BUSY_SECONDS = 20.0
"""How long a statement waits for another process that is writing."""


class Cursor(sqlite3.Cursor):
    """A cursor whose failures of file and disk are DevboxErrors.

    Rows are read as they are asked for, so each way of asking may meet a damaged page.
    """

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        with _explained(self):
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Self:
        with _explained(self):
            return super().executemany(sql, parameters)

    def fetchone(self) -> Any:
        with _explained(self):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _explained(self):
            return super().fetchall()

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        with _explained(self):
            return super().fetchmany(size)

    def __next__(self) -> Any:
        with _explained(self):
            return super().__next__()


class _explained:  # noqa: N801 - used as a verb; a class costs half of what a generator does
    """Raises what the failure of a cursor means in place of the failure."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._cursor.connection
        if isinstance(error, sqlite3.DatabaseError) and isinstance(connection, Connection):
            explained = explain(error, connection.path)
            if explained is not None:
                raise explained from error


class Connection(sqlite3.Connection):
    """A connection in autocommit mode whose failures of file and disk are DevboxErrors.

    Mistakes in SQL and broken constraints stay sqlite3's own exceptions.
    """

    path: Path

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        cursor: Cursor = self.cursor()
        return cursor.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Cursor:
        cursor: Cursor = self.cursor()
        return cursor.executemany(sql, parameters)

    def pragma(self, name: str) -> Any:
        """The first value that a pragma answers."""
        row = self.execute(f"PRAGMA {name}").fetchone()
        return None if row is None else row[0]


def connect(path: Path, *, create: bool = False) -> Connection:
    """Open a SQLite file for reading and writing; a missing one is an error unless ``create``.

    The connection may move between threads: whoever shares it takes turns.
    """
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    try:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
    except sqlite3.DatabaseError as error:
        raise explain(error, path) or error from error
    connection.path = path
    connection.row_factory = sqlite3.Row
    # With WAL, NORMAL survives the death of any process; a power cut may take the last
    # commits but never the file. Commits that promise something ask for FULL.
    connection.execute("PRAGMA synchronous = NORMAL")
    # 16 MiB between checkpoints, which wait for the disk: many small commits cost half.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def explain(error: sqlite3.Error, path: Path) -> DevboxError | None:
    """What a failure of SQLite means for the person; None where it is a fault of the code."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return disk_full(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return read_only(path)
        case sqlite3.SQLITE_CORRUPT:
            return DevboxError(
                f"The state file {path} is damaged.",
                hint="`devbox state check` says more; `devbox state restore BACKUP` replaces it.",
            )
        case sqlite3.SQLITE_NOTADB:
            return not_ours(path)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DevboxError(
                f"The state file {path} was busy for {BUSY_SECONDS:.0f} s.",
                hint="Another process keeps it locked; end that one and try again.",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return DevboxError(
                f"The state file {path} cannot be opened.",
                hint="Check that its folder is yours, or set DEVBOX_HOME to one that is.",
            )
        case sqlite3.SQLITE_IOERR:
            if _no_space(path):
                return disk_full(path)
            return DevboxError(
                f"The disk failed on the state file {path}: {error}.",
                hint="Check the disk; `devbox state check` tells whether the file is whole.",
            )
    return None


def _no_space(path: Path) -> bool:
    """Some writes, those of shared memory for one, fail on a full disk as on a broken one."""
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def disk_full(path: Path) -> DevboxError:
    """No space for ``path``."""
    return DevboxError(
        f"No space left for {path}.",
        hint="`devbox df` shows what takes space; `devbox image prune` frees some.",
    )


def read_only(path: Path) -> DevboxError:
    """``path`` cannot be written."""
    return DevboxError(
        f"The state file {path} is read-only.",
        hint=f"Make it yours to write (chmod u+w {path}), or set DEVBOX_HOME to another folder.",
    )


def leads_nowhere(path: Path) -> bool:
    """Whether ``path`` is a link to a file that is not there: a new one would be made there."""
    return path.is_symlink() and not path.exists()


def nowhere(path: Path) -> DevboxError:
    """``path`` is a link that leads nowhere."""
    return DevboxError(
        f"{path} is a link to {path.readlink()}, which is not there.",
        hint="Bring that file back (is its disk mounted?), or remove the link.",
    )


def not_ours(path: Path) -> DevboxError:
    """``path`` is some other file."""
    return DevboxError(
        f"{path} is not a devbox state file.",
        hint="Move it away, or put a backup in its place with `devbox state restore BACKUP`.",
    )
