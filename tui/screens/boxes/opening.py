"""A page that a box serves: where it is, and how to get there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.widgets.dialog import Read

if TYPE_CHECKING:
    from devbox.boxes.open import Opened
    from tui.app import DevboxApp


def opened(app: DevboxApp, found: Opened) -> None:
    """Show the page's address, which is also in the clipboard."""
    app.copy_to_clipboard(found.url)
    lines = [
        Content("It is served until the box stops. The address is in the clipboard:"),
        Content(""),
        Content(found.url),
    ]
    app.push_screen(Read("Open in your browser", Content("\n").join(lines), copied=found.url))
