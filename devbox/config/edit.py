"""Changing a devbox.toml as a person would: comments, order and layout stay."""

from __future__ import annotations

import copy
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomli

from devbox.errors import DevboxError

SAME = Callable[[str], str]


def add_packages(
    text: str, place: Sequence[str], key: str, packages: Sequence[str], same: SAME
) -> str:
    """A TOML document with packages in the list ``key`` of the table at ``place``.

    A package that ``same`` takes for one of the list replaces it; where it only repeats the name
    of one with a version, the list stays. Raises DevboxError where that cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    listed, wanted = _expected(tomli.loads(text), place, key, packages, same)
    try:
        document = tomlkit.parse(text)
        table: Any = document
        for part in place:
            table = table[part]
        if key not in table:
            table[key] = tomlkit.array()
        array = table[key]
        for number, item in enumerate(listed):
            if number == len(array):
                array.append(item)
            elif array[number] != item:
                array[number] = item
        made = tomlkit.dumps(document)
        fine = tomli.loads(made) == wanted
    except (TOMLKitError, tomli.TOMLDecodeError, KeyError, TypeError, IndexError):
        fine = False
    if not fine:
        shown = ", ".join(f'"{package}"' for package in packages)
        raise DevboxError(
            f"The layout of [{'.'.join(place)}] is too unusual to be changed.",
            hint=f"Add {shown} to `{key}` yourself.",
        )
    return made


def _expected(
    data: dict[str, Any], place: Sequence[str], key: str, packages: Sequence[str], same: SAME
) -> tuple[list[str], dict[str, Any]]:
    """The list as it should be, and the whole document with it."""
    wanted = copy.deepcopy(data)
    table = wanted
    for part in place:
        table = table[part]
    listed: list[str] = list(table.get(key, []))
    for package in packages:
        known = [number for number, item in enumerate(listed) if same(item) == same(package)]
        if not known:
            listed.append(package)
        elif same(package) != _bare(package):
            listed[known[0]] = package
    table[key] = listed
    return listed, wanted


def _bare(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def check_writable(file: Path) -> None:
    """Raise DevboxError where a file may not be changed, before anything is done for it."""
    real = file.resolve()
    try:
        protected = not real.stat().st_mode & 0o222
    except OSError as error:
        raise DevboxError(f"{file} cannot be read: {error.strerror}.") from error
    if protected or not os.access(real, os.W_OK) or not os.access(real.parent, os.W_OK):
        raise DevboxError(
            f"{real} is read-only.", hint="Make it and its folder writable, and try again."
        )


def replace_text(file: Path, text: str) -> None:
    """Give a file another content, whole or not at all; of a symlink, the file it leads to. Owner
    and mode stay. Raises DevboxError where that fails."""
    real = file.resolve()
    draft = ""
    try:
        known = real.stat()
        descriptor, draft = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        with os.fdopen(descriptor, "wb") as new:
            new.write(text.encode())
            new.flush()
            with suppress(PermissionError):
                os.fchown(descriptor, known.st_uid, known.st_gid)
            os.fchmod(descriptor, known.st_mode & 0o7777)
            os.fsync(descriptor)
        Path(draft).replace(real)
    except OSError as error:
        if draft:
            Path(draft).unlink(missing_ok=True)
        raise DevboxError(f"{real} cannot be written: {error.strerror}.") from error
