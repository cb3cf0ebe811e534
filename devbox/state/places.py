"""Where the files of the state are, inside the folder of devbox's own files."""

from __future__ import annotations

from pathlib import Path


def state_file(home: Path) -> Path:
    """The SQLite file; ``-wal`` and ``-shm`` beside it belong to it."""
    return home / "state.db"


def locks_folder(home: Path) -> Path:
    """Lock files, whose names say what they guard."""
    return home / "locks"


def use_lock(home: Path) -> Path:
    """Held, shared, by every process that has the state file open."""
    return locks_folder(home) / "state.lock"


def migration_lock(home: Path) -> Path:
    """Held by the one process that makes or changes the tables."""
    return locks_folder(home) / "migration.lock"
