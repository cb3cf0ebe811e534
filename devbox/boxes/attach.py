"""Running a command in a box with this terminal or these pipes attached.

The terminal, its size, signals and the exit code behave as if the command ran here. However the
client ends, the command and all its children in the box end too.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

from devbox.boxes.identity import RUNNER, User
from devbox.boxes.tree import MARK, Watchdog, new_mark, signal_tree
from devbox.compute.engine.types import Engine, Exec

CHUNK = 65536
PATIENCE = 10.0
LOOK_AGAIN = 0.2
KILLED = 128 + signal.SIGKILL


@dataclass(frozen=True)
class Command:
    """What to run in which container: ``cwd`` is a path in the box."""

    container: str
    argv: Sequence[str]
    user: User
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def attach(engine: Engine, command: Command, *, tty: bool) -> int:
    """Run a command attached to the standard streams of this process; return its exit code."""
    mark = new_mark()

    def end(number: signal.Signals) -> None:
        signal_tree(engine, command.container, mark, command.user, number)

    running: Exec | None = None
    watchdog: Watchdog | None = None
    finished = False
    try:
        running = engine.exec(
            command.container,
            [RUNNER, *command.argv],
            user=str(command.user),
            cwd=command.cwd,
            env={**command.env, MARK: mark, **_terminal_env(tty=tty)},
            tty=tty,
            stdin=True,
            size=_size() if tty else None,
        )
        # The engine is busy starting the command by now, so that the fork takes no time.
        watchdog = Watchdog(engine, command.container, mark, command.user)
        with _signals_sent_on(end, running.abort, tty=tty) as given_up, _raw_terminal(tty=tty):
            _resize_with(running, tty=tty)
            with _standard_input_of(running):
                _copy_output(running, given_up)
            # The engine has no code for a command whose connection was broken off.
            code = KILLED if given_up.is_set() else running.exit_code()
        finished = not given_up.is_set()
        return code
    finally:
        if running:
            running.close()
        if not finished:
            end(signal.SIGKILL)
        if watchdog:
            watchdog.dismiss()


def _terminal_env(*, tty: bool) -> dict[str, str]:
    names = ("TERM", "COLORTERM") if tty else ()
    return {name: os.environ[name] for name in (*names, "NO_COLOR") if name in os.environ}


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(sys.stdin.fileno())
    return size.lines, size.columns


def _copy_output(running: Exec, given_up: threading.Event) -> None:
    """To our own streams, until the command ends. Whoever reads those may have stopped for now,
    but once all is ``given_up`` nobody waits for that."""
    while (chunk := running.read()) is not None:
        stream, data = chunk
        view = memoryview(data)
        while view:
            if select.select([], [stream], [], LOOK_AGAIN)[1]:
                # So much fits where there is room at all.
                view = view[os.write(stream, view[: select.PIPE_BUF]) :]
            elif given_up.is_set():
                return


@contextmanager
def _standard_input_of(running: Exec) -> Iterator[None]:
    """Pump this process's stdin into the command, in a thread that ends with it.

    It waits on a second descriptor too, so that it never swallows a key that was meant for
    whoever reads the terminal next.
    """
    wake_reader, wake_writer = os.pipe()

    def pump() -> None:
        try:
            while wake_reader not in select.select([0, wake_reader], [], [])[0]:
                data = os.read(0, CHUNK)
                if not data:
                    break
                running.write(data)
        except OSError:
            pass  # the command ended, or this process has no standard input
        with suppress(OSError):
            running.close_stdin()

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.write(wake_writer, b"x")
        running.abort()  # it may be in the middle of sending what nobody reads any more
        thread.join()
        os.close(wake_reader)
        os.close(wake_writer)


@contextmanager
def _signals_sent_on(
    end: Callable[[signal.Signals], None], abort: Callable[[], None], *, tty: bool
) -> Iterator[threading.Event]:
    """Send signals that this process gets to the whole tree in the box.

    A second signal, or ten seconds of patience, make it a SIGKILL, and the event that it yields
    is set. With a terminal Ctrl+C is a byte that the terminal in the box turns into a signal
    itself.
    """
    received = threading.Event()

    def kill() -> None:
        given_up.set()
        # While the command's stream is full and nobody reads it, the engine tells the end of
        # nothing in the container: not of the signal either.
        abort()
        end(signal.SIGKILL)

    def send(number: signal.Signals) -> None:
        threading.Thread(target=end, args=(number,), daemon=True).start()
        if not over.wait(PATIENCE):
            kill()

    def handle(number: int, _: FrameType | None) -> None:
        act = kill if received.is_set() else partial(send, signal.Signals(number))
        received.set()
        # Not in the handler itself: the main thread may be in the middle of a request.
        threading.Thread(target=act, daemon=True).start()

    over, given_up = threading.Event(), threading.Event()
    numbers = [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT] + ([] if tty else [signal.SIGINT])
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield given_up
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _resize_with(running: Exec, *, tty: bool) -> None:
    if not tty:
        return

    def resize(*_: object) -> None:
        rows, columns = _size()
        threading.Thread(target=running.resize, args=(rows, columns), daemon=True).start()

    signal.signal(signal.SIGWINCH, resize)


@contextmanager
def _raw_terminal(*, tty: bool) -> Iterator[None]:
    if not tty:
        yield
        return
    import termios
    import tty as modes

    before = termios.tcgetattr(0)
    modes.setraw(0, termios.TCSANOW)  # the default would drop what was typed ahead
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
