"""devbox cp."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from devbox.cli.output import json_option, print_json, say
from devbox.cli.target import names
from devbox.errors import SeveralBoxes, UsageError


@click.command("cp")
@click.argument("source")
@click.argument("target")
@json_option
def cp(source: str, target: str, as_json: bool) -> None:
    """Copy files between here and a box.

    One of the two is in a box: NAME:PATH, or :PATH for the only box of this project. Paths in
    a box are absolute, or relative to /workspace. Folders are copied whole.

    \b
    Example:
      devbox cp model.pkl churn:/tmp/
      devbox cp :/home/dev/.bash_history history.txt
    """
    from devbox.api import Devbox
    from devbox.config.spec import WORKSPACE

    from_box, to_box = _split(source), _split(target)
    if (from_box is None) == (to_box is None):
        raise UsageError("Exactly one side must be in a box.", hint="Write it as NAME:PATH.")
    with Devbox() as door:
        name, path = from_box or to_box or ("", "")
        chosen = names(door, name or None)
        if len(chosen) != 1:
            raise SeveralBoxes(chosen)
        inside = str(PurePosixPath(WORKSPACE) / path)
        if to_box:
            # PurePosixPath drops a slash at the end, which says "into this folder".
            slash = "/" if path.endswith("/") else ""
            door.inside.copy_in(chosen[0], Path(source), inside + slash)
        else:
            door.inside.copy_out(chosen[0], inside, Path(target))
    if as_json:
        print_json({"box": chosen[0], "source": source, "target": target})
    else:
        say(f"Copied {source} to {target}.")


def _split(text: str) -> tuple[str, str] | None:
    """(box, path) where a box is named; a colon after a slash belongs to a file's name."""
    name, colon, path = text.partition(":")
    return (name, path) if colon and "/" not in name else None
