"""Opening the UI: what is asked of it is checked before the screen is taken."""

from __future__ import annotations

import difflib
import gc

from devbox.api import Devbox
from devbox.config.locate import Place
from devbox.config.source import Source, read
from devbox.config.spec import Settings
from devbox.errors import ConfigError, Problem, UsageError
from tui.actions import names
from tui.app import DevboxApp
from tui.areas import NAMES


def start(screen: str = "boxes", query: str = "", *, read_only: bool = False) -> int:
    """Open the UI and return its exit code when it ends.

    Raises UsageError for a screen that is not there, ConfigError for keys or a theme in the
    settings that nothing knows.
    """
    if screen not in NAMES:
        close = difflib.get_close_matches(screen, NAMES, n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(f"No screen {screen}.", hint=f"{meant}There are: {', '.join(NAMES)}.")
    with Devbox() as door:
        app = DevboxApp(
            door,
            screen_name=screen,
            query=query,
            read_only=read_only,
            preferences=door.settings.tui,
        )
        check(door.settings, app)
        gc.freeze()  # what is imported stays: looking through it again and again would be felt
        return app.run() or 0


def check(settings: Settings, app: DevboxApp) -> None:
    """Raise ConfigError where the settings name acts or a theme that are not there."""
    if settings.file is None:
        return
    problems: list[Problem] = []
    source = Source("user settings", settings.file.parent, None, read(settings.file), (), problems)

    def unknown(place: Place, what: str, known: list[str]) -> None:
        name = str(place[-1]) if what == "act" else settings.tui.theme
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"such as '{known[0]}'"
        source.problem(place, f"there is no {what} '{name}'", hint)

    acts = names(NAMES)
    for name in settings.tui.keys:
        if name not in acts:
            unknown(("tui", "keys", name), "act", sorted(acts))
    themes = sorted(app.available_themes)
    if settings.tui.theme and settings.tui.theme not in themes:
        unknown(("tui", "theme"), "theme", themes)
    if problems:
        raise ConfigError(problems)
