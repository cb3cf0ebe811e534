"""Is the state file sound? Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devbox.errors import DevboxError
from devbox.state import mounts
from devbox.state.connection import Connection, connect, leads_nowhere, nowhere
from devbox.state.migrations import VERSION, behind, columns, expected
from devbox.state.places import state_file

LARGE_LOG = 256 << 20
"""A write-ahead log above this many bytes shows that somebody reads without end."""


@dataclass(frozen=True)
class Check:
    """What one check found; ``fix`` is what to do about it, "" where nothing is to be done."""

    name: str
    status: Literal["ok", "warn", "fail"]
    message: str
    fix: str = ""


def check(home: Path) -> list[Check]:
    """Check the state file of the folder ``home``: place, modes, version and content."""
    found: list[Check] = []
    try:
        found.extend(_checks(home))
    except DevboxError as error:
        found.append(Check("file", "fail", error.message, error.hint))
    except PermissionError as error:
        message = f"{error.filename or home} may not be looked at by you: permission denied"
        fix = "Ask its owner, or set DEVBOX_HOME to a folder of your own."
        found.append(Check("folder", "fail", message, fix))
    return found


def _checks(home: Path) -> Iterator[Check]:
    path = state_file(home)
    if not home.is_dir():
        yield Check("folder", "ok", f"{home} is not there yet; the first command makes it")
        return
    yield _folder(home)
    yield _filesystem(home)
    if leads_nowhere(path):
        raise nowhere(path)
    if not path.exists():
        yield Check("file", "ok", f"{path} is not there yet; the first command makes it")
        return
    yield _modes(path)
    with closing(connect(path)) as connection:
        yield from _content(connection)


def _folder(home: Path) -> Check:
    mode = home.stat().st_mode & 0o777
    if mode & 0o022:
        return Check("folder", "warn", f"others may write in {home}", f"chmod 700 {home}")
    return Check("folder", "ok", str(home))


def _filesystem(home: Path) -> Check:
    kind = mounts.filesystem_of(home)
    if mounts.is_network(kind):
        return Check(
            "filesystem",
            "fail",
            f"{home} is on a network filesystem ({kind})",
            "Set DEVBOX_HOME to a folder on a disk of this machine.",
        )
    return Check("filesystem", "ok", kind or "not known")


def _modes(path: Path) -> Check:
    loose = [
        each
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm")))
        if each.exists() and each.stat().st_mode & 0o077
    ]
    if loose:
        names = " ".join(str(each) for each in loose)
        return Check("modes", "warn", f"others may read {names}", f"chmod 600 {names}")
    return Check("modes", "ok", "private")


def _content(connection: Connection) -> Iterator[Check]:
    if behind(connection):
        found = connection.pragma("user_version")
        yield Check("version", "ok", f"{found}; the next command takes it to {VERSION}")
    else:
        yield Check("version", "ok", str(VERSION))
    problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
    if problems == ["ok"]:
        yield Check("integrity", "ok", "whole")
    else:
        yield Check(
            "integrity",
            "fail",
            "; ".join(problems),
            "`devbox state restore BACKUP` puts a backup in its place.",
        )
    yield _tables(connection)
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    tables = ", ".join(sorted({str(row[0]) for row in orphans}))
    if orphans:
        yield Check("references", "fail", f"{len(orphans)} rows refer to missing rows: {tables}")
    else:
        yield Check("references", "ok", "complete")
    yield _log(connection.path)


def _tables(connection: Connection) -> Check:
    there = columns(connection)
    missing = []
    for table, names in expected(int(connection.pragma("user_version"))).items():
        if table not in there:
            missing.append(f"the table {table}")
        else:
            missing += [f"{table}.{name}" for name in sorted(names - there[table])]
    if missing:
        return Check(
            "tables",
            "fail",
            f"missing: {', '.join(missing)}",
            "`devbox state restore BACKUP` puts a backup in its place.",
        )
    return Check("tables", "ok", "complete")


def _log(path: Path) -> Check:
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGE_LOG:
        return Check(
            "log",
            "warn",
            f"{log} has grown to {size >> 20} MiB",
            "A process reads without end; end the devbox that has run longest.",
        )
    return Check("log", "ok", f"{size >> 10} KiB")
