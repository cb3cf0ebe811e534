"""Where devbox keeps its state on this machine, and where the person's settings are."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder of devbox's own files: ``DEVBOX_HOME``, else the platform's data folder."""
    given = os.environ.get("DEVBOX_HOME")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("devbox", appauthor=False)


def settings_file() -> Path:
    """The person's settings: ``DEVBOX_CONFIG``, else config.toml in the settings folder."""
    given = os.environ.get("DEVBOX_CONFIG")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_config_path

    return user_config_path("devbox", appauthor=False) / "config.toml"
