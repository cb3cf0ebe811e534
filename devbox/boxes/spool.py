"""Where code in a box writes its runs down: a folder here that the box has as its spool.

Whatever lies in it was put there by the box, and is taken for nothing else."""

from __future__ import annotations

from pathlib import Path

from devbox.boxes.identity import BoxId
from devbox.errors import DevboxError
from devbox.journal.places import box_spool


def make_spool(box: BoxId, home: Path) -> None:
    """Make the folder: the engine binds no source that is not there. The box gives it to its
    user."""
    folder = box_spool(home, box.owner, box.name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise DevboxError(f"{folder} cannot be made: {error.strerror}.") from error
