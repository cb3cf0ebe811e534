"""Showing a page in the person's browser."""

from __future__ import annotations

import html
import os
import sys
from pathlib import Path


def show(url: str, file: Path) -> bool:
    """Open a page in the browser of whoever sits at this terminal; says whether there is one.

    The browser is given a private ``file`` that leads to the page, since a URL with a token must
    not be the argument of a process.
    """
    if not (os.isatty(1) and os.isatty(2) and _has_display()):
        return False
    import webbrowser

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">\n')
    return webbrowser.open(file.as_uri())


def _has_display() -> bool:
    if sys.platform == "darwin":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
