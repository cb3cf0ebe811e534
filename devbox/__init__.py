"""devbox: ML infrastructure for a small team, local-first.

``devbox.connect()`` opens the door that the command line and the terminal UI use too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devbox.api import Devbox

__version__ = "0.1.0"
__all__ = ["__version__", "connect"]


def connect(**options: Any) -> Devbox:
    """Open devbox: its state, the person's settings and the engine, each on first use.

    Takes the arguments of :class:`devbox.api.Devbox`.
    """
    from devbox.api import Devbox

    return Devbox(**options)
