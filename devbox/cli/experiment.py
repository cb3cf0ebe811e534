"""devbox experiment ls, show, rename; rm is in :mod:`devbox.cli.removal`."""

from __future__ import annotations

import time

import click

from devbox.cli.output import json_option, plain, plain_line, print_json, print_table, say
from devbox.cli.removal import remove_experiment


@click.group("experiment")
def experiment() -> None:
    """List, show, rename and remove experiments, groups of runs.

    \b
    Example:
      devbox experiment ls
    """


experiment.add_command(remove_experiment)


@experiment.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List experiments.

    \b
    Example:
      devbox experiment ls
      devbox experiment ls --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        found = door.runs.experiments()
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.runs, time.strftime("%Y-%m-%d %H:%M", time.localtime(each.last)))
        for each in found
    ]
    print_table(("name", "runs", "last run"), rows)


@experiment.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one experiment: its runs by status, the newest ones, and the range of each metric.

    \b
    Example:
      devbox experiment show churn
      devbox experiment show churn --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        found = door.runs.overview(name)
    if as_json:
        print_json(
            {
                **plain(found.experiment),
                "statuses": found.statuses,
                "metrics": {each.key: each for each in found.metrics},
                "newest": [run.id for run in found.newest],
            }
        )
        return
    statuses = ", ".join(f"{count} {status}" for status, count in found.statuses.items())
    click.echo(f"experiment  {plain_line(found.experiment.name)}")
    click.echo(f"      runs  {found.experiment.runs}" + (f" ({statuses})" if statuses else ""))
    for each in found.metrics:
        click.echo(f"    metric  {each.key}: {each.low:.6g} to {each.high:.6g} in {each.runs} runs")
    for run in found.newest:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        click.echo(f"       run  {run.id[:12]}  {plain_line(run.name)}  {run.status}  {when}")


@experiment.command("rename")
@click.argument("name")
@click.argument("to")
@json_option
def rename(name: str, to: str, as_json: bool) -> None:
    """Give an experiment another name.

    \b
    Example:
      devbox experiment rename churn churn-2026
    """
    from devbox.api import Devbox

    with Devbox() as door:
        door.runs.rename_experiment(name, to)
    if as_json:
        print_json({"before": name, "name": to})
    else:
        say(f"Experiment {name} is now {to}.")
