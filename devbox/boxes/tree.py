"""Ending what was started in a box, with everything that it started itself.

When the client of `docker exec` goes, the command stays. Every command of devbox carries a mark
in its environment, which its children inherit even when they leave its session or its parent;
a script in the box finds them by it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from devbox.boxes.identity import LIBRARY, User
from devbox.compute.engine.types import Engine

MARK = "DEVBOX_EXEC"
PATIENCE = 30.0
"""Seconds for a signal to reach everything; a container that answers nothing must not keep us."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def new_mark(kind: str = "") -> str:
    """A value of ``DEVBOX_EXEC`` that nothing else has: ``3f..`` is a task of somebody's. Another
    ``kind`` comes in front, "hook-3f.." say: such processes are not somebody's running work."""
    return f"{kind}-{os.urandom(8).hex()}" if kind else os.urandom(8).hex()


def signal_tree(
    engine: Engine, container: str, mark: str, user: User, number: signal.Signals
) -> None:
    """Send a signal to all processes with a mark; SIGKILL leaves none.

    As the user and as root, since without CAP_SYS_PTRACE not even root may look into the
    environment of a process of somebody else.
    """
    argv = [f"{LIBRARY}/signal", number.name.removeprefix("SIG"), mark]
    for who in dict.fromkeys([str(user), "0:0"]):
        engine.call(container, argv, user=who, timeout=PATIENCE)


class Watchdog:
    """A child process that outlives a SIGKILL of its parent, and then ends a command in a box.

    It waits for the end of a pipe that only the parent holds. Made by `fork`, before there are
    threads: that takes some milliseconds, a fresh interpreter takes fifty.
    """

    def __init__(self, engine: Engine, container: str, mark: str, user: User) -> None:
        reader, self._writer = os.pipe()
        # A signal in between would end the child as if it were its parent.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        self._child = os.fork()
        if self._child:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(reader)
            return
        os.close(self._writer)
        _watch(reader, lambda: signal_tree(engine.fresh(), container, mark, user, signal.SIGKILL))

    def dismiss(self) -> None:
        """The command ended in order: nothing is left to do."""
        with suppress(OSError):  # it may be gone, killed for memory say
            os.write(self._writer, b"x")
        os.close(self._writer)
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)


def _watch(reader: int, on_death: Callable[[], None]) -> None:
    """The child's whole life. Never returns."""
    try:
        os.setsid()
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        # A reader of the parent's output must not wait for this process, nor the engine for the
        # end of a connection that is open here too.
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os.closerange(3, reader)
        os.closerange(reader + 1, os.sysconf("SC_OPEN_MAX"))
        if not os.read(reader, 1):
            on_death()
    except BaseException:  # noqa: BLE001 - it has nobody to tell, and must end here
        os._exit(1)
    os._exit(0)
