"""devbox lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_box
from devbox.cli.output import json_option, offer, print_json, say, telling, yes_option
from devbox.errors import EXIT_OK, EXIT_REFUSED

if TYPE_CHECKING:
    from devbox.boxes.lock.keep import Kept
    from devbox.boxes.lock.locking import Locked


@click.command("lock")
@click.argument("name", required=False, shell_complete=complete_box)
@click.option("--upgrade", is_flag=True, help="Build again of what mirrors have today, lock that.")
@click.option("--check", is_flag=True, help="Only say whether the lock fits; exit 4 if not.")
@click.option("-v", "--verbose", is_flag=True, help="Show all output of the work.")
@yes_option
@json_option
def lock(
    name: str | None, upgrade: bool, check: bool, verbose: bool, yes: bool, as_json: bool
) -> int:
    """Write every package of the boxes down in devbox.lock.

    Builds what is missing, then notes each Debian and Python package with its version and hash,
    and the base image by its digest or its packages. The packages are kept in storage, for the
    day when their mirrors have forgotten them. `devbox up` keeps to a lock that fits;
    `devbox up --locked` builds exactly that, or exits 4 naming what cannot be had. A lock that
    fits is left as it is.

    \b
    Example:
      devbox lock
      devbox lock --check
      devbox lock train --upgrade
    """
    from devbox.api import Devbox

    with Devbox() as door:
        project = door.project()
        chosen = [project.box(name)] if name else list(project.boxes.values())
        if check:
            return _check({box.spec.name: door.boxes.kept(box.spec) for box in chosen}, as_json)
        with telling(verbose=verbose) as report:
            done = [
                door.boxes.lock(
                    box.spec,
                    tuple(project.boxes),
                    upgrade=upgrade,
                    report=report,
                    offer=offer(yes=yes),
                )
                for box in chosen
            ]
    if as_json:
        print_json(done)
        return EXIT_OK
    for locked in done:
        _show(locked)
    return EXIT_OK


def _check(boxes: dict[str, Kept], as_json: bool) -> int:
    unfit = [kept for kept in boxes.values() if kept.why]
    if as_json:
        print_json(
            [
                {"name": name, "fits": not kept.why, "reasons": kept.why}
                for name, kept in boxes.items()
            ]
        )
    else:
        for name, kept in boxes.items():
            say(f"Box {name}: {kept.checked}.")
        for kept in unfit[:1]:
            say(kept.renew)
    return EXIT_REFUSED if unfit else EXIT_OK


def _show(locked: Locked) -> None:
    for line in locked.changes:
        click.secho(line, fg="green" if line.startswith("+") else "red")
    state = "is locked" if locked.written else "is locked already, and the lock fits"
    say(
        f"Box {locked.name} {state}: {locked.debian} Debian and {locked.python} Python packages"
        f" on {locked.platform}."
    )
    if locked.written:
        say(f"  {locked.file} is for the repository; `devbox up` builds what it says.")
