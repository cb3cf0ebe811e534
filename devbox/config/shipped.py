"""Where the files that come with devbox are: profiles and images."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(what: str) -> Path:
    """The folder ``what`` ("profiles", "images"): the repository's in a checkout, else the
    copy inside the installed package."""
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / what).is_dir():
        return checkout / what
    return _PACKAGE / "_shipped" / what
