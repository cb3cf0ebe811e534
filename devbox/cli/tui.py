"""devbox tui."""

from __future__ import annotations

import click

from devbox.cli.group import terminal
from devbox.errors import UsageError


@click.command("tui")
@click.option("--screen", default="boxes", show_default=True, help="The screen to begin with.")
@click.option("--filter", "query", default="", help="Show only what fits: words, !not, ~fuzzy.")
@click.option("--read-only", is_flag=True, help="Offer nothing that changes anything.")
def tui(screen: str, query: str, read_only: bool) -> int:
    """Open the terminal UI; `devbox` alone in a terminal does too.

    Boxes, this machine, events, profiles, images and checks, live. `?` shows the keys. Other keys
    and a theme stand in [tui] of the settings.

    \b
    Example:
      devbox tui
      devbox tui --screen events --filter '!up'
      devbox tui --read-only
    """
    if not terminal():
        raise UsageError(
            "There is no terminal here to draw on.",
            hint="`devbox --help` lists the commands that need none.",
        )
    return open_ui(screen, query, read_only=read_only)


def open_ui(screen: str = "boxes", query: str = "", *, read_only: bool = False) -> int:
    """Open it and wait for its end. Imports it only now: other commands have no time for that."""
    from tui.start import start

    return start(screen, query, read_only=read_only)
