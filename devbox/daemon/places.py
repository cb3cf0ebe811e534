"""Where the daemon of a DEVBOX_HOME is found: its lock, its socket, its log."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_SOCKET = 100
"""In bytes; the kernel takes some 104 (macOS) to 108 (Linux)."""


def lock_file(home: Path) -> Path:
    """Held by the daemon while it lives; says who it is."""
    return home / "locks" / "daemon.lock"


def log_file(home: Path) -> Path:
    """What the daemon has to tell."""
    return home / "logs" / "daemon.log"


def socket_file(home: Path) -> Path:
    """The daemon's socket: in its home where that path is short enough, else in a folder for
    such files that only its user can enter."""
    place = home / "daemon.sock"
    if len(os.fsencode(place)) <= LONGEST_SOCKET:
        return place
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and len(os.fsencode(given)) < LONGEST_SOCKET - 40 and os.access(given, os.W_OK):
        return Path(given) / f"devbox-{name}.sock"
    short = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())  # noqa: S108 - short
    return short / f"devbox-{os.getuid()}" / f"{name}.sock"
