"""Where runs are written down: the spool, a folder with one folder for each run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

IN_BOX = Path("/var/spool/devbox")
BOX_FACTS = Path("/run/devbox/box.json")
"""In a box: what it was made from."""
BRIDGE = Path("/run/devbox/bridge/socket")
"""In a box: where the devbox outside is asked."""
SPOOL = "DEVBOX_SPOOL"
RUN = "DEVBOX_RUN"
"""The run that a process and its children belong to."""


def in_box() -> bool:
    """Whether this is the inside of a box: also where its variables are gone, as with sudo."""
    return bool(os.environ.get("DEVBOX_BOX")) or BOX_FACTS.exists()


def box_facts() -> dict[str, str]:
    """In a box: its name and owner, its profile, image and configuration; else nothing."""
    found = {}
    for field, variable in (("box", "DEVBOX_BOX"), ("owner", "DEVBOX_OWNER")):
        if value := os.environ.get(variable, ""):
            found[field] = value
    if in_box():
        with suppress(OSError, ValueError, AttributeError):
            facts = json.loads(BOX_FACTS.read_bytes())
            found.update({str(key): str(value) for key, value in facts.items() if value})
    return found


def owned_as(place: Path, fd: int = -1) -> None:
    """What root makes in a spool belongs to the spool's owner, who is to read it: for the folder
    ``place`` there, or the file ``fd`` in it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        above = place.parent.stat() if fd < 0 else place.stat()
        if above.st_uid or above.st_gid:
            os.chown(place if fd < 0 else fd, above.st_uid, above.st_gid)


def spool() -> Path:
    """``DEVBOX_SPOOL``, else in a box the box's own, else the one in devbox's folder here."""
    if given := os.environ.get(SPOOL, ""):
        return Path(given).expanduser().absolute()
    if in_box():
        return IN_BOX
    from devbox.home import home

    return spool_of(home())


def spool_of(home: Path) -> Path:
    """The spool in devbox's folder."""
    return home / "spool"


def box_spool(home: Path, owner: str, name: str) -> Path:
    """The spool of a box, outside: all that is in it was put there by the box."""
    return home / "boxes" / f"{owner}_{name}" / "spool"


def box_spools(home: Path) -> Iterator[tuple[str, Path]]:
    """The names of the boxes that have a spool here, running or not, and their spools."""
    try:
        names = sorted(os.listdir(home / "boxes"))  # noqa: PTH208 - only names
    except OSError:
        return
    for name in names:
        owner, separator, box = name.partition("_")
        spool = box_spool(home, owner, box)
        if separator and spool.is_dir():
            yield box, spool
