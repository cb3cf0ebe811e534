"""Lifecycle hooks: shell commands of devbox.toml that run in the box."""

from __future__ import annotations

import codecs
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from devbox.boxes.identity import RUNNER, User
from devbox.boxes.tree import MARK, Watchdog, new_mark, signal_tree
from devbox.compute.engine.types import Engine, Exec
from devbox.config.spec import WORKSPACE
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

# Lies in the container's own layer: gone with the container, as on_create wants it.
CREATED = "/var/lib/devbox/created"
SHOWN_LINES = 20
LONGEST_LINE = 1 << 16


class HookFailed(DevboxError):
    """A hook ended with an error. The box runs and can be entered."""


def run_on_create(
    engine: Engine, container: str, user: User, commands: Sequence[str], report: Report
) -> None:
    """Run on_create unless it has succeeded in this container before."""
    if not commands or engine.call(container, ["test", "-e", CREATED]).code == 0:
        return
    run_hooks(engine, container, user, "on_create", commands, report)
    engine.call(container, ["touch", CREATED], user="0:0")


def run_hooks(
    engine: Engine,
    container: str,
    user: User,
    name: str,
    commands: Sequence[str],
    report: Report,
) -> None:
    """Run the commands of one hook in order, in the workspace; the first failure ends it."""
    for number, command in enumerate(commands, 1):
        report(Progress("hook", name, command, number, len(commands)))
        last = deque[str](maxlen=SHOWN_LINES)

        def show(line: str, last: deque[str] = last) -> None:
            last.append(line)
            report(Progress("hook", name, line, log=True))

        if code := _run(engine, container, user, command, show):
            raise HookFailed(
                f"{name} failed with exit code {code}: {command}",
                hint="The box runs: look around with `devbox shell`, then `devbox up` tries again.",
                detail=tuple(last),
            )


def _run(
    engine: Engine, container: str, user: User, command: str, show: Callable[[str], None]
) -> int:
    """Run one command to its end; however this process ends, the command ends too."""
    mark = new_mark()
    argv = [RUNNER, "sh", "-c", command]
    watchdog = Watchdog(engine, container, mark, user)
    try:
        running = engine.exec(container, argv, user=str(user), cwd=WORKSPACE, env={MARK: mark})
        try:
            for line in _lines(running):
                show(line)
            return running.exit_code()
        except BaseException:
            signal_tree(engine, container, mark, user, signal.SIGKILL)
            raise
        finally:
            running.close()
    finally:
        watchdog.dismiss()


def _lines(running: Exec) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while (chunk := running.read()) is not None:
        *lines, rest = (rest + decoder.decode(chunk[1])).split("\n")
        yield from (line.rstrip("\r") for line in lines)
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = ""
    if rest:
        yield rest
