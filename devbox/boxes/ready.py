"""Waiting until a box is really ready: its init script says so, its services answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from devbox.boxes.identity import Label
from devbox.compute.engine.types import Container, Engine
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

READY = "devbox: ready"
SHOWN_LINES = 20
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
SETTLED = 0.5
DEFAULT_TIMEOUT = 30e9
"""Docker's, in nanoseconds as it writes them."""


def wait_ready(engine: Engine, container: Container, report: Report) -> None:
    """Follow the output of a started box until its init script says that it is done.

    Raises DevboxError with the last lines where the container ends instead.
    """
    box = container.labels.get(Label.BOX, container.name)
    report(Progress("start", box, "preparing the home folder"))
    lines: list[str] = []
    # Not since it started: the engine notes that time a moment after the first lines came.
    for line in engine.logs(container.id, follow=True, since=container.finished):
        if line.text == READY:
            return
        lines = [*lines[1 - SHOWN_LINES :], line.text]
    ended = engine.container(container.id)
    code = ended.exit_code if ended else None
    raise DevboxError(
        f"The box stopped while it was starting (exit code {code}).",
        hint="`devbox logs` has all of its output.",
        detail=lines,
    )


def wait_healthy(engine: Engine, service: str, container: Container, report: Report) -> None:
    """Run a service's own health check until it succeeds; without one it need only stay running
    for half a second.

    The engine does so too, but waits a whole interval before its first look. A check that takes
    longer than its own timeout has failed; its command is left to itself in the container.
    """
    check: dict[str, Any] = (container.raw.get("Config") or {}).get("Healthcheck") or {}
    argv = _argv(check.get("Test") or [])
    timeout = (check.get("Timeout") or DEFAULT_TIMEOUT) / 1e9
    seconds = max((check.get("Interval") or 0) / 1e9 * (check.get("Retries") or 3), 30.0)
    begun = time.monotonic()
    pause = FIRST_PAUSE
    report(Progress("start", service, "waiting until it is healthy" if argv else "starting"))
    while True:
        current = engine.container(container.id)
        if current is None or current.state != "running":
            code = current.exit_code if current else None
            what = f"stopped while it was starting (exit code {code})"
            raise _failed(engine, service, container, what)
        waited = time.monotonic() - begun
        if argv and engine.call(container.id, argv, timeout=timeout).code == 0:
            return
        if not argv and waited >= SETTLED:
            return
        if waited > seconds:
            raise _failed(engine, service, container, f"is not healthy after {seconds:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _argv(test: Sequence[str]) -> list[str]:
    """The command of a Docker health check; [] where it is absent or switched off."""
    match list(test):
        case ["CMD-SHELL", command]:
            return ["sh", "-c", command]
        case ["CMD", *argv]:
            return argv
        case _:
            return []


def _failed(engine: Engine, service: str, container: Container, what: str) -> DevboxError:
    lines = [line.text for line in engine.logs(container.id, tail=SHOWN_LINES)]
    return DevboxError(
        f"Service {service} {what}.",
        hint=f"`devbox logs --service {service}` has all of its output.",
        detail=lines,
    )
