"""What a person's settings say about their boxes: where secrets come from, whose dotfiles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from devbox.config import values
from devbox.config.kinds import At, Kind, Wrong, by_type, items, mapping, plain_text, text
from devbox.config.names import clip
from devbox.config.spec import Dotfiles, SecretSource
from devbox.config.tables import Key, table

_SHELL = ("sh", "-c")
_PLACES = ("env", "file", "command")
_command = by_type({str: text(lambda line: (*_SHELL, line)), list: items(text())}, "text or a list")


def _source(parsed: dict[str, Any], _: At) -> SecretSource:
    if len(parsed) != 1 or not next(iter(parsed.values())):
        raise Wrong("needs exactly one of 'env', 'file' and 'command'")
    return SecretSource(**parsed)


_SOURCE = {
    "env": Key(values.env_name, "An environment variable of this machine."),
    "file": Key(
        Kind(lambda value, at: Path(values.absolute(plain_text(value), at)), {"type": "string"}),
        "A file that holds the value.",
    ),
    "command": Key(_command, "A command that prints the value: a line of shell, or a list."),
}
secrets = mapping(values.secret, table(_SOURCE, _source))

_URL = r"(?:https|ssh|file)://[^\s\"'`\\<>-][^\s\"'`\\<>]*"
_SCP = r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:(?!:|//)[^\s\"'`\\<>:-][^\s\"'`\\<>]*"
_REF = r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}"


def _repository(line: str, at: At) -> str:
    """An address that git reads as one of few protocols; a path of this machine as it is."""
    if re.match("[a-z]+://[^/]*:[^/]*@", line):
        raise Wrong("holds a password", "leave it out, and let a credential helper of git keep it")
    if re.fullmatch(_URL, line) or re.fullmatch(_SCP, line):
        return line
    if line.startswith("-") or ":" in line:
        hint = "write 'https://host/path', 'ssh://host/path', 'user@host:path' or a folder"
        raise Wrong(f"{clip(line)} is not a git repository that can be fetched", hint)
    return values.absolute(line, at)


def _ref(line: str) -> str:
    if re.fullmatch(_REF, line) is None or ".." in line:
        raise Wrong(f"{clip(line)} is not a branch, tag or commit")
    return line


def _inside(line: str) -> str:
    if line.startswith(("/", "~", "-")) or ".." in line.split("/"):
        raise Wrong(f"{clip(line)} is not a path inside the repository")
    return line


def _dotfiles(parsed: dict[str, Any], _: At) -> Dotfiles:
    if "repository" not in parsed:
        raise Wrong("'repository' is missing")
    return Dotfiles(**parsed)


_repository_kind = Kind(lambda value, at: _repository(plain_text(value), at), {"type": "string"})
_DOTFILES = {
    "repository": Key(_repository_kind, "The git repository."),
    "ref": Key(text(_ref), "A branch, tag or commit; the repository's own branch if left out."),
    "install": Key(text(_inside), "The script to run; install.sh and the like if left out."),
}
dotfiles = by_type(
    {
        str: Kind(
            lambda value, at: Dotfiles(_repository(plain_text(value), at)), {"type": "string"}
        ),
        dict: table(_DOTFILES, _dotfiles),
    },
    "text or a table",
)
