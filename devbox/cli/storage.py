"""devbox storage add, ls, check, cp, rm, use, gc."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_location
from devbox.cli.output import (
    confirm,
    counted,
    json_option,
    print_json,
    print_table,
    say,
    size,
    telling,
    yes_option,
)

if TYPE_CHECKING:
    from devbox.storage.records import Checked, Moved, Swept

SHOWN = 20


@click.group("storage")
def storage() -> None:
    """Keep blobs in folders, SSH hosts and buckets.

    What runs, models and datasets keep lies on this machine under the hash of its content. A
    storage location keeps copies: for others, and for when this machine is gone.

    \b
    Example:
      devbox storage add team /mnt/team/devbox
      devbox storage cp churn@3 --to team
    """


@storage.command("add")
@click.argument("name")
@click.argument("url", metavar="URL|PATH")
@click.option("--default", is_flag=True, help="Use it where no other is named.")
@click.option("--endpoint", default="", help="Address of the object store.  [default: AWS]")
@click.option("--region", default="", help="Region of the bucket.")
@click.option(
    "--path-style/--no-path-style",
    default=None,
    help="Whether the bucket's name is in the path.  [default: with --endpoint]",
)
@click.option("--credentials", default="", metavar="COMMAND", help="What prints the credentials.")
@json_option
def add(
    name: str,
    url: str,
    default: bool,
    endpoint: str,
    region: str,
    path_style: bool | None,
    credentials: str,
    as_json: bool,
) -> None:
    """Add a storage location: a folder, ssh://[USER@]HOST[:PORT]/PATH or s3://BUCKET[/PREFIX].

    It must exist, and is connected to once. The first one is the default one. Credentials of a
    bucket are those of the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws), or what a
    command prints as the AWS tools' credential_process does; devbox keeps none. An SSH host is
    reached as `ssh` reaches it, and its key must be known.

    \b
    Example:
      devbox storage add team /mnt/team/devbox --default
      devbox storage add lab ssh://me@lab.example/srv/devbox
      devbox storage add cloud s3://models/devbox --endpoint https://s3.example.com
    """
    from devbox.api import Devbox

    options = {"endpoint": endpoint, "region": region, "credentials": credentials}
    if path_style is not None:
        options["path_style"] = "yes" if path_style else "no"
    with Devbox() as door:
        made = door.storage.add(name, url, default=default, options=options)
    if as_json:
        print_json(made)
    else:
        say(f"Added {made.name}: {made.url}{', the default one' if made.default else ''}.")


@storage.command("ls")
@click.option("-q", "--quiet", is_flag=True, help="Print only names.")
@json_option
def ls(quiet: bool, as_json: bool) -> None:
    """List storage locations, and what is known to lie there.

    \b
    Example:
      devbox storage ls
      devbox storage ls --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        found = door.storage.ls()
        placed = {each.name: door.storage.store.placed(each.name) for each in found}
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "kind": each.kind,
                    "url": each.url,
                    "options": each.options,
                    "default": each.default,
                    "blobs": len(placed[each.name]),
                    "size": sum(placed[each.name].values()),
                }
                for each in found
            ]
        )
    elif quiet:
        for each in found:
            click.echo(each.name)
    else:
        rows = [
            (
                each.name,
                each.kind,
                each.url,
                "yes" if each.default else "",
                len(placed[each.name]),
                size(sum(placed[each.name].values())),
            )
            for each in found
        ]
        print_table(("name", "kind", "url", "default", "blobs", "size"), rows)


@storage.command("check")
@click.argument("name", required=False, shell_complete=complete_location)
@click.option("--read", is_flag=True, help="Read every blob, and compare it with its hash.")
@json_option
def check(name: str | None, read: bool, as_json: bool) -> int:
    """Check that what should lie in a location does; without NAME in all of them and here.

    Exits with 1 where something is missing, damaged or out of reach.

    \b
    Example:
      devbox storage check
      devbox storage check team --read
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        found = door.storage.check(name or "", read=read, report=report)
    if as_json:
        print_json(found)
    else:
        print_table(("location", "blobs", "size", "state"), [_checked(each) for each in found])
        for each in found:
            for word, digests in (("missing", each.missing), ("damaged", each.damaged)):
                for digest in digests:
                    click.echo(f"{each.location}: {word} {digest}")
    return int(any(each.missing or each.damaged or each.problem for each in found))


@storage.command("cp")
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@click.option("--to", default="", shell_complete=complete_location, help="The location.")
@click.option(
    "--from", "source", default="", shell_complete=complete_location, help="Get it from there."
)
@json_option
def cp(refs: tuple[str, ...], to: str, source: str, as_json: bool) -> None:
    """Copy the files of runs, model versions and dataset versions into a location.

    REF is the id of a run, a model version (churn@3, churn@champion) or a dataset version
    (survey@2); run:, model: or data: before it says which is meant. What is there already is not
    sent again, and an upload that was broken off goes on. `--from NAME` without `--to`, or
    `--to here`, copies to this machine.

    \b
    Example:
      devbox storage cp churn@3 --to team
      devbox storage cp churn@3 --from team
    """
    from devbox.api import Devbox
    from devbox.storage.records import HERE

    with Devbox() as door, telling() as report:
        digests = sorted({digest for ref in refs for digest in door.blobs_of(ref)})
        if to == HERE or (source and not to):
            moved = door.storage.pull(digests, source, report)
        else:
            if source:
                door.storage.pull(digests, source, report)
            moved = door.storage.push(digests, to, report)
    show_moved(moved, as_json=as_json)


@storage.command("use")
@click.argument("name", shell_complete=complete_location)
@json_option
def use(name: str, as_json: bool) -> None:
    """Make a location the default one.

    A project's devbox.toml may name another: [storage] default = "NAME".

    \b
    Example:
      devbox storage use team
    """
    from devbox.api import Devbox

    with Devbox() as door:
        door.storage.use(name)
        made = door.storage.get(name)
    if as_json:
        print_json(made)
    else:
        say(f"{name} is the default storage location.")


@storage.command("rm")
@click.argument("name", shell_complete=complete_location)
@yes_option
@json_option
def rm(name: str, yes: bool, as_json: bool) -> None:
    """Forget a location. What lies there stays.

    \b
    Example:
      devbox storage rm team --yes
    """
    from devbox.api import Devbox

    with Devbox() as door:
        where = door.storage.get(name)
        count = len(door.storage.store.placed(where.name))
        if count:
            say(f"{count} blobs are known to lie in {where.url}; they stay there.")
        confirm(
            f"Forget {name}?", yes=yes or not count, refusal=f"{name} holds {count} known blobs."
        )
        door.storage.rm(name)
    if as_json:
        print_json({"forgotten": name, "blobs": count})
    else:
        say(f"Forgot {name}.")


@storage.command("gc")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_location)
@click.option("--grace", default=60, show_default=True, help="Minutes that spare what is new.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would go.")
@yes_option
@json_option
def gc(names: tuple[str, ...], grace: int, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete the blobs that nothing refers to: on this machine, or in locations.

    Runs, model versions, dataset versions and the devbox.lock of projects refer to blobs. In a
    location, what others refer to stays too. Shows what would go, and asks; without a terminal
    only --yes deletes.

    \b
    Example:
      devbox storage gc
      devbox storage gc --yes
      devbox storage gc here team --dry-run
    """
    from devbox.api import Devbox
    from devbox.storage.gc import collect
    from devbox.storage.records import HERE

    chosen = names or (HERE,)
    with Devbox() as door:
        plan = collect(door.storage, chosen, grace=grace * 60.0)
        found = plan
        count = sum(len(each.digests) for each in plan)
        ask = count and not dry_run and sys.stdin.isatty() and sys.stderr.isatty()
        if count and not dry_run and (yes or ask):
            if not yes:
                for each in plan:
                    say(_swept(each))
                confirm("Delete them?", yes=False, refusal="Nothing was deleted.")
            found = collect(door.storage, chosen, delete=True, grace=grace * 60.0)
    if as_json:
        print_json(found)
        return
    for each in found:
        for digest in each.digests:
            click.echo(digest if each.location == HERE else f"{each.location} {digest}")
    for each in found:
        say(_swept(each))
    if count and not any(each.done for each in found):
        say("Nothing was deleted: add --yes.")


def show_moved(moved: Moved, *, as_json: bool) -> None:
    """Print what was copied."""
    if as_json:
        print_json(moved)
        return
    there = f", {len(moved.there)} were there already" if moved.there else ""
    say(
        f"Copied {counted(len(moved.sent), 'file')} ({size(moved.size)})"
        f" to {moved.location}{there}."
    )


def _swept(swept: Swept) -> str:
    if not swept.digests and not swept.unfinished:
        return f"Nothing of {swept.location} is to be deleted; {swept.kept} stay."
    act = "Deleted" if swept.done else "Would delete"
    more = f", and {swept.unfinished} unfinished uploads" if swept.unfinished else ""
    return (
        f"{act} {counted(len(swept.digests), 'blob')} ({size(swept.size)})"
        f" of {swept.location}{more}; {swept.kept} stay."
    )


def _checked(found: Checked) -> tuple[object, ...]:
    if found.problem:
        return found.location, "", "", found.problem
    wrong = []
    if found.missing:
        wrong.append(f"{len(found.missing)} missing")
    if found.damaged:
        wrong.append(f"{len(found.damaged)} damaged")
    fine = "all read" if found.read else "all there"
    return found.location, found.count, size(found.size), ", ".join(wrong) or fine
