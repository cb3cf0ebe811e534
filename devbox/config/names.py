"""Names of boxes, owners, services and data: what they may look like, and how to make one."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping

LONGEST = 40
NAME = "[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
_NAME = re.compile(NAME)
RULE = f"only a-z, 0-9 and '-' (not first or last), {LONGEST} characters at most"


def is_name(text: str) -> bool:
    """Whether ``text`` can be part of container names, labels, host names and file names."""
    return _NAME.fullmatch(text) is not None


def safe_name(text: str, fallback: str = "box") -> str:
    """The nearest name to any text: ``My Project.v2`` becomes ``my-project-v2``."""
    ascii_only = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode()
    words = re.sub("[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    return words[:LONGEST].strip("-") or fallback


def clip(value: object, longest: int = 60) -> str:
    """A value for an error message: quoted, escaped and not too long."""
    if isinstance(value, str) and len(value) > longest:
        return f"{value[:longest]!a}... ({len(value)} characters)"
    try:
        text = repr(value) if not isinstance(value, str) or value.isprintable() else ascii(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
    return text if len(text) <= longest + 2 else f"{text[:longest]}..."


def owner(environ: Mapping[str, str]) -> str:
    """Who acts: ``DEVBOX_USER``, else the user of the operating system, as a safe name."""
    given = environ.get("DEVBOX_USER")
    if given:
        return safe_name(given, fallback="user")
    import getpass

    try:
        return safe_name(getpass.getuser(), fallback="user")
    except (KeyError, OSError):
        # A container run under a user id that has no name.
        return f"uid{os.getuid()}"
