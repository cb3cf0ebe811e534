"""devbox experiment ls, rename."""

from __future__ import annotations

import time

import click

from devbox.cli.output import json_option, print_json, print_table, say


@click.group("experiment")
def experiment() -> None:
    """List and rename experiments, groups of runs.

    \b
    Example:
      devbox experiment ls
    """


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
