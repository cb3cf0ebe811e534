"""Ports of a box that OpenSSH clients in the background carry to this machine's loopback.

Each forward is a process of its own. A file in the box's folder remembers which, so that a later
devbox can list and end them, and so that a port keeps its number on this machine. A forward ends
with its box, since its connection does.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.ports import free_port, is_free
from devbox.config.spec import Port
from devbox.errors import DevboxError
from devbox.state import lock

if TYPE_CHECKING:
    import psutil

LOOPBACK = "127.0.0.1"
FILE = "forwards.json"
PATIENCE = 30.0
# The kernel counts a process's start from its boot, whose time of day is adjusted now and then.
SAME_START = 2.0


@dataclass(frozen=True)
class Forward:
    """``port`` of the box as ``host_port`` of this machine's loopback, carried by process ``pid``
    that began at ``started`` (seconds since the epoch). ``pid`` 0: it was so once."""

    port: int
    host_port: int
    pid: int = 0
    started: float = 0.0


class Forwards:
    """The forwards of one box, kept in ``folder``. ``lock`` is held while they change: a file that
    all boxes share, so that two never choose the same port."""

    def __init__(self, folder: Path, lock: Path) -> None:
        self._file = folder / FILE
        self._lock = lock

    def ls(self) -> tuple[Forward, ...]:
        """The forwards that work now, by port."""
        return tuple(forward for forward in self._known() if _process(forward))

    def start(
        self,
        ssh: Callable[..., Sequence[str]],
        port: int,
        host_port: int | None,
        holder: Callable[[int], str],
    ) -> Forward:
        """Forward a port of the box and return when it works; does nothing where it does so now.

        ``ssh`` makes the command line of a connection to the box from further options. Without
        ``host_port`` it is the number of the last time, else the box's own, else a free one. With
        one that is in use, raises DevboxError saying by what, as ``holder`` tells it.
        """
        with lock(self._lock):
            known = {forward.port: forward for forward in self._known()}
            before = known.get(port)
            running = before if before and _process(before) else None
            if before and running and host_port in {None, before.host_port}:
                return before
            chosen = self._choose(port, host_port, before, holder)
            made = self._spawn(ssh, Forward(port, chosen))
            self._write((known | {port: made}).values())
            try:
                self._wait(made)
            except BaseException:
                _end(made)
                self._write(known.values())
                raise
            if running:
                _end(running)
            return made

    def stop(self, port: int | None = None) -> tuple[Forward, ...]:
        """End the forward of a port of the box, or of all; returns those that worked."""
        with lock(self._lock):
            known = self._known()
            ended = [f for f in known if port in {None, f.port} and _process(f)]
            for forward in ended:
                _end(forward)
            if ended:
                self._write([replace(f, pid=0) if f in ended else f for f in known])
        return tuple(ended)

    def _choose(
        self, port: int, wanted: int | None, before: Forward | None, holder: Callable[[int], str]
    ) -> int:
        here = Port(port, address=LOOPBACK)
        if wanted is not None:
            if not is_free(here, wanted):
                other = free_port(here)
                raise DevboxError(
                    f"Port {wanted} of this machine is in use by {holder(wanted)}.",
                    hint=f"Take another one: `devbox ports --forward {port}:{other}`.",
                )
            return wanted
        if before and is_free(here, before.host_port):
            return before.host_port
        return free_port(here)

    def _spawn(self, ssh: Callable[..., Sequence[str]], forward: Forward) -> Forward:
        """Start the client, as nobody's child: it is not to end with this process."""
        where = f"{LOOPBACK}:{forward.host_port}:localhost:{forward.port}"
        command = ssh("-N", "-o", "ExitOnForwardFailure=yes", "-L", where)
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._log(forward).open("wb") as log:
            started = subprocess.run(
                ["sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                check=True,
            )
        import psutil

        pid = int(started.stdout)
        try:
            return replace(forward, pid=pid, started=psutil.Process(pid).create_time())
        except psutil.Error:
            raise self._failure(forward) from None

    def _wait(self, forward: Forward) -> None:
        deadline = time.monotonic() + PATIENCE
        while not _process(forward):
            if not _process(forward, listening=False) or time.monotonic() > deadline:
                raise self._failure(forward)
            time.sleep(0.02)

    def _failure(self, forward: Forward) -> DevboxError:
        said = self._log(forward).read_text(errors="replace").splitlines()
        return DevboxError(
            f"Port {forward.port} of the box could not be forwarded to {forward.host_port} here.",
            hint="`devbox ssh` shows whether the box can be reached.",
            detail=said[-10:],
        )

    def _log(self, forward: Forward) -> Path:
        return self._file.with_name(f"forward-{forward.port}.log")

    def _known(self) -> list[Forward]:
        """What the file says; nothing where it is absent or not what devbox writes."""
        try:
            stored = json.loads(self._file.read_bytes())
            known = [
                Forward(int(e["port"]), int(e["host_port"]), int(e["pid"]), float(e["started"]))
                for e in stored
            ]
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return []
        valid = [f for f in known if 0 < f.port < 65536 and 0 < f.host_port < 65536]
        return sorted(valid, key=lambda forward: forward.port)

    def _write(self, forwards: Iterable[Forward]) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps([vars(forward) for forward in forwards]))
        draft.replace(self._file)


def _process(forward: Forward, *, listening: bool = True) -> psutil.Process | None:
    """The process that carries a forward; None where it is gone, is another one of the same
    number, or (with ``listening``) does not have the port."""
    import psutil

    if forward.pid <= 0:
        return None
    try:
        process = psutil.Process(forward.pid)
        same = abs(process.create_time() - forward.started) <= SAME_START
        if not same or process.status() == psutil.STATUS_ZOMBIE:
            return None
        ports = {
            each.laddr[1]
            for each in process.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
        }
    except (psutil.Error, OSError, OverflowError):
        return None
    return process if not listening or forward.host_port in ports else None


def _end(forward: Forward) -> None:
    """End its process, and wait until the port is free."""
    import psutil

    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 5
        # Not with `wait`: a process of nobody's may stay for a while as a zombie.
        while process := _process(forward, listening=False):
            if time.monotonic() > deadline:
                break
            with suppress(psutil.Error):
                process.send_signal(number)
            time.sleep(0.02)
