"""The state file: one SQLite database per person, used by several processes at once.

Seldom needed, so imported on their own: :mod:`devbox.state.copies` (backup, restore) and
:mod:`devbox.state.check`.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from devbox.errors import DevboxError
from devbox.state import locks, mounts
from devbox.state.connection import (
    Connection,
    connect,
    disk_full,
    leads_nowhere,
    nowhere,
    read_only,
)
from devbox.state.events import Event, Events
from devbox.state.locks import Locked, lock
from devbox.state.migrations import VERSION, behind, migrate
from devbox.state.places import locks_folder, migration_lock, state_file, use_lock

__all__ = [
    "VERSION",
    "Connection",
    "Event",
    "Events",
    "Locked",
    "State",
    "lock",
    "locks_folder",
    "state_file",
]


class State:
    """The state file in the folder ``home``, made and brought up to date when opened.

    Every thread that uses it gets a connection of its own. ``actor`` is who the events are
    written for. Raises DevboxError where the file cannot be used: read-only, damaged, newer, or
    on a network filesystem.
    """

    def __init__(self, home: Path, *, actor: str) -> None:
        self.home = home
        self.path = state_file(home)
        self.actor = actor
        self.events = Events(self)
        self._guard = threading.Lock()
        self._connections: dict[threading.Thread, Connection] = {}
        self._watcher: Connection | None = None
        _make(home, self.path)
        # Held while the file is open, so that nobody puts another file in its place.
        self._use: int | None = locks.acquire(use_lock(home), shared=True)
        try:
            self._bring_up_to_date(self.connection)
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> Connection:
        """This thread's connection, for the ``store.py`` of an area. Autocommit; rows by name."""
        thread = threading.current_thread()
        found = self._connections.get(thread)
        if found is not None:
            return found
        if self._use is None:
            raise RuntimeError("the state is closed")
        made = connect(self.path)
        with self._guard:
            for ended in [each for each in self._connections if not each.is_alive()]:
                self._connections.pop(ended).close()
            self._connections[thread] = made
        return made

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Connection]:
        """All or nothing, and no other writer in between; inside another one, a part of it.

        ``durable`` is for commits that promise something: they survive a power cut too.
        """
        connection = self.connection
        if connection.in_transaction:
            if durable and connection.pragma("synchronous") < 2:
                raise RuntimeError("a durable transaction cannot be part of one that is not")
            begin, commit = "SAVEPOINT part", "RELEASE part"
            undo = ["ROLLBACK TO part", "RELEASE part"]
        else:
            begin, commit, undo = "BEGIN IMMEDIATE", "COMMIT", ["ROLLBACK"]
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
        try:
            connection.execute(begin)
            try:
                yield connection
                connection.execute(commit)
            except BaseException:
                # A full disk may have rolled everything back already.
                for statement in undo if connection.in_transaction else []:
                    connection.execute(statement)
                raise
        finally:
            if durable and not connection.in_transaction:
                connection.execute("PRAGMA synchronous = NORMAL")

    def data_version(self) -> int:
        """A number that changes with every commit of any process or thread, and costs little.

        It compares only with earlier answers of the same State.
        """
        with self._guard:
            if self._watcher is None:
                # A connection does not see its own commits in data_version: this never writes.
                self._watcher = connect(self.path)
            return int(self._watcher.pragma("data_version"))

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
            if self._use is not None:
                locks.release(self._use)
                self._use = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _bring_up_to_date(self, connection: Connection) -> None:
        if not behind(connection) and connection.pragma("journal_mode") == "wal":
            return
        with lock(migration_lock(self.home)):
            connection.execute("PRAGMA journal_mode = WAL")
            if behind(connection):
                migrate(connection)


def _make(home: Path, path: Path) -> None:
    """Make the folder (0700) and an empty file (0600); refuse where SQLite would lose data."""
    try:
        missing = not path.exists()
        if missing and leads_nowhere(path):
            raise nowhere(path)
        if missing:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if missing or mounts.may_be_network(home):
            refuse_network(home)
        if missing:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path) from error
        raise DevboxError(
            f"The folder {home} cannot be used: {error.strerror}.",
            hint="Make it yours to write, or set DEVBOX_HOME to another folder.",
        ) from error
    if not os.access(path, os.R_OK | os.W_OK):
        raise read_only(path)


def refuse_network(home: Path) -> None:
    """Raise DevboxError where ``home`` lies on a network filesystem."""
    kind = mounts.filesystem_of(home)
    if mounts.is_network(kind):
        raise DevboxError(
            f"{home} is on a network filesystem ({kind}), where the state file would be damaged.",
            hint="Set DEVBOX_HOME to a folder on a disk of this machine.",
        )
