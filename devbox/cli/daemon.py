"""devbox daemon status, start, stop, restart, logs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from pathlib import Path


@click.group("daemon")
def daemon() -> None:
    """Show, start and stop the process that serves boxes.

    It takes in what runs write down and answers code in boxes. Commands that bring a box up start
    it; it leaves by itself when no box runs and nothing was asked for `daemon_idle` (10m).

    \b
    Example:
      devbox daemon status
    """


@daemon.command("status")
@json_option
def status(as_json: bool) -> None:
    """Say whether it runs, since when, and which boxes it serves.

    \b
    Example:
      devbox daemon status
      devbox daemon status --json
    """
    from devbox.daemon.client import ask, holder
    from devbox.home import home

    found: dict[str, Any] = {"running": False}
    if holder(home()):
        found = {"running": True, **ask(home(), "status")}
    if as_json:
        print_json(found)
    elif not found["running"]:
        click.echo("The daemon does not run.")
    else:
        _print(found)


@daemon.command("start")
@json_option
def start(as_json: bool) -> None:
    """Start it, where it does not run.

    \b
    Example:
      devbox daemon start
    """
    from devbox.daemon.client import start
    from devbox.home import home

    _started(start(home()).pid, as_json)


@daemon.command("stop")
@json_option
def stop(as_json: bool) -> None:
    """End it. Nothing is lost: runs are taken in when it is back, or asked for.

    \b
    Example:
      devbox daemon stop
    """
    from devbox.daemon.client import stop
    from devbox.home import home

    was = stop(home())
    if as_json:
        print_json({"stopped": was})
    else:
        say("The daemon has left." if was else "The daemon does not run.")


@daemon.command("restart")
@json_option
def restart(as_json: bool) -> None:
    """End it and start it again.

    \b
    Example:
      devbox daemon restart
    """
    from devbox.daemon.client import start, stop
    from devbox.home import home

    stop(home())
    _started(start(home()).pid, as_json)


@daemon.command("logs")
@click.option("-n", "--last", type=click.IntRange(1), default=100, help="At most so many lines.")
@json_option
def logs(last: int, as_json: bool) -> None:
    """Print what it has told.

    \b
    Example:
      devbox daemon logs -n 20
    """
    from devbox.daemon.places import log_file
    from devbox.home import home

    lines = _lines(log_file(home()))[-last:]
    if as_json:
        print_json(lines)
        return
    for line in lines:
        click.echo(line)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _started(pid: int, as_json: bool) -> None:
    if as_json:
        print_json({"pid": pid})
    else:
        say(f"The daemon runs as process {pid}.")


def _print(found: dict[str, Any]) -> None:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found["started"]))
    click.echo(
        f"The daemon runs as process {found['pid']} since {since}, devbox {found['version']}."
    )
    for box in found["boxes"]:
        how = f"{box['asked']} questions" if box["connected"] else "not connected"
        click.echo(f"  box {box['box']}: {how}")
    if found["runs"]:
        click.echo("  runs go on")
    if found["leaves_in"] is not None:
        click.echo(f"  leaves in {round(found['leaves_in'])} s unless it is needed")
