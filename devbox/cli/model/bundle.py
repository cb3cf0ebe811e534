"""devbox model export, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_model
from devbox.cli.output import counted, json_option, print_json, say, size, telling

if TYPE_CHECKING:
    from devbox.models.bundle import Imported


@click.command("export")
@click.argument("ref", shell_complete=complete_model)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--with-data", is_flag=True, help="The dataset versions it was made from, too.")
@click.option("-f", "--force", is_flag=True, help="Write over a file that is there.")
@json_option
def export(ref: str, file: Path, with_data: bool, force: bool, as_json: bool) -> None:
    """Write a version with everything that it was made from into one file.

    Its record, all files, its run with all points, and the runs above that. FILE ends with .tar
    or .tar.gz; the same version gives the same bytes.

    \b
    Example:
      devbox model export churn@champion churn.tar
      devbox model export churn@3 churn.tar.gz --with-data
    """
    from devbox.api import Devbox

    with Devbox() as door, telling(quiet=as_json) as report:
        done = door.bundles.export(ref, file, with_data=with_data, force=force, report=report)
    if as_json:
        print_json(done)
        return
    say(f"{done.ref} is in {done.file} ({size(done.size)}).")
    for each in done.data:
        say(f"  with dataset {each}")
    for each in done.left_out:
        say(f"  without dataset {each}; --with-data takes it along")


class FileOrCommand(click.Group):
    """A group whose first word is a command, or else a file for the command of that name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; ``file`` where none is."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "file", import_file, args


@click.group(
    "import",
    cls=FileOrCommand,
    subcommand_metavar="FILE [OPTIONS]",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def import_model() -> None:
    """Take in a version that `devbox model export` wrote.

    It becomes the next version of its model, with its runs and data; all of it or nothing. One
    that is here already is left as it is.

    \b
    Options:
      --as NAME      Make it a version of this model.
      -n, --dry-run  Only read and check all of it.
      --json         Print JSON.

    \b
    Example:
      devbox model import churn.tar
      devbox model import churn.tar.gz --as churn-eu
      devbox model import churn.tar --dry-run
    """


@click.command("file")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "name", default="", metavar="NAME", help="Make it a version of this model.")
@click.option("-n", "--dry-run", is_flag=True, help="Only read and check all of it.")
@json_option
def import_file(file: Path, name: str, dry_run: bool, as_json: bool) -> None:
    """Take in a version from a file."""
    from devbox.api import Devbox

    with Devbox() as door, telling(quiet=as_json) as report:
        found = door.bundles.take_in(file, name=name, dry_run=dry_run, report=report)
    print_json(found) if as_json else _tell(found)


def _tell(found: Imported) -> None:
    runs = counted(len(found.runs), "run")
    holds = f"{counted(found.files, 'file')}, {runs}, {size(found.size)}"
    if not found.new:
        what = f"{found.mended} damaged or missing files were mended" if found.mended else ""
        say(f"It is here already: {found.ref}; {what or 'nothing was changed'}.")
    elif not found.ref:
        say(f"The file is whole: {found.was} with {holds}. Nothing was imported.")
    else:
        named = "" if found.was == found.ref else f", which was {found.was} elsewhere"
        say(f"Imported {found.ref}{named}: {holds}.")
        for each in found.data:
            say(f"  with dataset {each}")
