"""Reading a lock: every field is held against the narrow form that it really has.

Whatever a lock says reaches file names, addresses and package tools; anything unexpected is one
clear error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from devbox.boxes.lock.records import Base, Deb, Lock, LockedBox, LockedImage, Wheel
from devbox.config.names import clip, is_name
from devbox.errors import ConfigError, Problem

FILE = "devbox.lock"
VERSION = 1
UPDATE = "Update devbox."
_DEB_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}")
_DEB_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]{0,127}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_POOL_FILE = re.compile(r"(?:[0-9A-Za-z][0-9A-Za-z.+~:%_-]*/)*[0-9A-Za-z][0-9A-Za-z.+~:%_-]*\.deb")
_PYTHON_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_PYTHON_VERSION = re.compile(r"[0-9][0-9A-Za-z.!+_-]{0,127}")
_PYTHON_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\.(?:whl|tar\.gz|zip)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[1-9][0-9]{0,11}")
_PLATFORM = re.compile(r"linux/[a-z0-9]{2,16}(?:/v[0-9])?")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}")
_IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_RELEASE = re.compile(r"[a-z]{3,20}")
_STEP = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_INTERPRETER = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,3}){1,2}")
_ARCHIVE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~%+-]+)*/?")
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |$)", re.MULTILINE)
_INPUT = re.compile(r"[a-z]{1,20}")

T = TypeVar("T")


class NewerLock(ConfigError):
    """A lock that only a newer devbox can read."""


def parse(content: str, file: str = FILE) -> Lock:
    """A lock from TOML. Raises ConfigError."""
    conflict = _CONFLICT.search(content)
    if conflict:
        line = content.count("\n", 0, conflict.start()) + 1
        raise broken(file, line, "holds the marks of a merge conflict")
    try:
        data = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise broken(file, 0, f"is not valid TOML: {clip(str(error), 100)}") from error
    version = data.get("version")
    if type(version) is int and version > VERSION:
        raise NewerLock(
            [Problem(file, 0, "", "the lock was written by a newer devbox")], hint=UPDATE
        )
    reader = _Reader(file)
    if version != VERSION:
        reader.wrong("version", version)
    reader.only(data, {"version", "box"}, "")
    boxes = tuple(reader.box(entry) for entry in reader.tables(data, "box"))
    if len({(box.name, box.platform) for box in boxes}) != len(boxes):
        raise broken(file, 0, "has a box twice")
    return Lock(boxes)


def deb(line: str) -> Deb | None:
    """A Debian package from its line, None where it is no such line."""
    words = line.split(" ")
    if not _formed(words, (_DEB_NAME, _DEB_VERSION, _ARCHITECTURE), _POOL_FILE):
        return None
    name, version, architecture, *rest = words
    return Deb(name, version, architecture, *_file(rest))


def wheel(line: str) -> Wheel | None:
    """A Python package from its line, None where it is no such line."""
    words = line.split(" ")
    if not _formed(words, (_PYTHON_NAME, _PYTHON_VERSION), _PYTHON_FILE):
        return None
    name, version, *rest = words
    return Wheel(name, version, *_file(rest))


def is_archive(address: str) -> bool:
    """Whether an address can be that of an archive of Debian packages."""
    return _ARCHIVE.fullmatch(address) is not None


def _formed(
    words: Sequence[str], known: tuple[re.Pattern[str], ...], file: re.Pattern[str]
) -> bool:
    """Whether words have the forms of what is ``known``, or of that and a hash, a size, a file."""
    whole = (*known, _DIGEST, _SIZE, file)
    if len(words) not in {len(known), len(whole)}:
        return False
    return all(form.fullmatch(word) for form, word in zip(whole, words, strict=False))


def _file(words: Sequence[str]) -> tuple[str, int, str]:
    return (words[0], int(words[1]), words[2]) if words else ("", 0, "")


class _Reader:
    """Takes the tables of a lock apart; everything unexpected is an error."""

    def __init__(self, file: str) -> None:
        self._file = file

    def box(self, table: Mapping[str, Any]) -> LockedBox:
        known = {"name", "platform", "python", "uv", "archives", "inputs", "base", "image"}
        self.only(table, known, "box")
        name = self._string(table, "name")
        if not is_name(name):
            self.wrong("box.name", name)
        uv = self._string(table, "uv")
        return LockedBox(
            name=name,
            platform=self._formed(table, "platform", _PLATFORM),
            inputs=self._inputs(self._table(table, "inputs")),
            base=self._base(self._table(table, "base")),
            images=tuple(self._image(entry) for entry in self.tables(table, "image")),
            python=self._formed(table, "python", _INTERPRETER, optional=True),
            uv=self._parsed("uv", uv, wheel) if uv else None,
            archives=tuple(
                self._form("archives", a, _ARCHIVE) for a in self._list(table, "archives")
            ),
        )

    def _inputs(self, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        for key in table:
            self._form("inputs", key, _INPUT)
        return {key: tuple(self._list(table, key)) for key in table}

    def _base(self, table: Mapping[str, Any]) -> Base:
        self.only(table, {"reference", "digest", "release", "apt", "python"}, "base")
        base = Base(
            reference=self._formed(table, "reference", _REFERENCE, optional=True),
            digest=self._formed(table, "digest", _IMAGE_DIGEST, optional=True),
            release=self._formed(table, "release", _RELEASE, optional=True),
            apt=self._packages(table, "apt", deb),
            python=self._packages(table, "python", wheel),
        )
        if base.reference and bool(base.digest) == bool(base.release):
            self.wrong("base.digest", base.digest or None)
        if base.release and not all(package.file for package in base.apt):
            self.wrong("base.apt", "a package without its hash")
        return base

    def _image(self, table: Mapping[str, Any]) -> LockedImage:
        self.only(table, {"name", "apt", "python", "removed"}, "image")
        return LockedImage(
            name=self._formed(table, "name", _STEP),
            apt=self._packages(table, "apt", deb),
            python=self._packages(table, "python", wheel),
            removed=tuple(
                self._form("removed", name, _DEB_NAME) for name in self._list(table, "removed")
            ),
        )

    def _packages(
        self, table: Mapping[str, Any], key: str, read: Callable[[str], T | None]
    ) -> tuple[T, ...]:
        return tuple(self._parsed(key, line, read) for line in self._list(table, key))

    def _parsed(self, key: str, line: str, read: Callable[[str], T | None]) -> T:
        found = read(line)
        if found is None:
            self.wrong(key, line)
        return found

    def only(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in table:
            if key not in known:
                self.wrong(f"{where}.{clip(key)}".lstrip("."), "a key that no lock has")

    def tables(self, table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self.wrong(key, found)
        return found

    def _table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found = table.get(key)
        if not isinstance(found, dict):
            self.wrong(key, found)
        return found

    def _list(self, table: Mapping[str, Any], key: str) -> list[str]:
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            self.wrong(key, found)
        return found

    def _string(self, table: Mapping[str, Any], key: str) -> str:
        found = table.get(key, "")
        if not isinstance(found, str):
            self.wrong(key, found)
        return found

    def _formed(
        self, table: Mapping[str, Any], key: str, form: re.Pattern[str], *, optional: bool = False
    ) -> str:
        value = self._string(table, key)
        return value if optional and not value else self._form(key, value, form)

    def _form(self, key: str, value: str, form: re.Pattern[str]) -> str:
        if not form.fullmatch(value):
            self.wrong(key, value)
        return value

    def wrong(self, key: str, value: object) -> NoReturn:
        """Raise ConfigError for a value that cannot stand where it does."""
        raise broken(self._file, 0, f"{key} cannot be {clip(value)}")


def broken(file: str, line: int, what: str) -> ConfigError:
    """The error of a lock that cannot be used; ``what`` goes on from "the lock"."""
    problem = Problem(file, line, "", f"the lock {what}")
    return ConfigError([problem], hint="`devbox lock` writes a new one.")
