"""Where devbox keeps its state on this machine, and where the person's settings are."""

from __future__ import annotations

import os
from pathlib import Path

from devbox.errors import UsageError


def home() -> Path:
    """The folder of devbox's own files: ``DEVBOX_HOME``, else the platform's data folder."""
    given = os.environ.get("DEVBOX_HOME")
    if given:
        return _absolute(Path(given), "DEVBOX_HOME", "a folder")
    from platformdirs import user_data_path

    return _absolute(user_data_path("devbox", appauthor=False), "DEVBOX_HOME", "a folder")


def settings_file() -> Path:
    """The person's settings: ``DEVBOX_CONFIG``, else config.toml in the settings folder."""
    given = os.environ.get("DEVBOX_CONFIG")
    if given:
        return _absolute(Path(given), "DEVBOX_CONFIG", "a file")
    from platformdirs import user_config_path

    folder = _absolute(user_config_path("devbox", appauthor=False), "DEVBOX_CONFIG", "a file")
    return folder / "config.toml"


def _absolute(path: Path, variable: str, kind: str) -> Path:
    """``path`` without a leading ``~``. Raises UsageError where nobody knows what that is."""
    try:
        return path.expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"Where is {path}? {str(error).rstrip('.')}.",
            hint=f"Set {variable} to {kind}, with its full path.",
        ) from error
