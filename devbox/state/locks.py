"""File locks between processes, held by the kernel: a process that dies lets go of them."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devbox.errors import DevboxError

POLL_SECONDS = 0.05


class Locked(DevboxError):
    """Somebody else holds the lock."""


@contextmanager
def lock(
    path: Path,
    *,
    wait: bool | float = True,
    on_wait: Callable[[str], None] | None = None,
    shared: bool = False,
) -> Iterator[int]:
    """Hold the lock file ``path``; several processes may hold it together if all are ``shared``.

    ``wait`` is True (as long as it takes), False (not at all) or seconds. ``on_wait`` is told
    once who holds it, such as "devbox up (process 4711)", before waiting begins. Raises
    :class:`Locked` when the waiting is over.

    The lock is on the file's content, not its existence: the file stays, and one that an
    ended process left behind is free. Taking it twice in one process waits like any other.

    Yields the file descriptor that holds it: a child that gets it holds the lock too, after a
    sudden end of this process.
    """
    descriptor = acquire(path, wait=wait, on_wait=on_wait, shared=shared)
    try:
        yield descriptor
    finally:
        # Not by closing alone: what a child handed on to a child of its own may still be open.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        release(descriptor)


def acquire(
    path: Path,
    *,
    wait: bool | float = True,
    on_wait: Callable[[str], None] | None = None,
    shared: bool = False,
) -> int:
    """Take the lock as in :func:`lock`; returns the file descriptor that holds it."""
    descriptor = _open(path)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        if not _try(descriptor, kind):
            _wait(descriptor, kind, path, wait, on_wait)
        if not shared:
            # Readers of the name hold no lock: a single write is what they see whole.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {_command()}\n".encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def release(descriptor: int) -> None:
    """Let go of a lock."""
    os.close(descriptor)


def holder(path: Path) -> str:
    """Who took the lock last, as "devbox up (process 4711)"; without a name "another process"."""
    try:
        number, _, command = path.read_text(errors="replace").strip().partition(" ")
    except OSError:
        number = command = ""
    if number.isdecimal() and command:
        return f"{command} (process {number})"
    return "another process"


def users(path: Path) -> list[str]:
    """Every process that holds the lock, as "process 4711"; empty where the kernel won't say."""
    try:
        inode = path.stat().st_ino
        table = Path("/proc/locks").read_text()
    except OSError:
        return []
    found = []
    for line in table.splitlines():
        fields = line.split()
        # 1: FLOCK  ADVISORY  READ 4711 fe:00:131 0 EOF (proc_locks(5))
        if len(fields) == 8 and fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
            found.append(f"process {fields[4]}")
    return sorted(set(found))


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, flags, 0o600)
    except OSError as error:
        raise DevboxError(
            f"The lock file {path} cannot be opened: {error.strerror}.",
            hint="Check that the folder is yours, or set DEVBOX_HOME to one that is.",
        ) from error


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(
    descriptor: int,
    kind: int,
    path: Path,
    wait: bool | float,
    on_wait: Callable[[str], None] | None,
) -> None:
    who = holder(path)
    if wait is not False and on_wait is not None:
        on_wait(who)
    if wait is True:
        fcntl.flock(descriptor, kind)
        return
    end = time.monotonic() + float(wait)
    while time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        if _try(descriptor, kind):
            return
    raise Locked(f"{path.name} is held by {who}.", hint="Wait until it is done, then try again.")


def _command() -> str:
    """The program and its verb; further arguments may hold secrets."""
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    return f"{program} {verb}".strip() if verb.isalpha() else program
