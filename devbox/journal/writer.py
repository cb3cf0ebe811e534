"""The journal of one process in one run: a file that only grows, a line for each record.

A record is on its way to the disk when :meth:`Journal.write` returns: it survives the end of the
process, even by SIGKILL. A line that could not be written whole has no end; it is followed by no
other, since what comes next goes into a new journal.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import weakref
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError
from devbox.journal.ids import new_id
from devbox.journal.places import owned_as

SUFFIX = ".journal"
VERSION = 1

try:
    import fcntl
except ImportError:  # no such locks there: the outside goes by the time of the last record
    fcntl = None  # type: ignore[assignment]


class Journal:
    """Appends records to a file of its own in ``folder``, made with the first record.

    While a process lives, it holds a lock on its journals. A child made by `fork` writes into
    journals of its own.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder
        self.run = run
        self._fd = -1
        self._guard = threading.Lock()
        _living.add(self)

    def write(self, record: bytes) -> None:
        """Append one record, a line with its end. Raises DevboxError where the disk is full."""
        try:
            fd = self._fd if self._fd >= 0 else self._open()
            if os.write(fd, record) == len(record):
                return
            with self._guard:
                self._leave()
            # The disk was full for a part of it: full, or room again by now.
            if os.write(self._open(), record) != len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301
        except OSError as error:
            with self._guard:
                self._leave()
            raise DevboxError(
                f"The run can't be written to {self.folder}: {error.strerror}.",
                hint="Make room, or set DEVBOX_SPOOL to a folder elsewhere.",
            ) from error

    def note(self, kind: str, **fields: Any) -> None:
        """Append a record of anything but a metric, as JSON."""
        text = json.dumps({"kind": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
        self.write(text.encode("utf-8", "replace") + b"\n")

    def close(self) -> None:
        """Let go of the file. A later record would open another."""
        with self._guard:
            self._leave()

    def _open(self) -> int:
        with self._guard:
            if self._fd >= 0:
                return self._fd
            self.folder.mkdir(parents=True, exist_ok=True)
            owned_as(self.folder)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            fd = os.open(self.folder / f"{new_id()}{SUFFIX}", flags, 0o600)
            try:
                owned_as(self.folder, fd)
                if fcntl is not None:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                head = {"kind": "journal", "version": VERSION, "run": self.run, "pid": os.getpid()}
                os.write(fd, json.dumps(head, separators=(",", ":")).encode() + b"\n")
            except OSError:
                os.close(fd)
                raise
            self._fd = fd
            return fd

    def _leave(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def after_fork(self) -> None:
        """In a child: the file, and the lock that tells that its writer lives, are the parent's."""
        self._guard = threading.Lock()
        self._leave()


_living: weakref.WeakSet[Journal] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for journal in list(_living):
        journal.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
