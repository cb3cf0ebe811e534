"""Runs that were removed, and stay so whatever of them turns up later."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from devbox.runs.records import QUEUED, RUNNING
from devbox.state import Connection, State


class Removal:
    """The way out for good."""

    def __init__(self, state: State) -> None:
        self._state = state

    def remove(self, runs: Sequence[str], *, experiment: str = "") -> Sequence[str]:
        """Remove runs that are over, and an experiment that is empty then; returns those that
        went. One that was started meanwhile stays, and so does its experiment."""
        with self._state.transaction() as connection:
            rows = connection.execute(
                "DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?))"
                " AND status NOT IN (?, ?) RETURNING id",
                (json.dumps(list(runs)), RUNNING, QUEUED),
            )
            gone = [row["id"] for row in rows.fetchall()]
            connection.executemany(
                "INSERT OR REPLACE INTO removed_runs (id, time) VALUES (?, ?)",
                [(run, time.time()) for run in gone],
            )
            connection.execute(
                "DELETE FROM experiments WHERE name = ?"
                " AND NOT EXISTS (SELECT 1 FROM runs WHERE experiment = experiments.n)",
                (experiment,),
            )
        return gone

    def removed(self, run: str) -> bool:
        """Whether a run was removed."""
        return is_removed(self._state.connection, run)

    def readmit(self, run: str) -> None:
        """Let a run that was removed come back: somebody brings it here."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM removed_runs WHERE id = ?", (run,))


def is_removed(connection: Connection, run: str) -> bool:
    """Whether a run was removed."""
    found = connection.execute("SELECT 1 FROM removed_runs WHERE id = ?", (run,)).fetchone()
    return found is not None
