"""devbox image ls, build, base, prune."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_box
from devbox.cli.output import (
    confirm,
    json_option,
    offer,
    print_json,
    print_table,
    say,
    size,
    tell,
    telling,
    yes_option,
)

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes.images import Recipe
    from devbox.boxes.images.space import PrunePlan


@click.group("image")
def image() -> None:
    """List, build, make and prune images.

    \b
    Example:
      devbox image ls
      devbox image build datascience
    """


@image.command("ls")
@click.option("-q", "--quiet", is_flag=True, help="Print only tags.")
@json_option
def ls(quiet: bool, as_json: bool) -> None:
    """List the images that devbox made: what each adds to its parent, and how many boxes use it.

    \b
    Example:
      devbox image ls
      devbox image ls --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        found = door.images.ls()
    if as_json:
        print_json(found)
    elif quiet:
        for entry in found:
            click.echo(entry.ref)
    else:
        rows = [
            (_short(e.ref), e.kind, size(e.size), size(e.adds), e.containers, _age(e.created))
            for e in found
        ]
        print_table(("image", "kind", "size", "adds", "containers", "made"), rows)


@image.command("build")
@click.argument("name", required=False, metavar="[BOX|PROFILE]", shell_complete=complete_box)
@click.option("--no-cache", is_flag=True, help="Run every step again.")
@click.option("--pull", is_flag=True, help="Ask the registry for a newer base image first.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the steps.")
@yes_option
@json_option
def build(
    name: str | None, no_cache: bool, pull: bool, verbose: bool, yes: bool, as_json: bool
) -> None:
    """Build the images of a box or a profile, by default of every box of this project.

    A name of neither may be that of one of devbox's own images, such as postgres.

    \b
    Example:
      devbox image build
      devbox image build datascience --pull
    """
    from devbox.api import Devbox

    with Devbox() as door, telling(verbose=verbose) as report:
        tags = [
            door.images.ensure(recipe, report, offer=offer(yes=yes), no_cache=no_cache, pull=pull)
            for recipe in _recipes(door, name)
        ]
    if as_json:
        print_json([{"image": tag} for tag in tags])
    else:
        for tag in tags:
            click.echo(tag)


@image.command("base")
@click.option("--suite", default="bookworm", show_default=True, help="The Debian release.")
@click.option("--mirror", default="", metavar="URL", help="Base address of a Debian archive.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the installation.")
@json_option
def base(suite: str, mirror: str, verbose: bool, as_json: bool) -> None:
    """Make the base image from Debian's own packages, where no image registry can be reached.

    Needs debootstrap (as root) or mmdebstrap. The packages come from --mirror, else the mirror of
    the settings, else the machine's own, and are verified with Debian's keys.

    \b
    Example:
      sudo devbox image base
      devbox image base --suite trixie --mirror https://mirror.example/debian
    """
    from devbox.api import Devbox

    with Devbox() as door, telling(verbose=verbose) as report:
        tag = door.images.bootstrap(suite, mirror, report)
    print_json({"image": tag}) if as_json else click.echo(tag)


@image.command("prune")
@click.option("-a", "--all", "everything", is_flag=True, help="All that no container uses.")
@click.option("--build-cache", is_flag=True, help="The engine's build cache too, whoever's it is.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be deleted.")
@yes_option
@json_option
def prune(everything: bool, build_cache: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete images that no box uses. Only images that devbox made are touched.

    The shipped images of this version, those of this project's boxes and a base made here stay,
    unless --all is given.

    \b
    Example:
      devbox image prune --dry-run
      devbox image prune --build-cache --yes
    """
    from devbox.api import Devbox

    with Devbox() as door:
        keep = [] if everything else _kept(door)
        tags = [] if everything else [box.image for box in door.last_known()]
        plan = door.images.plan_prune(keep, tags, build_cache=build_cache, everything=everything)
        if not as_json:
            _show(plan)
        freed = 0
        if (plan.images or plan.build_cache) and not dry_run:
            refusal = "Nothing was deleted."
            confirm(f"Delete this and free {size(plan.size)}?", yes=yes, refusal=refusal)
            freed = door.images.prune(plan, tell)
            say(f"freed {size(freed)}")
    if as_json:
        print_json(
            {
                "images": plan.images,
                "build_cache": plan.build_cache,
                "dry_run": dry_run,
                "freed": freed,
            }
        )


def _recipes(door: Devbox, name: str | None) -> list[Recipe]:
    """The recipes that a command means; a box of the project goes before a profile."""
    from devbox.cli.target import root_or_none

    if name is None:
        every = door.project().boxes.values()
        return [recipe for box in every for recipe in door.images.recipes_of(box.spec)]
    if root_or_none(door) is not None:
        boxes = door.project().boxes
        if name in boxes:
            return list(door.images.recipes_of(boxes[name].spec))
    return list(door.images.profile_recipes(name))


def _kept(door: Devbox) -> list[Recipe]:
    """What this project needs. A project that cannot be read is an error: nothing is known to be
    needless then."""
    from devbox.cli.target import root_or_none

    return [] if root_or_none(door) is None else _recipes(door, None)


def _show(plan: PrunePlan) -> None:
    rows = [(_short(entry.ref), entry.kind, size(entry.adds)) for entry in plan.images]
    if plan.build_cache:
        rows.append(("build cache", "", size(plan.build_cache)))
    if rows:
        print_table(("image", "kind", "frees"), rows)
    else:
        say("There is nothing to delete.")


def _short(ref: str) -> str:
    return ref[:19] if ref.startswith("sha256:") else ref


def _age(created: float) -> str:
    if not created:
        return ""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(created))
