"""devbox: ML infrastructure for a small team, local-first.

``devbox.connect()`` opens the door that the command line and the terminal UI use too.
``devbox.start_run()`` and the ``log_`` functions write down what code does; they need nothing but
the standard library, and work in a box as they do outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.journal.active import active_run, start_run
    from devbox.journal.sdk import (
        log_artifact,
        log_figure,
        log_input,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_text,
        set_tag,
        set_tags,
    )

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "active_run",
    "connect",
    "log_artifact",
    "log_figure",
    "log_input",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_text",
    "set_tag",
    "set_tags",
    "start_run",
]


def connect(**options: Any) -> Devbox:
    """Open devbox: its state, the person's settings and the engine, each on first use.

    Takes the arguments of :class:`devbox.api.Devbox`.
    """
    from devbox.api import Devbox

    return Devbox(**options)


def __getattr__(name: str) -> Any:
    # On first use: `import devbox` costs next to nothing.
    if name not in __all__:
        raise AttributeError(f"module 'devbox' has no attribute {name!r}")
    from importlib import import_module

    place = "active" if name in {"active_run", "start_run"} else "sdk"
    found = getattr(import_module(f"devbox.journal.{place}"), name)
    globals()[name] = found
    return found
