"""Changing a devbox.toml as a person would: comments, order and layout stay."""

from __future__ import annotations

import copy
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

from devbox.errors import DevboxError

if TYPE_CHECKING:
    from tomlkit.items import Item, Key, Table

    Body = Sequence[tuple[Key | None, Item]]

SAME = Callable[[str], str]


def add_packages(
    text: str, place: Sequence[str], key: str, packages: Sequence[str], same: SAME
) -> str:
    """A TOML document with packages in the list ``key`` of the table at ``place``.

    A package that ``same`` takes for one of the list replaces it; where it only repeats the name
    of one with a version, the list stays. A new list follows the table's last value: what is
    commented out below it may be tables. Raises DevboxError where that cannot be written.
    """
    from tomlkit.exceptions import TOMLKitError

    listed, wanted = _expected(tomli.loads(text), place, key, packages, same)
    for written in (_inserted, _changed):
        try:
            made = written(text, place, key, listed)
            if made is not None and tomli.loads(made) == wanted:
                return made
        except (TOMLKitError, tomli.TOMLDecodeError, KeyError, TypeError, IndexError):
            continue
    shown = ", ".join(f'"{package}"' for package in packages)
    raise DevboxError(
        f"The layout of [{'.'.join(place)}] is too unusual to be changed.",
        hint=f"Add {shown} to `{key}` yourself.",
    )


def _inserted(text: str, place: Sequence[str], key: str, listed: Sequence[str]) -> str | None:
    """The document with a new list after the last value of its table, or after the table's
    header. None where the list is there already, or the table has no header."""
    import tomlkit
    from tomlkit.items import SingleKey

    document = tomlkit.parse(text)
    table = next(_headed(document.body, place), None)
    if table is None or key in table:
        return None
    body = table.value.body
    values = [n for n, (name, item) in enumerate(body) if name and not _has_header(name, item)]
    after: Item = _last(body[values[-1]][1]) if values else table
    array = tomlkit.array()
    for item in listed:
        array.append(item)
    array.trivia.indent = after.trivia.indent if values else ""
    # A file whose last line has no end keeps it so.
    array.trivia.trail = after.trivia.trail
    after.trivia.trail = "\r\n" if "\r\n" in text else "\n"
    body.insert(values[-1] + 1 if values else 0, (SingleKey(key), array))
    return tomlkit.dumps(document)


def _changed(text: str, place: Sequence[str], key: str, listed: Sequence[str]) -> str:
    """The document with each item of a list that differs replaced, and new ones at its end."""
    import tomlkit

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
    return tomlkit.dumps(document)


def _headed(body: Body, place: Sequence[str]) -> Iterator[Table]:
    """The table at ``place`` where it has a header of its own; tables may be written apart."""
    from tomlkit.items import Table

    for name, item in body:
        if name and name.key == place[0] and isinstance(item, Table) and not name.is_dotted():
            if len(place) > 1:
                yield from _headed(item.value.body, place[1:])
            elif not item.is_super_table():
                yield item


def _has_header(name: Key, item: Item) -> bool:
    from tomlkit.items import AoT, Table

    return isinstance(item, AoT) or (isinstance(item, Table) and not name.is_dotted())


def _last(item: Item) -> Item:
    """The value that a key stands for, whose key may be dotted."""
    from tomlkit.items import Table

    while isinstance(item, Table):
        item = next(value for name, value in reversed(item.value.body) if name)
    return item


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
