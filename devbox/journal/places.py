"""Where runs are written down: the spool, a folder with one folder for each run."""

from __future__ import annotations

import os
from pathlib import Path

IN_BOX = Path("/var/spool/devbox")
SPOOL = "DEVBOX_SPOOL"
RUN = "DEVBOX_RUN"
"""The run that a process and its children belong to."""


def spool() -> Path:
    """``DEVBOX_SPOOL``, else in a box the box's own, else the one in devbox's folder here."""
    if given := os.environ.get(SPOOL, ""):
        return Path(given).expanduser().absolute()
    if os.environ.get("DEVBOX_BOX"):
        return IN_BOX
    from devbox.home import home

    return spool_of(home())


def spool_of(home: Path) -> Path:
    """The spool in devbox's folder."""
    return home / "spool"
