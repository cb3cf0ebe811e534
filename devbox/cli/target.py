"""Which box a command means: the one named, or the only one of the project around us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_box
from devbox.errors import DevboxError

if TYPE_CHECKING:
    from devbox.api import Devbox

name_argument = click.argument("name", required=False, shell_complete=complete_box)


def root_or_none(door: Devbox) -> Path | None:
    """The project's folder, None outside of one."""
    try:
        return door.project_root()
    except DevboxError:
        return None


def names(door: Devbox, name: str | None) -> list[str]:
    """The boxes that a command works on: the named one, else all of the project's.

    Goes by what exists, not by devbox.toml: a broken file never keeps a box from being stopped,
    and a box of the same name that belongs to another project is never meant. Raises DevboxError
    where the project has no box.
    """
    return [name] if name else [box.name for box in door.boxes.of(door.project_root())]
