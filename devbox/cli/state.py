"""devbox state path, backup, restore, check."""

from __future__ import annotations

from pathlib import Path

import click

from devbox.cli.checks import report
from devbox.cli.output import json_option, print_json, say
from devbox.home import home

FILE = click.Path(path_type=Path)


@click.group("state")
def state() -> None:
    """Back up, restore and check the state file.

    It is one SQLite file that remembers boxes and everything that happened.

    \b
    Example:
      devbox state backup
      devbox state check
    """


@state.command("path")
@json_option
def path(as_json: bool) -> None:
    """Print where the state file is.

    \b
    Example:
      devbox state path
    """
    from devbox.state.places import state_file

    found = state_file(home())
    if as_json:
        print_json({"path": found, "exists": found.exists()})
    else:
        click.echo(found)


@state.command("backup")
@click.argument("target", type=FILE, required=False)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@json_option
def backup(target: Path | None, force: bool, as_json: bool) -> None:
    """Copy the state file, while others use it.

    TARGET is a file or a folder; without it a dated copy is made beside the state file.
    Prints where the copy is.

    \b
    Example:
      devbox state backup
      devbox state backup ~/devbox-state.db --force
    """
    from devbox.state.copies import backup

    made = backup(home(), target, force=force)
    if as_json:
        print_json({"path": made, "size": made.stat().st_size})
    else:
        click.echo(made)


@state.command("restore")
@click.argument("source", type=FILE)
@json_option
def restore(source: Path, as_json: bool) -> None:
    """Put a backup in the place of the state file.

    The backup is checked first. The file it replaces is kept beside it under a dated name.
    Refused while another devbox uses the state.

    \b
    Example:
      devbox state restore ~/devbox-state.db
    """
    from devbox.state.copies import restore
    from devbox.state.places import state_file

    kept = restore(home(), source)
    if as_json:
        print_json({"path": state_file(home()), "replaced": kept})
        return
    say(f"Restored {state_file(home())} from {source}.")
    if kept is not None:
        say(f"The file before is kept as {kept}.")


@state.command("check")
@json_option
def check(as_json: bool) -> int:
    """Check the state file: place, permissions, version and content.

    Changes nothing. Exits with 1 where something failed.

    \b
    Example:
      devbox state check
    """
    from devbox.state.check import check

    return report(check(home()), as_json=as_json)
