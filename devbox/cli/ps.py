"""devbox ps, status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbox.cli.output import duration, json_option, print_json, print_table, size
from devbox.cli.target import name_argument, names
from devbox.errors import EXIT_UNREACHABLE, Unreachable

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView
    from devbox.boxes.idle import Idle
    from devbox.boxes.status import Status
    from devbox.compute.engine.types import PublishedPort
    from devbox.config.spec import BoxSpec


@click.command("ps")
@click.option("-q", "--quiet", is_flag=True, help="Print only names.")
@json_option
def ps(quiet: bool, as_json: bool) -> int:
    """List boxes.

    Where the engine does not answer, prints what is remembered and exits with 3.

    \b
    Example:
      devbox ps
      devbox ps --json
    """
    from devbox.api import Devbox
    from devbox.cli.faults import report_error

    code = 0
    with Devbox() as door:
        try:
            boxes = door.boxes.ls()
        except Unreachable as error:
            report_error(error)
            boxes = door.last_known()
            code = EXIT_UNREACHABLE
    if as_json:
        print_json(boxes)
    elif quiet:
        for box in boxes:
            click.echo(box.name)
    else:
        titles = ("name", "state", "profile", "host", "ports", "status", "project")
        print_table(titles, [_row(box) for box in boxes])
    return code


@click.command("status")
@name_argument
@json_option
def status(name: str | None, as_json: bool) -> None:
    """Show one box in full.

    Its containers, limits, volumes, the workspace's commit, what runs in it, what differs from
    devbox.toml, and what was installed by hand and would be lost.

    \b
    Example:
      devbox status
      devbox status churn --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        found = [
            door.boxes.status(box, lambda view: _spec(door, view)) for box in names(door, name)
        ]
    if as_json:
        print_json(found)
        return
    for box in found:
        _print(box)


def _spec(door: Devbox, box: BoxView) -> BoxSpec | None:
    """What devbox.toml says of a box, None where it says nothing any more."""
    boxes = door.project(Path(box.project)).boxes
    return boxes[box.name].spec if box.name in boxes else None


def _row(box: BoxView) -> tuple[str, ...]:
    ports = " ".join(_port(port) for port in box.ports)
    status = "; ".join(filter(None, (box.status, _use(box.idle))))
    return (box.name, box.state, box.profile or "-", box.host, ports, status, box.project)


def _use(idle: Idle | None) -> str:
    """How a box that stops by itself is used, in few words."""
    if idle is None:
        return ""
    if idle.state == "idle":
        return f"idle, stops in {duration(idle.left)}"
    if idle.state == "kept":
        return f"kept for {duration(idle.left)}"
    return f"{idle.state}: {idle.reason}"


def _port(port: PublishedPort) -> str:
    return f"{port.address}:{port.host_port}->{port.port}"


def _print(status: Status) -> None:
    box = status.box
    rows: list[tuple[str, str]] = [
        ("box", f"{box.name} ({box.state})"),
        ("profile", box.profile or "-"),
        ("image", box.image),
        *([("use", _use(box.idle))] if box.idle else []),
        ("project", box.project),
        ("user", f"{box.user} in the box"),
        ("cpus", str(status.cpus or "no limit")),
        ("memory", size(status.memory) if status.memory else "no limit"),
        ("shared mem", size(status.shm_size)),
    ]
    if status.git:
        dirty = ", uncommitted changes" if status.git.dirty else ""
        rows.append(("git", f"{status.git.branch} at {status.git.commit[:12]}{dirty}"))
    rows += [("port", _port(port)) for port in box.ports]
    rows += [("volume", volume) for volume in status.volumes]
    rows += [("service", f"{s.name}: {s.state} {s.health}".rstrip()) for s in box.services]
    if status.problem:
        rows.append(("next up", f"not possible: {status.problem}"))
    if status.reason not in {"", "up to date"}:
        rows.append(("next up", status.reason))
    if status.lock:
        rows.append(("lock", str(status.lock)))
    rows += [("running", str(work)) for work in status.work]
    rows += [("by hand", line) for line in status.by_hand.lines]
    rows += [("change", f"{c.key}: {line}") for c in status.pending for line in c.lines]
    for title, value in rows:
        click.echo(f"{title:>10}  {value}")
