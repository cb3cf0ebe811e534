"""Where devbox keeps its state on this machine, and where the person's settings are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from devbox.errors import UsageError


def home() -> Path:
    """The folder of devbox's own files: ``DEVBOX_HOME``, else the platform's data folder.

    Raises UsageError where there is neither, as for a user without a home directory.
    """

    def usual() -> Path:
        from platformdirs import user_data_path

        return user_data_path("devbox", appauthor=False)

    return _place("DEVBOX_HOME", "a folder", usual)


def settings_file() -> Path:
    """The person's settings: ``DEVBOX_CONFIG``, else config.toml in the settings folder.

    Raises UsageError as :func:`home` does.
    """

    def usual() -> Path:
        from platformdirs import user_config_path

        return user_config_path("devbox", appauthor=False) / "config.toml"

    return _place("DEVBOX_CONFIG", "a file", usual)


def _place(variable: str, kind: str, usual: Callable[[], Path]) -> Path:
    given = os.environ.get(variable, "")
    try:
        # Some platformdirs hand out a folder named "~" where there is no home directory.
        return (Path(given) if given else usual()).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"{variable}={given} cannot be used: {error}"
            if given
            else "There is no home directory to keep devbox's files in.",
            hint=f"Set {variable} to {kind}, with its full path.",
        ) from error
