"""Lifecycle hooks: shell commands of devbox.toml that run in the box."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devbox.boxes.clock import Clock
from devbox.boxes.identity import RUNNER, User
from devbox.boxes.tree import MARK, Watchdog, new_mark, signal_tree
from devbox.compute.engine.lines import lines
from devbox.compute.engine.types import Engine
from devbox.config.spec import WORKSPACE, Hooks
from devbox.config.units import format_duration
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

# Lies in the container's own layer: gone with the container, as on_create wants it.
CREATED = "/var/lib/devbox/created"
# It holds the metadata of all packages: those that a hook installed come back by themselves.
_INSTALLED = """
ls -d /var/lib/dpkg/info/*.list /opt/venv/lib/python*/site-packages/*-info \\
    /usr/local/lib/python*/*-packages/*-info 2>/dev/null >"$0" || :
"""
SHOWN_LINES = 20
KILLED = 137
KIND = "hook"
"""The kind of mark that hooks carry: what they leave running is nobody's task."""


class HookFailed(DevboxError):
    """A hook ended with an error. The box runs and can be entered."""


@dataclass(frozen=True)
class Inside:
    """Where hooks run: a container, as whom, and with which further variables."""

    engine: Engine
    container: str
    user: User
    env: Mapping[str, str] = field(default_factory=dict)


def run_on_create(inside: Inside, hooks: Hooks, report: Report) -> None:
    """Run on_create unless it has succeeded in this container before."""
    engine, container = inside.engine, inside.container
    if not hooks.on_create or engine.call(container, ["test", "-e", CREATED]).code == 0:
        return
    run_hooks(inside, "on_create", hooks, report)
    engine.call(container, ["sh", "-c", _INSTALLED, CREATED], user="0:0")


def run_hooks(inside: Inside, name: str, hooks: Hooks, report: Report) -> None:
    """Run the commands of one hook in order, in the workspace; the first failure ends it."""
    commands: Sequence[str] = getattr(hooks, name)
    for number, command in enumerate(commands, 1):
        report(Progress("hook", name, command, number, len(commands)))
        argv = ["sh", "-c", command]
        ended = run_shown(inside, argv, hooks.timeout, name, report)
        if ended.overdue:
            limit = format_duration(hooks.timeout)
            raise HookFailed(
                f"{name} did not end within {limit} and was ended: {command}",
                hint="What shall go on in the background needs a `&`; `hooks.timeout` in"
                " devbox.toml gives a hook more time. The box runs: see `devbox shell`.",
                detail=ended.last,
            )
        if ended.code:
            raise HookFailed(
                f"{name} failed with exit code {ended.code}: {command}",
                hint="The box runs: look around with `devbox shell`, then `devbox up` tries again.",
                detail=ended.last,
            )


@dataclass(frozen=True)
class Ended:
    """How a command ended: ``last`` are its last lines, ``overdue`` says that its time was up."""

    code: int
    last: tuple[str, ...]
    overdue: bool = False


def run_shown(
    inside: Inside,
    argv: Sequence[str],
    seconds: float,
    name: str,
    report: Report,
    *,
    stage: str = KIND,
) -> Ended:
    """Run a command in the workspace and report what it prints, under ``stage`` and ``name``, for
    at most ``seconds`` (0: for as long as it likes). However this process ends, the command and
    what it started end too; what it leaves in the background when it ends itself goes on."""
    engine, container, user = inside.engine, inside.container, inside.user
    mark = new_mark(KIND)
    last = deque[str](maxlen=SHOWN_LINES)
    watchdog = Watchdog(engine, container, mark, user)
    try:
        env = {**inside.env, MARK: mark}
        running = engine.exec(container, [RUNNER, *argv], user=str(user), cwd=WORKSPACE, env=env)
        clock = Clock(seconds)

        def tell() -> None:
            report(Progress(stage, name, f"still running after {clock.passed}"))

        def end() -> None:
            signal_tree(engine.fresh(), container, mark, user, signal.SIGKILL)

        try:
            with clock.watching(running, tell, end):
                for line in lines(running):
                    last.append(line)
                    if not clock.overdue:
                        report(Progress(stage, name, line, log=True))
            code = KILLED if clock.overdue else running.exit_code()
        except BaseException:
            # A full stream that nobody reads any more would keep the engine from telling us the
            # end of anything else in the container.
            running.abort()
            signal_tree(engine, container, mark, user, signal.SIGKILL)
            raise
        finally:
            running.close()
    finally:
        watchdog.dismiss()
    if clock.told:
        report(Progress(stage, name, f"done after {clock.passed}"))
    return Ended(code, tuple(last), clock.overdue)
