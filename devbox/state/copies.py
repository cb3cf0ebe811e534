"""Backups of the state file, and putting one back."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain, count
from pathlib import Path

from devbox.errors import DevboxError, Refused
from devbox.state.connection import Connection, connect, disk_full, explain, not_ours
from devbox.state.locks import Locked, lock, users
from devbox.state.migrations import APPLICATION_ID, VERSION, newer
from devbox.state.places import state_file, use_lock

SIDE_FILES = ("-wal", "-shm")


def backup(home: Path, target: Path | None = None, *, force: bool = False) -> Path:
    """Copy the state file as of one moment, while others go on writing; returns the copy's path.

    ``target`` is a file, or a folder to put a dated file in (default: ``backups`` beside the
    state file). The copy is complete or absent, one file, mode 0600. An existing file is
    replaced only with ``force``.
    """
    source = state_file(home)
    if not source.is_file():
        raise DevboxError(
            f"There is no state file {source} yet: nothing to back up.",
            hint="It is made with the first box. Is DEVBOX_HOME set to the right folder?",
        )
    if target is None:
        target = home / "backups"
        _make_folder(target)
    if target.is_dir():
        target = _dated(target, "state-", ".db")
    target = target.absolute()
    if target.exists():
        if target.samefile(source):
            raise Refused("A backup cannot go where the state file itself is.")
        if not force:
            raise Refused(f"{target} exists already.", hint="Add --force to replace it.")
    with closing(connect(source)) as origin, _draft(target) as draft:
        _copy(origin, draft)
        draft.replace(target)
    _sync_folder(target.parent)
    return target


def restore(home: Path, source: Path) -> Path | None:
    """Put a backup in the place of the state file; returns where the replaced file is kept.

    The backup is checked first; nothing changes if it is damaged, newer or no state file.
    Raises Refused while another process has the state file open.
    """
    if not source.is_file():
        raise DevboxError(
            f"There is no file {source}.",
            hint=f"`devbox state backup` keeps its own in {home / 'backups'}.",
        )
    path = state_file(home)
    if path.exists() and source.samefile(path):
        raise Refused("The state file cannot be restored from itself.")
    _make_folder(home)
    try:
        with lock(use_lock(home), wait=False), _draft(path) as draft:
            with closing(connect(source)) as origin:
                _check_source(origin)
                _copy(origin, draft)
            kept = _put_aside(path) if path.exists() else None
            draft.replace(path)
    except Locked as error:
        who = ", ".join(users(use_lock(home))) or "another process"
        raise Refused(
            f"The state file is in use by {who}.",
            hint="End every devbox that runs here, then restore again.",
        ) from error
    _sync_folder(home)
    return kept


def _check_source(connection: Connection) -> None:
    """Raises DevboxError where the file is not a whole state file that this devbox knows."""
    path = connection.path
    if connection.pragma("application_id") != APPLICATION_ID:
        raise not_ours(path)
    version = int(connection.pragma("user_version"))
    if version > VERSION:
        raise newer(connection, version)
    problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
    if problems != ["ok"]:
        raise DevboxError(
            f"{path} is damaged; the state file was left as it is.",
            hint="Take another backup.",
            detail=problems,
        )


def _copy(origin: Connection, draft: Path) -> None:
    with closing(connect(draft)) as copy:
        try:
            # All pages in one step: one read transaction, so writers cannot restart the copy.
            origin.backup(copy)
        except sqlite3.DatabaseError as error:
            raise explain(error, draft) or error from error
        # One file, without a log of its own beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_aside(path: Path) -> Path:
    """Keep the present file under a dated name, and take its log out of the way."""
    kept = _dated(path.parent, f"{path.name}.before-restore-", "")
    try:
        with closing(connect(path)) as present:
            present.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except DevboxError:
        pass  # A damaged file is kept as it is, with its log.
    os.link(path, kept)
    for suffix in SIDE_FILES:
        side = path.with_name(path.name + suffix)
        # Left in place, SQLite would replay the old log into the restored file.
        if side.exists():
            side.rename(kept.with_name(kept.name + suffix))
    return kept


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """An empty private file beside ``target``, gone afterwards unless it was renamed."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(target) from error
        raise DevboxError(f"{target} cannot be written: {error.strerror}.") from error
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    finally:
        for suffix in ("", "-journal", *SIDE_FILES):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DevboxError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _dated(folder: Path, before: str, after: str) -> Path:
    """A name with the present time (UTC) in it that is not taken."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = chain([""], (f"-{number}" for number in count(2)))
    return next(
        path for name in names if not (path := folder / f"{before}{stamp}{name}{after}").exists()
    )
