"""devbox profile ls, show, lint, add, update, rm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.complete import complete_profile, complete_team
from devbox.cli.output import (
    confirm,
    json_option,
    print_json,
    print_table,
    say,
    telling,
    yes_option,
)
from devbox.errors import EXIT_USAGE

if TYPE_CHECKING:
    from devbox.boxes.teams.change import TeamChange


@click.group("profile")
def profile() -> None:
    """List, show and check profiles; install those of a team.

    \b
    Example:
      devbox profile ls
      devbox profile show datascience
      devbox profile add https://git.example.com/ml/profiles.git --name acme
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
        rows = [
            (each.name, f"{each.origin} {each.commit[:7]}", each.extends, each.description)
            for each in found
        ]
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


@profile.command("add")
@click.argument("address", metavar="GIT-URL[@REF]")
@click.option("--name", default="", metavar="TEAM", help="What to call them; the repository's.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be installed.")
@yes_option
@json_option
def add(address: str, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Install the profiles of a team from a git repository: `profile = "TEAM/NAME"`.

    The repository holds them as *.toml files, at its top or in profiles/. They stay at the commit
    of today until `devbox profile update`. What they ask for on this machine (host folders, open
    ports, services, images, hooks, secrets) is shown, and you are asked once.

    \b
    Example:
      devbox profile add https://git.example.com/ml/profiles.git --name acme
      devbox profile add git@git.example.com:ml/profiles.git@v2 --dry-run
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        change = door.profiles.add(
            address, name=name, agree=_agree(yes), dry_run=dry_run, report=report
        )
    _done([change], dry_run=dry_run, as_json=as_json)
    if change.empty and not as_json:
        say(f"To look for a newer commit: `devbox profile update {change.team}`.")


@profile.command("update")
@click.argument("team", required=False, shell_complete=complete_team)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change.")
@yes_option
@json_option
def update(team: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring a team's profiles, or those of all teams, to their newest commit.

    Shows the commits and every key that changes. Asks only where the profiles want more of this
    machine than you agreed to, or where history was rewritten.

    \b
    Example:
      devbox profile update
      devbox profile update acme --dry-run
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        teams = [team] if team else [each.name for each in door.profiles.ls()]
        changes = [
            door.profiles.update(each, agree=_agree(yes), dry_run=dry_run, report=report)
            for each in teams
        ]
    _done(changes, dry_run=dry_run, as_json=as_json)


@profile.command("rm")
@click.argument("team", shell_complete=complete_team)
@json_option
def rm(team: str, as_json: bool) -> None:
    """Remove the profiles of a team. Boxes stay; their next `up` needs the profiles again.

    \b
    Example:
      devbox profile rm acme
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        door.profiles.rm(team, report)
    if as_json:
        print_json({"team": team, "removed": True})
    else:
        say(f"The profiles of {team} are removed.")


def _agree(yes: bool) -> Callable[[TeamChange], None]:
    def ask(change: TeamChange) -> None:
        for line in _lines(change):
            say(line)
        question = "Do you agree?" if change.asks else "Take it as it is now?"
        confirm(question, yes=yes, refusal=f"Nothing of {change.team} was changed.")

    return ask


def _done(changes: list[TeamChange], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json([_change_json(change) for change in changes])
        return
    for change in changes:
        # Whoever was asked has seen it.
        if dry_run or not change.needs_consent:
            for line in _lines(change):
                click.echo(line)
        if not dry_run and not change.empty:
            say(f"The profiles of {change.team} are at {change.after[:7]}.")


def _lines(change: TeamChange) -> Iterator[str]:
    """The plan for a person."""
    if change.empty:
        yield f"{change.team}: up to date at {change.after[:7]}"
        return
    commits = f"{change.before[:7]} -> {change.after[:7]}" if change.before else change.after[:7]
    yield f"{change.team}: {commits} of {change.url} {change.ref}".rstrip()
    yield from (f"  {line}" for line in change.commits)
    for each in change.profiles:
        yield f"  {each.act} {change.team}/{each.name}"
        for key in each.keys:
            yield from (f"    {key.key}: {line}" for line in key.lines)
    yield from (f"  changed file {file}" for file in change.files)
    if change.restored:
        yield "  files that were changed by hand come back"
    yield from (f"Note: {warning}." for warning in change.warnings)
    if change.asks:
        yield f"The profiles of {change.team} ask for{' more' if change.before else ''}:"
        yield from (f"  {ask}" for ask in change.asks)


def _change_json(change: TeamChange) -> dict[str, Any]:
    fields = ("team", "url", "ref", "before", "after", "commits", "profiles", "files", "asks")
    asks = [ask._asdict() for ask in change.asks]
    found = {field: getattr(change, field) for field in fields}
    return {**found, "asks": asks, "warnings": change.warnings, "restored": change.restored}


def _plain(each: Any) -> dict[str, Any]:
    fields = ("name", "origin", "file", "description", "extends", "image", "starter", "box")
    return {field: getattr(each, field) for field in (*fields, "commit")}
