"""Where the project is."""

from __future__ import annotations

import os
from pathlib import Path

from devbox.errors import UsageError

FILE = "devbox.toml"


def find_project(start: Path) -> Path:
    """The nearest folder at or above ``start`` that has a devbox.toml."""
    start = start.absolute()
    try:
        str(start).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"The path {str(start)!a} is not UTF-8 text, which Docker needs.",
            hint="Rename the folder.",
        ) from None
    for folder in (start, *start.parents):
        # A folder or dangling link of that name is found too: reading it says what is wrong.
        if os.path.lexists(folder / FILE):
            return folder
    message = f"There is no {FILE} in {start} or any folder above it."
    raise UsageError(message, hint="`devbox init` writes one.")
