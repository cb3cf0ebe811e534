"""devbox init."""

from __future__ import annotations

from pathlib import Path

import click

from devbox.cli.complete import complete_profile
from devbox.cli.output import json_option, print_json, say


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "-p",
    "--profile",
    default="python",
    show_default=True,
    help="The profile to start from: a name or a path.",
    shell_complete=complete_profile,
)
@click.option("--name", default="", help="The box's name; the folder's by default.")
@click.option("--starter", is_flag=True, help="Copy the profile's starter project too.")
@click.option("--force", is_flag=True, help="Replace a devbox.toml that is there.")
@json_option
def init(folder: Path, profile: str, name: str, starter: bool, force: bool, as_json: bool) -> None:
    """Write a devbox.toml for the project in this folder, or in DIR.

    \b
    Example:
      devbox init --profile datascience
      devbox init churn --profile datascience --starter
    """
    from devbox.config import start_project

    started = start_project(folder, profile=profile, name=name, starter=starter, force=force)
    if as_json:
        print_json(started)
        return
    click.echo(started.file)
    for file in started.copied:
        click.echo(file)
    for file in started.kept:
        say(f"{file} was there already and is kept.")
    here = Path.cwd() == started.file.parent
    say(f"Box {started.name}, profile {started.profile}. Next:")
    if not here:
        say(f"  cd {folder}")
    say("  devbox up")
