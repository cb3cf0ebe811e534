"""devbox add."""

from __future__ import annotations

import click

from devbox.cli.complete import complete_box
from devbox.cli.output import json_option, print_json, say, telling


@click.command("add")
@click.argument("packages", nargs=-1, required=True, metavar="PACKAGE...")
@click.option("--apt", is_flag=True, help="Debian packages instead of Python packages.")
@click.option("--box", "name", shell_complete=complete_box, help="Which box, if several.")
@click.option("-n", "--dry-run", is_flag=True, help="Show how devbox.toml would change.")
@click.option("-v", "--verbose", is_flag=True, help="Show all output of the installation.")
@click.option("-q", "--quiet", is_flag=True, help="Show only errors.")
@json_option
def add(
    packages: tuple[str, ...],
    apt: bool,
    name: str | None,
    dry_run: bool,
    verbose: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Install packages now and write them into devbox.toml.

    Into the running box, so that nothing has to end. The next `devbox up` builds them into the
    image. Comments and layout of devbox.toml stay; where the installation fails, it is not
    changed. A package that is listed already gets the new version.

    \b
    Example:
      devbox add lightgbm 'polars>=1'
      devbox add --apt graphviz
    """
    from devbox.api import Devbox

    manager = "apt" if apt else "pip"
    with Devbox() as door:
        project = door.project()
        with telling(verbose=verbose, quiet=quiet) as report:
            done = door.boxes.add(project, name, manager, packages, dry_run=dry_run, report=report)
    if as_json:
        print_json(done)
        return
    if dry_run:
        click.echo(done.diff, nl=False)
    elif done.diff:
        say(f"{', '.join(packages)}: installed, and written into {done.file}.")
        say("The next `devbox up` builds the box's image with it.")
    else:
        say(f"{', '.join(packages)}: installed. {done.file} lists it already.")
