"""devbox up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_box, complete_profile
from devbox.cli.output import json_option, offer, print_json, say, telling, yes_option
from devbox.cli.served import served

if TYPE_CHECKING:
    from devbox.boxes.plan import Plan
    from devbox.boxes.up import Up

COLORS = {"+ ": "green", "- ": "red"}


@click.command("up")
@click.argument("name", required=False, shell_complete=complete_box)
@click.option(
    "-p",
    "--profile",
    shell_complete=complete_profile,
    help="Use this profile instead of the project's.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override one key.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, change nothing.")
@click.option("--locked", is_flag=True, help="Build what devbox.lock says, or exit 4.")
@click.option("--rebuild", is_flag=True, help="Build the image again, without the build cache.")
@click.option("-v", "--verbose", is_flag=True, help="Show all output of builds and hooks.")
@click.option("-q", "--quiet", is_flag=True, help="Show only errors.")
@yes_option
@json_option
def up(
    name: str | None,
    profile: str | None,
    settings: tuple[str, ...],
    dry_run: bool,
    locked: bool,
    rebuild: bool,
    verbose: bool,
    quiet: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring the project's box up, building what is missing.

    Brings up every box of the project, or the one named. Does nothing where a box is up and
    unchanged. Files in the workspace and the home folder survive every change. Asks before it
    ends what runs in a box; without a terminal that needs --yes.

    \b
    Example:
      devbox up
      devbox up train --set resources.memory=16GiB
      devbox up --dry-run
    """
    from devbox.api import Devbox
    from devbox.cli.consent import Consent
    from devbox.config import parse_overrides

    overrides = parse_overrides(settings) | ({"profile": profile} if profile else {})
    with Devbox() as door:
        door.engine.look_ahead()
        project = door.project(overrides=overrides)
        chosen = [project.box(name)] if name else list(project.boxes.values())
        door.boxes.check_together([box.spec for box in chosen])
        if dry_run:
            plans = [door.boxes.check(box.spec, rebuild=rebuild, locked=locked) for box in chosen]
            print_json([_plan_json(plan) for plan in plans]) if as_json else _show(plans)
            return
        agree = Consent(yes=yes, lost=False)  # the work itself tells it
        if len(chosen) > 1:
            plans = [door.boxes.plan(box.spec, rebuild=rebuild, locked=locked) for box in chosen]
            agree.ask([plan.ending for plan in plans])
        with telling(verbose=verbose, quiet=quiet) as report:
            done = [
                door.boxes.up(
                    box.spec,
                    report=report,
                    offer=offer(yes=yes),
                    agree=agree,
                    rebuild=rebuild,
                    locked=locked,
                )
                for box in chosen
            ]
        served(door)
        if as_json:
            print_json([_up_json(result) for result in done])
        elif not quiet:
            for result in done:
                _how_to_get_in(result, alone=len(project.boxes) == 1)


def _plan_json(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.id.name,
        "act": plan.act.value,
        "reason": plan.reason,
        "build": plan.build,
        "lock": plan.desired.lock,
        "changes": plan.changes,
        "work": plan.work,
        "lost": plan.lost,
    }


def _up_json(result: Up) -> dict[str, object]:
    return {"plan": _plan_json(result.plan), "box": result.box, "notes": result.notes}


def _show(plans: list[Plan]) -> None:
    for plan in plans:
        click.echo(f"{plan.id.name}: {plan.act.value} ({plan.reason})")
        for tag in plan.build:
            click.echo(f"  build {tag}")
        if plan.desired.lock:
            click.echo(f"  lock: {plan.desired.lock}")
        for change in plan.changes:
            for line in change.lines:
                click.secho(f"  {change.key}: ", nl=False)
                click.secho(line, fg=COLORS.get(line[:2]))
        for work in plan.work:
            click.echo(f"  end {work}")
        for line in plan.lost.lines:
            click.echo(f"  lose {line}")


def _how_to_get_in(result: Up, *, alone: bool) -> None:
    box = result.box
    name = "" if alone else f" {box.name}"
    done = "is up already" if result.plan.empty else "is up"
    say(f"Box {box.name} {done}: {box.profile or box.image}, this folder is /workspace.")
    for note in result.notes:
        say(note)
    for port in box.ports:
        say(f"  port {port.port} -> {port.address}:{port.host_port}")
    if not result.plan.empty:
        say(f"  devbox shell{name}               a shell in it")
        say(f"  devbox exec{name} -- COMMAND     run something")
        say(f"  devbox stop{name}                stop it")
