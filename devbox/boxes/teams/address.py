"""Addresses of git repositories as people type them: ``GIT-URL[@ref]``. Pure but for one look."""

from __future__ import annotations

import os
import re
from pathlib import Path

from devbox.config.credentials import credentials_of
from devbox.config.names import clip, safe_name
from devbox.errors import UsageError

PROTOCOLS = ("https", "ssh", "file", "git")
_HINT = "Write https://host/path, ssh://host/path, user@host:path or a folder, with @REF behind."
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(::|://)")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:[^:-].*")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")


def split_address(text: str, base: Path) -> tuple[str, str]:
    """The URL and the ref ("" where none is given) of an address; a folder becomes absolute,
    seen from ``base``. Raises UsageError for what is none, or holds a password."""
    if not text or not text.isprintable() or text.startswith("-"):
        raise UsageError(f"{clip(text)} is not a git repository.", hint=_HINT)
    start = _path_start(text)
    head, path = text[:start], text[start:]
    if not head and (base / os.path.expanduser(path)).is_dir():  # noqa: PTH111
        return _folder(path, base), ""
    path, at, ref = path.rpartition("@") if "@" in path else (path, "", "")
    if at and not is_ref(ref):
        raise UsageError(f"{clip(ref)} is not a branch, tag or commit.")
    if not path.strip("/"):
        raise UsageError(f"{clip(text)} names no repository.", hint=_HINT)
    return (head + path if head else _folder(path, base)), ref


def is_ref(text: str) -> bool:
    """Whether a text can name a branch, tag or commit, and is nothing else to git."""
    return _REF.fullmatch(text) is not None and ".." not in text


def team_name(url: str) -> str:
    """The name that a team gets from its repository: ``.../ml-profiles.git`` is ml-profiles."""
    last = re.split(r"[/:]", url.rstrip("/").removesuffix("/.git"))[-1]
    return safe_name(last.removesuffix(".git"), fallback="team")


def _path_start(text: str) -> int:
    """Where the path begins: an @ before it belongs to a user, one in it to a ref."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        if not text.startswith((".", "/", "~")) and _SCP.fullmatch(text):
            return text.index(":") + 1
        return 0
    if scheme[2] == "::" or scheme[1] not in PROTOCOLS:
        allowed = ", ".join(PROTOCOLS)
        hint = f"Only {allowed} are fetched."
        raise UsageError(f"{clip(scheme[1])} is no protocol for profiles.", hint=hint)
    host = text[scheme.end() :].partition("/")[0]
    if host.rpartition("@")[2].startswith("-"):
        raise UsageError(f"{clip(host)} is not a host.", hint=_HINT)
    if credentials_of(text):
        raise UsageError(
            "The address holds a password, or a user's name that may be one.",
            hint="Leave it out, and let a credential helper of git keep it.",
        )
    return scheme.end() + len(host)


def _folder(path: str, base: Path) -> str:
    return os.path.normpath(base / os.path.expanduser(path))  # noqa: PTH111
