"""Having the daemon run for a box, without a wait for it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from devbox.errors import DevboxError

if TYPE_CHECKING:
    from devbox.api import Devbox


def served(door: Devbox) -> None:
    """Have somebody answer what code in boxes asks. Where that can't be, a box works all the
    same, and code in it is told."""
    from devbox.daemon.client import wake

    with suppress(OSError, DevboxError):
        wake(door.home)
