"""The event log: one append-only table of who did what to what, and when."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devbox.redact import masked, masked_data

if TYPE_CHECKING:
    from devbox.state import State

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Event:
    """Something that happened.

    ``time`` is in seconds since the epoch. ``subject`` is what it happened to ("box/alice/api"),
    ``kind`` what happened ("box.started"), ``actor`` who caused it. Ids only grow.
    """

    id: int
    time: float
    actor: str
    subject: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Events:
    """The log of one state file."""

    def __init__(self, state: State) -> None:
        self._state = state

    def append(self, subject: str, kind: str, /, *, actor: str | None = None, **data: Any) -> int:
        """Write an event and return its id; ``actor`` is the person unless given.

        ``data`` is anything JSON can hold; other values are written as text. Known secrets are
        masked. Inside ``state.transaction()`` the event is part of it, and gone if that fails.
        """
        cursor = self._state.connection.execute(
            "INSERT INTO events (time, actor, subject, kind, data) VALUES (?, ?, ?, ?, ?)",
            (
                time.time(),
                self._state.actor if actor is None else actor,
                subject,
                kind,
                json.dumps(
                    masked_data(data), default=lambda value: masked(str(value)), sort_keys=True
                ),
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def ls(
        self,
        *,
        after: int = 0,
        subject: str | None = None,
        kind: str | None = None,
        since: float | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> list[Event]:
        """Events in the order they were written, those with an id above ``after``.

        ``subject`` and ``kind`` may be patterns ("box/*"); ``since`` is in seconds since the
        epoch. ``limit`` takes the first so many, ``last`` the newest so many.
        """
        where, values = ["id > ?"], [after]  # type: list[str], list[object]
        for column, pattern in (("subject", subject), ("kind", kind)):
            if pattern is not None:
                where.append(f"{column} {'GLOB' if _is_pattern(pattern) else '='} ?")
                values.append(pattern)
        if since is not None:
            where.append("time >= ?")
            values.append(since)
        count = last if last is not None else limit
        values.append(-1 if count is None else count)
        rows = self._state.connection.execute(
            f"SELECT * FROM events WHERE {' AND '.join(where)} "  # noqa: S608 - fixed words only
            f"ORDER BY id {'DESC' if last is not None else 'ASC'} LIMIT ?",
            values,
        ).fetchall()
        if last is not None:
            rows.reverse()
        return [_event(row) for row in rows]

    def last_id(self) -> int:
        """The id of the newest event, 0 where there is none."""
        row = self._state.connection.execute("SELECT max(id) FROM events").fetchone()
        return int(row[0] or 0)

    def follow(
        self,
        *,
        after: int | None = None,
        subject: str | None = None,
        kind: str | None = None,
        stop: threading.Event | None = None,
        poll: float = POLL_SECONDS,
    ) -> Iterator[Event]:
        """Events as they are written, by any process, until ``stop`` is set.

        Begins behind ``after``, or with what is written after the first ``next()``.
        ``poll`` is how often, in seconds, it looks whether the file changed.
        """
        stop = stop or threading.Event()
        seen = None
        position = self.last_id() if after is None else after
        while not stop.is_set():
            version = self._state.data_version()
            if version == seen:
                stop.wait(poll)
                continue
            # Before reading: what is written in between changes the version once more.
            seen = version
            for event in self.ls(after=position, subject=subject, kind=kind):
                position = event.id
                yield event


def _is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def _event(row: sqlite3.Row) -> Event:
    return Event(
        id=row["id"],
        time=row["time"],
        actor=row["actor"],
        subject=row["subject"],
        kind=row["kind"],
        data=json.loads(row["data"]),
    )
