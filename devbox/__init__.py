"""devbox: ML infrastructure for a small team, local-first.

``devbox.connect()`` opens the door that the command line and the terminal UI use too.
``devbox.start_run()`` and the ``log_`` functions write down what code does; they need nothing but
the standard library, and work in a box as they do outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.formats.model import load_model
    from devbox.formats.register import register_model
    from devbox.journal.active import active_run, start_run
    from devbox.journal.autolog import autolog
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
    from devbox.journal.sweep import sweep

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "active_run",
    "autolog",
    "connect",
    "load_model",
    "log_artifact",
    "log_figure",
    "log_input",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_text",
    "register_model",
    "set_tag",
    "set_tags",
    "start_run",
    "sweep",
]

_PLACES = {
    "active_run": "journal.active",
    "autolog": "journal.autolog",
    "start_run": "journal.active",
    "sweep": "journal.sweep",
    "load_model": "formats.model",
    "register_model": "formats.register",
}


def connect(**options: Any) -> Devbox:
    """Open devbox: its state, the person's settings and the engine, each on first use.

    Takes the arguments of :class:`devbox.api.Devbox`.
    """
    try:
        from devbox.api import Devbox
    except ModuleNotFoundError as error:
        if error.name != "devbox.api":
            raise
        from devbox.errors import DevboxError

        raise DevboxError(
            "There is no door to devbox from inside a box.",
            hint="Log and register here as usual; `devbox runs ls` works here too.",
        ) from None
    return Devbox(**options)


def __getattr__(name: str) -> Any:
    # On first use: `import devbox` costs next to nothing.
    if name not in __all__:
        raise AttributeError(f"module 'devbox' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"devbox.{_PLACES.get(name, 'journal.sdk')}"), name)
    globals()[name] = found
    return found
