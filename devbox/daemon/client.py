"""The daemon as a command sees it: is it there, start it, ask it to leave.

Imports little: `exec` looks whether it is there.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devbox import __version__
from devbox.daemon.places import lock_file, log_file, socket_file
from devbox.errors import DevboxError

PATIENCE = 15.0
"""Seconds for it to start, or to leave."""
LONGEST = 1 << 20
OWN = ("DEVBOX_RUN", "DEVBOX_RUN_JOIN", "DEVBOX_SPOOL")
"""Variables of the run that a command belongs to, which are none of the daemon's."""


@dataclass(frozen=True)
class Holder:
    """The process that is the daemon."""

    pid: int
    version: str


def holder(home: Path) -> Holder | None:
    """Who holds the lock now, None where nobody does."""
    try:
        fd = os.open(lock_file(home), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        # Shared: two that look do not take each other for the daemon.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        with suppress(OSError, ValueError, TypeError, KeyError):
            said = json.loads(os.pread(fd, 4096, 0))
            return Holder(int(said["pid"]), str(said["version"]))
        return Holder(0, "")
    else:
        return None
    finally:
        os.close(fd)


def wake(home: Path) -> None:
    """Have the daemon run, without waiting for it; one of another version makes room."""
    found = holder(home)
    if found and found.version in {__version__, ""}:
        return
    if found:
        with suppress(DevboxError):
            ask(home, "stop")
    _spawn(home)


def start(home: Path) -> Holder:
    """Have the daemon run, and answer. Raises DevboxError where it does not."""
    wake(home)
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(DevboxError):
            ask(home, "status")
            found = holder(home)
            if found and found.version == __version__:
                return found
        if time.monotonic() > deadline:
            raise DevboxError("The daemon does not start.", hint=f"{log_file(home)} may tell why.")
        time.sleep(0.02)


def stop(home: Path) -> bool:
    """Ask it to leave and wait until it has; says whether it was there. Raises DevboxError where
    it stays."""
    if holder(home) is None:
        return False
    with suppress(DevboxError):  # it may be starting, or about to leave
        ask(home, "stop")
    deadline = time.monotonic() + PATIENCE
    while found := holder(home):
        if time.monotonic() > deadline:
            raise DevboxError(
                f"The daemon (process {found.pid}) does not leave.", hint=f"kill {found.pid}"
            )
        with suppress(DevboxError):
            ask(home, "stop")
        time.sleep(0.02)
    return True


def ask(home: Path, op: str) -> dict[str, Any]:
    """Ask the daemon something. Raises DevboxError where nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(5.0)
        try:
            stream.connect(str(socket_file(home)))
            stream.sendall(json.dumps({"op": op}).encode() + b"\n")
            data = bytearray()
            while not data.endswith(b"\n") and len(data) < LONGEST:
                some = stream.recv(65536)
                if not some:
                    break
                data += some
            answer = json.loads(data)
        except (OSError, ValueError) as error:
            raise DevboxError("The daemon does not answer.", hint="devbox daemon start") from error
    if not isinstance(answer, dict):
        raise DevboxError("The daemon does not answer as it should.")
    return answer


def claim(home: Path) -> int | None:
    """The lock, as a descriptor that holds it; None where somebody has it."""
    place = lock_file(home)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    said = json.dumps({"pid": os.getpid(), "version": __version__}).encode()
    os.ftruncate(fd, 0)
    os.pwrite(fd, said, 0)
    return fd


def _spawn(home: Path) -> None:
    """Start it as nobody's child: it is not to end with this process.

    It gets the lock from here, so that whoever looks sees it from now on; where an old one still
    has that, it waits for it.
    """
    held = claim(home)
    given = () if held is None else (held,)
    env = {name: value for name, value in os.environ.items() if name not in OWN}
    words = [sys.executable, "-m", "devbox.daemon", str(home), *map(str, given)]
    try:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" & ', "sh", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=given,
            cwd="/",
            env={**env, "DEVBOX_HOME": str(home)},
            check=False,
        )
    finally:
        for fd in given:
            os.close(fd)
