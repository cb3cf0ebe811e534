"""What the state file remembers of boxes: the engine's labels, and what `up` has finished."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row

from devbox.boxes.identity import BoxId
from devbox.state import State

LOCAL = "local"
READY, STARTING, STOPPING = "ready", "starting", "stopping"


@dataclass(frozen=True)
class Record:
    """One remembered box.

    ``container`` and ``started`` (seconds since the epoch) name the start that the last complete
    `up` brought about; ``phase`` is READY then, and STARTING or STOPPING while that is under way
    or was interrupted.
    """

    id: BoxId
    project: str
    profile: str
    config: str
    image: str
    container: str
    started: float
    phase: str


class BoxStore:
    """The boxes table."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, box: BoxId) -> Record | None:
        """The record of one box, if any."""
        row = self._state.connection.execute(
            "SELECT * FROM boxes WHERE owner = ? AND name = ? AND host = ?",
            (box.owner, box.name, LOCAL),
        ).fetchone()
        return _record(row) if row else None

    def ls(self, owner: str) -> tuple[Record, ...]:
        """Every remembered box of an owner, by name."""
        rows = self._state.connection.execute(
            "SELECT * FROM boxes WHERE owner = ? AND host = ? ORDER BY name", (owner, LOCAL)
        )
        return tuple(_record(row) for row in rows)

    def projects(self) -> tuple[Path, ...]:
        """The folders of all projects that have a remembered box, of any owner."""
        rows = self._state.connection.execute("SELECT DISTINCT project FROM boxes")
        return tuple(Path(row["project"]) for row in rows if row["project"])

    def put(self, record: Record) -> None:
        """Remember a box, in place of what was remembered of it."""
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT INTO boxes (owner, name, host, project, profile, config_hash, image,"
                " container, started, phase, updated) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
                " ON CONFLICT (owner, name, host) DO UPDATE SET project = excluded.project,"
                " profile = excluded.profile, config_hash = excluded.config_hash,"
                " image = excluded.image, container = excluded.container,"
                " started = excluded.started, phase = excluded.phase, updated = excluded.updated",
                (
                    record.id.owner,
                    record.id.name,
                    LOCAL,
                    record.project,
                    record.profile,
                    record.config,
                    record.image,
                    record.container,
                    record.started,
                    record.phase,
                    time.time(),
                ),
            )

    def forget(self, box: BoxId) -> None:
        """Remove a box's record."""
        with self._state.transaction() as connection:
            connection.execute(
                "DELETE FROM boxes WHERE owner = ? AND name = ? AND host = ?",
                (box.owner, box.name, LOCAL),
            )


def _record(row: Row) -> Record:
    return Record(
        id=BoxId(row["owner"], row["name"]),
        project=row["project"] or "",
        profile=row["profile"] or "",
        config=row["config_hash"] or "",
        image=row["image"] or "",
        container=row["container"] or "",
        started=row["started"] or 0.0,
        phase=row["phase"] or "",
    )
