"""devbox data add, ls, show, get, diff, tag, push, pull, rm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_dataset, complete_location
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
from devbox.cli.storage import show_moved
from devbox.errors import UsageError

if TYPE_CHECKING:
    from devbox.storage.records import DatasetVersion

SHOWN = 20


@click.group("data")
def data() -> None:
    """Keep versions of datasets, and get them again.

    A version never changes: it is a list of files with their hashes. NAME@3 names one, NAME the
    newest.

    \b
    Example:
      devbox data add survey data/survey.csv
      devbox data get survey@1 /tmp/survey
    """


@data.command("add")
@click.argument("name")
@click.argument("source", metavar="PATH|URI")
@click.option("-m", "--message", default="", help="What is new in it.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Set a tag.")
@click.option("-q", "--quiet", is_flag=True, help="Print only NAME@VERSION.")
@json_option
def add(
    name: str, source: str, message: str, tags: tuple[str, ...], quiet: bool, as_json: bool
) -> None:
    """Make a version of a file or a folder, or of what lies at file:///... or s3://...

    A path is copied into storage; what lies at an address stays there, and its hash is kept.
    The same content again is the same version. Of tables (CSV, JSON lines, Parquet) the columns
    and rows are noted.

    \b
    Example:
      devbox data add survey data/survey.csv --message "wave 2" --tag source=field
      devbox data add images data/images
    """
    from devbox.api import Devbox

    with Devbox() as door, telling(quiet=quiet) as report:
        made = door.data.add(
            name, source, message=message, tags=dict(map(_pair, tags)), report=report
        )
    if as_json:
        print_json(_json(made) | {"new": made.new})
        return
    click.echo(made.ref)
    if not quiet:
        state = "is new" if made.new else "has this content already"
        say(f"{made.ref} {state}: {counted(made.files, 'file')}, {size(made.size)}{_table(made)}.")


@data.command("ls")
@click.argument("name", required=False, shell_complete=complete_dataset)
@click.option("-q", "--quiet", is_flag=True, help="Print only names.")
@json_option
def ls(name: str | None, quiet: bool, as_json: bool) -> None:
    """List datasets, or with NAME the versions of one.

    \b
    Example:
      devbox data ls
      devbox data ls survey --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        if name:
            versions = door.data.versions(name)
            if as_json:
                print_json([_json(each) for each in versions])
            elif quiet:
                for each in versions:
                    click.echo(each.ref)
            else:
                print_table(
                    ("version", "kind", "files", "size", "rows", "created", "by", "message"),
                    [
                        (
                            each.ref,
                            each.kind,
                            each.files,
                            size(each.size),
                            each.rows,
                            _when(each.created),
                            each.user,
                            each.message.partition("\n")[0][:60],
                        )
                        for each in versions
                    ],
                )
            return
        found = door.data.ls()
    if as_json:
        print_json(found)
    elif quiet:
        for dataset in found:
            click.echo(dataset.name)
    else:
        rows = [(d.name, f"{d.name}@{d.latest}", d.versions, size(d.size)) for d in found]
        print_table(("name", "newest", "versions", "size"), rows)


@data.command("show")
@click.argument("ref", shell_complete=complete_dataset)
@click.option("--files", is_flag=True, help="List every file.")
@json_option
def show(ref: str, files: bool, as_json: bool) -> None:
    """Show a version in full.

    \b
    Example:
      devbox data show survey@1
      devbox data show survey --files
    """
    from devbox.api import Devbox
    from devbox.storage.manifest import shown

    with Devbox() as door:
        version = door.data.get(ref)
        entries = door.data.manifest(version.ref).entries if files else ()
    if as_json:
        print_json(_json(version) | ({"entries": entries} if files else {}))
        return
    rows = [
        ("dataset", version.ref),
        ("kind", version.kind),
        ("manifest", version.manifest),
        ("size", f"{counted(version.files, 'file')}, {size(version.size)}"),
        ("created", f"{_when(version.created)} by {version.user}"),
    ]
    rows += [("at", version.uri)] if version.uri else []
    rows += [("message", version.message)] if version.message else []
    rows += [("rows", str(version.rows))] if version.rows is not None else []
    rows += [("column", f"{key} {kind}".rstrip()) for key, kind in version.columns.items()]
    rows += [("tag", f"{key} = {value}") for key, value in version.tags.items()]
    rows += [("file", f"{e.digest[:12]} {size(e.size):>10} {shown(e.path)}") for e in entries]
    for title, text in rows:
        click.echo(f"{title:>10}  {text}".rstrip())


@data.command("get")
@click.argument("ref", shell_complete=complete_dataset)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Replace what is there.")
@json_option
def get(ref: str, folder: Path | None, force: bool, as_json: bool) -> None:
    """Write a version into a folder, whole or not at all, every file checked.

    A folder goes to FOLDER [default: NAME], a single file into FOLDER [default: here]. Prints
    where it is. Files that are not on this machine come from the storage location that has them.

    \b
    Example:
      devbox data get survey@1 /tmp/survey
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        made = door.data.fetch(ref, folder, replace=force, report=report)
    if as_json:
        print_json({"path": made})
    else:
        click.echo(made)


@data.command("diff")
@click.argument("old", shell_complete=complete_dataset)
@click.argument("new", shell_complete=complete_dataset)
@json_option
def diff(old: str, new: str, as_json: bool) -> None:
    """Show which files differ between two versions.

    \b
    Example:
      devbox data diff survey@1 survey@2
    """
    from devbox.api import Devbox
    from devbox.storage.manifest import shown

    with Devbox() as door:
        found = door.data.diff(old, new)
    if as_json:
        print_json(found)
        return
    for sign, paths in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for path in paths:
            click.echo(f"{sign} {shown(path)}")
    say(f"{found.same} files are the same.")


@data.command("tag")
@click.argument("ref", shell_complete=complete_dataset)
@click.argument("tags", nargs=-1, metavar="KEY=VALUE...")
@click.option("--remove", multiple=True, metavar="KEY", help="Remove a tag.")
@json_option
def tag(ref: str, tags: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Set tags of a version.

    \b
    Example:
      devbox data tag survey@1 checked=yes
    """
    from devbox.api import Devbox

    if not tags and not remove:
        raise UsageError("No tag given.", hint="devbox data tag NAME@1 KEY=VALUE")
    with Devbox() as door:
        door.data.tag(ref, dict(map(_pair, tags)), remove)
        version = door.data.get(ref)
    if as_json:
        print_json(_json(version))


@data.command("push")
@click.argument("ref", shell_complete=complete_dataset)
@click.option("--to", default="", shell_complete=complete_location, help="The location.")
@json_option
def push(ref: str, to: str, as_json: bool) -> None:
    """Copy a version into a storage location, so that others can pull it.

    \b
    Example:
      devbox data push survey@1 --to team
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        moved = door.data.push(ref, to, report)
    show_moved(moved, as_json=as_json)


@data.command("pull")
@click.argument("ref", shell_complete=complete_dataset)
@click.option(
    "--from", "source", default="", shell_complete=complete_location, help="The location."
)
@json_option
def pull(ref: str, source: str, as_json: bool) -> None:
    """Copy a version from a storage location to this machine, also one that others have pushed.

    \b
    Example:
      devbox data pull survey@1 --from team
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        moved = door.data.pull(ref, source, report)
    show_moved(moved, as_json=as_json)


@data.command("rm")
@click.argument("ref", shell_complete=complete_dataset)
@yes_option
@json_option
def rm(ref: str, yes: bool, as_json: bool) -> None:
    """Forget a version (NAME@1), or all of a dataset (NAME).

    Its number is never given again; `devbox storage gc` frees the space.

    \b
    Example:
      devbox data rm survey@1 --yes
    """
    from devbox.api import Devbox

    with Devbox() as door:
        gone = (door.data.get(ref),) if "@" in ref else door.data.versions(ref)
        for version in gone[:SHOWN]:
            say(f"{version.ref}: {counted(version.files, 'file')}, {size(version.size)}")
        if len(gone) > SHOWN:
            say(f"and {len(gone) - SHOWN} more")
        confirm("Forget it?", yes=yes, refusal=f"{ref} would be forgotten.")
        door.data.rm(ref)
    if as_json:
        print_json({"forgotten": [version.ref for version in gone]})


def _json(version: DatasetVersion) -> dict[str, object]:
    fields = ("name", "version", "manifest", "kind", "uri", "files", "size", "rows", "columns")
    more = ("message", "tags", "user", "created")
    return {"ref": version.ref} | {field: getattr(version, field) for field in fields + more}


def _table(version: DatasetVersion) -> str:
    if not version.columns:
        return ""
    rows = f"{version.rows} rows of " if version.rows is not None else ""
    return f", {rows}{len(version.columns)} columns"


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"Not a tag: {text[:80]}", hint="Write it as KEY=VALUE.")
    return key, value
