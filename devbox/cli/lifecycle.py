"""devbox stop, start, restart, down, rm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from devbox.cli.consent import Consent, show, warn
from devbox.cli.output import confirm, json_option, print_json, say, tell, telling, yes_option
from devbox.cli.served import served
from devbox.cli.target import name_argument, names

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView
    from devbox.boxes.remove import Removal


@click.command("stop")
@name_argument
@yes_option
@json_option
def stop(name: str | None, yes: bool, as_json: bool) -> None:
    """Stop the box, keep its containers.

    Programs in it get SIGTERM and ten seconds to save their work. Asks where something runs in
    it: a command, a notebook at work, an SSH session.

    \b
    Example:
      devbox stop
      devbox stop churn --yes
    """
    agree = Consent(yes=yes)
    _each(name, as_json, lambda door, box: door.boxes.stop(box, tell, agree), agree, "stop")


@click.command("start")
@name_argument
@json_option
def start(name: str | None, as_json: bool) -> None:
    """Start a stopped box.

    It comes back as it was; `devbox up` also applies changes of devbox.toml.

    \b
    Example:
      devbox start
    """
    _each(name, as_json, lambda door, box: door.boxes.start(box, tell), serve=True)


@click.command("restart")
@name_argument
@yes_option
@json_option
def restart(name: str | None, yes: bool, as_json: bool) -> None:
    """Stop the box and start it again.

    Asks where something runs in it.

    \b
    Example:
      devbox restart churn
    """

    agree = Consent(yes=yes)

    def again(door: Devbox, box: str) -> BoxView:
        return door.boxes.restart(box, tell, agree)

    _each(name, as_json, again, agree, "restart", serve=True)


@click.command("down")
@name_argument
@yes_option
@json_option
def down(name: str | None, yes: bool, as_json: bool) -> None:
    """Remove the box's containers, keep its volumes.

    The workspace, the home folder and the settings stay; `devbox up` makes the box again. Asks
    where something runs in it.

    \b
    Example:
      devbox down
    """
    agree = Consent(yes=yes)
    _each(name, as_json, lambda door, box: door.boxes.down(box, tell, agree), agree, "down")


@click.command("rm")
@name_argument
@click.option("--volumes", is_flag=True, help="Delete the home folder and other volumes too.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would go, remove nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Show all output of the work.")
@yes_option
@json_option
def rm(
    name: str | None, volumes: bool, dry_run: bool, verbose: bool, yes: bool, as_json: bool
) -> None:
    """Forget the box; with --volumes delete its data too.

    Asks where something runs in it or data would be deleted. The workspace is never touched.

    \b
    Example:
      devbox rm churn
      devbox rm churn --volumes --yes
    """
    from devbox.api import Devbox

    with Devbox() as door:
        plans = [door.boxes.removal(box, volumes=volumes) for box in names(door, name)]
        if dry_run:
            print_json(plans) if as_json else _show(plans, click.echo)
            return
        agree = Consent(yes=yes)
        endings = [plan.ending for plan in plans]
        for ending in endings:
            show(ending)
            warn(ending)
        if any(plan.work or plan.volumes for plan in plans):
            _show(plans, say)
            confirm("Remove this?", yes=yes, refusal="Nothing was removed.")
            agree.agree(endings)
        with telling(verbose=verbose) as report:
            done = [
                door.boxes.rm(plan.name, volumes=volumes, report=report, agree=agree)
                for plan in plans
            ]
    if as_json:
        print_json(done)
    for plan in done:
        say(f"Box {plan.name} is removed.")
        if plan.kept:
            say(f"Kept: {', '.join(plan.kept)}. `devbox up` uses them again.")


def _show(plans: list[Removal], write: Callable[[str], None]) -> None:
    for plan in plans:
        write(f"Box {plan.name} of {plan.project or 'an unknown project'}:")
        for container in plan.containers:
            write(f"  remove container {container}{_running(plan, container)}")
        for volume in plan.volumes:
            write(f"  DELETE volume {volume} and all data in it")
        for volume in plan.kept:
            write(f"  keep volume {volume}")


def _running(plan: Removal, container: str) -> str:
    return " (running)" if container in plan.running else ""


def _each(
    name: str | None,
    as_json: bool,
    act: Callable[[Devbox, str], BoxView],
    agree: Consent | None = None,
    what: str = "",
    *,
    serve: bool = False,
) -> None:
    from devbox.api import Devbox

    with Devbox() as door:
        chosen = names(door, name)
        if agree and len(chosen) > 1:  # all are asked about before the first is touched
            agree.ask([door.boxes.ending(box, what) for box in chosen])
        views = [act(door, box) for box in chosen]
        if serve:
            served(door)
    if as_json:
        print_json(views)
    else:
        for box in views:
            say(f"Box {box.name} is {box.state}.")
            for port in box.ports:
                say(f"  port {port.port} -> {port.address}:{port.host_port}")
