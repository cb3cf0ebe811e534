"""TOML files as sources of values: read with care, and able to say on which line a key is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli

from devbox.config.locate import Place, locate
from devbox.config.names import clip
from devbox.errors import ConfigError, Problem

LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Origin:
    """Where a value came from: ``layer`` is "command line", "project", "user settings",
    "profile NAME" or "default"; ``file`` is "" and ``line`` 0 where there is none."""

    layer: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f" {self.file}" if self.file else ""
        return f"{self.layer}{where}:{self.line}" if self.line else f"{self.layer}{where}"


@dataclass(frozen=True)
class Document:
    """A parsed TOML file. ``shown`` is how messages call it."""

    path: Path
    shown: str
    text: str
    data: Mapping[str, Any]

    @cached_property
    def _lines(self) -> Mapping[Place, int]:
        return locate(self.text)

    def line(self, place: Place) -> int:
        """The line of a key, or of the nearest one around it; 0 where neither is known."""
        for end in range(len(place), 0, -1):
            if place[:end] in self._lines:
                return self._lines[place[:end]]
        return 0


@dataclass(frozen=True)
class Source:
    """One layer of configuration while it is checked: relative paths start at ``base``;
    ``project`` is None where it is not known yet. ``prefix`` leads to the table in the file.
    ``inside`` is the folder that relative paths may not leave, None where they may."""

    layer: str
    base: Path
    project: Path | None = None
    document: Document | None = None
    prefix: Place = ()
    problems: list[Problem] = field(default_factory=list)
    inside: Path | None = None

    def origin(self, place: Place) -> Origin:
        """Where the value at ``place`` was written."""
        if self.document is None:
            return Origin(self.layer)
        return Origin(self.layer, self.document.shown, self.document.line((*self.prefix, *place)))

    def at_fault(self, place: Place, message: str, hint: str = "") -> Problem:
        """What is wrong with the value at ``place``."""
        origin = self.origin(place)
        key = dotted((*self.prefix, *place))
        return Problem(origin.file or self.layer, origin.line, key, message, hint)

    def problem(self, place: Place, message: str, hint: str = "") -> None:
        """Note that the value at ``place`` is wrong."""
        self.problems.append(self.at_fault(place, message, hint))


def dotted(place: Place) -> str:
    """A place as written in TOML: ``box.env.HOME``, ``box.pip[2]``."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        simple = part.isascii() and part.replace("_", "a").replace("-", "a").isalnum()
        text += ("." if text else "") + (part if simple and len(part) <= 60 else clip(part))
    return text


def shown(path: Path) -> str:
    """A path for a person: relative where it is below the current folder."""
    try:
        name = str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        name = str(path)
    return name if name.isprintable() else ascii(name)


def is_file(path: Path) -> bool:
    """As Path.is_file, but False for every path that can't be looked at (too long, forbidden)."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for some of them


def is_folder(path: Path) -> bool:
    """As Path.is_dir, but False for every path that can't be looked at."""
    return os.path.isdir(path)  # noqa: PTH112


def read(path: Path, name: str = "") -> Document:
    """Read a TOML file of at most 1 MiB; messages call it ``name`` where that is given.
    ConfigError where it can't be read or parsed."""
    name = name or shown(path)

    def refuse(message: str, line: int = 0, hint: str = "") -> ConfigError:
        return ConfigError([Problem(name, line, "", message, hint)])

    try:
        raw = _contents(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise refuse(f"cannot be read: {reason[:1].lower()}{reason[1:]}") from error
    except ValueError as error:
        raise refuse(str(error)) from error
    if len(raw) > LARGEST_FILE:
        raise refuse("is larger than 1 MiB, which no configuration file is")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse("is not UTF-8 text", line, "save the file as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise refuse("contains NUL bytes: this is not a text file", line)
    try:
        return Document(path, name, text, tomli.loads(text))
    except tomli.TOMLDecodeError as error:
        raise refuse(f"is not valid TOML: {_reason(error)}", error.lineno) from error
    except RecursionError as error:
        raise refuse("is nested too deeply") from error
    except ValueError as error:
        raise refuse("is not valid TOML: a number or date is out of range") from error


def _contents(path: Path) -> bytes:
    # Without O_NONBLOCK a named pipe in the file's place would wait for a writer forever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise ValueError(f"is {what}, where a TOML file is expected")
        return file.read(LARGEST_FILE + 1)


def _reason(error: tomli.TOMLDecodeError) -> str:
    reason = error.msg if error.msg.isprintable() else ascii(error.msg)
    return reason[:1].lower() + reason[1:200]
