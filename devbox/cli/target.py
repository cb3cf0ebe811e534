"""Which box a command means: the one named, or the only one of the project around us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_box
from devbox.errors import ConfigError, DevboxError

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

    Works with what exists, so that a broken devbox.toml never keeps a box from being stopped;
    only where nothing exists yet is the file asked.
    """
    if name:
        return [name]
    root = door.project_root()
    if existing := [box.name for box in door.boxes.of_project(root)]:
        return existing
    try:
        return list(door.project(root).boxes)
    except ConfigError:
        raise DevboxError(f"{root} has no box.", hint="Name one; `devbox ps` lists them.") from None
