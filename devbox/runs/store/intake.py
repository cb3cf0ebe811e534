"""What journals say, in."""

from __future__ import annotations

import time
from collections.abc import Mapping

from devbox.journal.reader import Batch
from devbox.runs.records import LOST, RUNNING
from devbox.runs.store.noting import DEFAULT_EXPERIMENT, experiment_number, take_note
from devbox.runs.store.points import add_points
from devbox.runs.store.removal import is_removed
from devbox.state import Connection, State


class Intake:
    """The way in."""

    def __init__(self, state: State) -> None:
        self._state = state

    def consumed(self, run: str, box: str = "") -> Mapping[str, int]:
        """How many bytes of each journal of a run of a box were taken in."""
        rows = self._state.connection.execute(
            "SELECT name, consumed FROM journals WHERE run = (SELECT n FROM runs WHERE id = ?"
            " AND box = ?)",
            (run, box),
        )
        return dict(rows.fetchall())

    def take(self, run: str, journal: str, start: int, batch: Batch, *, box: str = "") -> bool:
        """Keep what a journal says from the byte ``start`` on, once: False where somebody else
        has taken it in meanwhile, the run was removed, or it is not one of ``box``, where the
        journal comes from ("": from outside of boxes)."""
        with self._state.transaction() as connection:
            run_n = self._run_number(connection, run, box)
            if run_n is None:
                return False
            journal_n, consumed = self._journal(connection, run_n, journal)
            if consumed != start:
                return False
            for note in batch.notes:
                take_note(connection, run_n, note)
            for key, points in batch.points.items():
                if points:
                    add_points(connection, run_n, journal_n, key, points)
            connection.execute(
                "UPDATE journals SET consumed = ?, damaged = damaged + ? WHERE n = ?",
                (start + batch.consumed, batch.damaged, journal_n),
            )
        return True

    def lose(self, run: str, ended: float, *, box: str = "") -> bool:
        """A run of a box whose processes are all gone, and that did not say how it ended, is
        lost."""
        with self._state.transaction() as connection:
            done = connection.execute(
                "UPDATE runs SET status = ?, ended = ? WHERE id = ? AND status = ? AND box = ?",
                (LOST, ended, run, RUNNING, box),
            )
            return done.rowcount > 0

    def revive(self, run: str, *, box: str = "") -> bool:
        """A run of a box that was lost and has a process is running: a child that outlives the
        process that started the run may write its first record late."""
        found = self._state.connection.execute("SELECT status FROM runs WHERE id = ?", (run,))
        row = found.fetchone()
        if row is None or row["status"] != LOST:
            return False
        with self._state.transaction() as connection:
            done = connection.execute(
                "UPDATE runs SET status = ?, ended = NULL WHERE id = ? AND status = ? AND box = ?",
                (RUNNING, run, LOST, box),
            )
            return done.rowcount > 0

    def _run_number(self, connection: Connection, run: str, box: str) -> int | None:
        row = connection.execute("SELECT n, box FROM runs WHERE id = ?", (run,)).fetchone()
        if row:
            return int(row["n"]) if row["box"] == box else None
        if is_removed(connection, run):
            return None
        # The journal of a child process may come before the one that says what the run is.
        made = connection.execute(
            "INSERT INTO runs (id, parent, experiment, name, status, started, person, host, box,"
            " error, facts) VALUES (?, '', ?, '', ?, ?, '', '', ?, '', '{}')",
            (run, experiment_number(connection, DEFAULT_EXPERIMENT), RUNNING, time.time(), box),
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def _journal(self, connection: Connection, run: int, name: str) -> tuple[int, int]:
        row = connection.execute(
            "SELECT n, consumed FROM journals WHERE run = ? AND name = ?", (run, name)
        ).fetchone()
        if row:
            return row["n"], row["consumed"]
        made = connection.execute(
            "INSERT INTO journals (run, name, consumed, damaged) VALUES (?, ?, 0, 0)", (run, name)
        )
        assert made.lastrowid is not None
        return made.lastrowid, 0
