"""devbox profile ls, show, lint."""

from __future__ import annotations

from typing import Any

import click

from devbox.cli.complete import complete_profile
from devbox.cli.output import json_option, print_json, print_table, say
from devbox.errors import EXIT_USAGE


@click.group("profile")
def profile() -> None:
    """List, show and check profiles.

    \b
    Example:
      devbox profile ls
      devbox profile show datascience
    """


@profile.command("ls")
@click.option("-q", "--quiet", is_flag=True, help="Print only names.")
@json_option
def ls(quiet: bool, as_json: bool) -> None:
    """List the profiles that can be named here.

    \b
    Example:
      devbox profile ls
      devbox profile ls --json
    """
    from devbox.config import Profiles

    found = Profiles().ls()
    if as_json:
        print_json([_plain(each) for each in found])
    elif quiet:
        for each in found:
            click.echo(each.name)
    else:
        rows = [(each.name, each.origin, each.extends, each.description) for each in found]
        print_table(("name", "from", "extends", "description"), rows)


@profile.command("show")
@click.argument("name", shell_complete=complete_profile)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one profile and those that it extends; NAME may be a path.

    \b
    Example:
      devbox profile show datascience
      devbox profile show ./team.toml --json
    """
    from devbox.config import Profiles

    chain = Profiles().chain(name)
    if as_json:
        print_json([_plain(each) for each in chain])
        return
    for index, each in enumerate(chain):
        click.echo("\n" if index else "", nl=False)
        click.echo(f"# {each.file}")
        click.echo(each.file.read_text(encoding="utf-8-sig").strip())


@profile.command("lint")
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...", shell_complete=complete_profile)
@json_option
def lint(names: tuple[str, ...], as_json: bool) -> int:
    """Check profiles, by default every one that can be named; exit code 2 for a problem.

    \b
    Example:
      devbox profile lint
      devbox profile lint ./team.toml
    """
    from devbox.config import Profiles

    profiles = Profiles()
    found = [problem for name in names or ("",) for problem in profiles.lint(name)]
    if as_json:
        print_json(found)
    else:
        for problem in found:
            click.echo(str(problem))
        say(f"{len(found)} problems" if len(found) > 1 else "1 problem" if found else "No problems")
    return EXIT_USAGE if found else 0


def _plain(each: Any) -> dict[str, Any]:
    fields = ("name", "origin", "file", "description", "extends", "image", "starter", "box")
    return {field: getattr(each, field) for field in fields}
