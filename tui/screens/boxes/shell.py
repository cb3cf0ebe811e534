"""A shell in a box: the terminal is the box's until the shell ends, then the UI's again."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from devbox.errors import EXIT_OWN_FAILURE

if TYPE_CHECKING:
    from tui.app import DevboxApp


def open_shell(app: DevboxApp, name: str) -> None:
    """Open it. Meanwhile nothing is drawn and nothing is watched."""
    app.watcher.paused = True
    try:
        with app.suspend():
            done = subprocess.run([sys.executable, "-m", "devbox", "shell", name], check=False)
            if done.returncode == EXIT_OWN_FAILURE:
                # What it says would be gone at once.
                sys.stdout.write("\nEnter goes back. ")
                sys.stdout.flush()
                sys.stdin.readline()
    except SuspendNotSupported:
        app.notify("This terminal can't be lent to a shell.", severity="error")
    finally:
        app.watcher.paused = False
        app.watcher.look()
