"""Kinds of values: each checks one shape of TOML value, and knows its JSON Schema.

A kind raises :class:`Wrong` for a value it can't take; kinds of lists and tables note what is
wrong with each item and go on, so that one pass finds everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from devbox.config.locate import Place
from devbox.config.names import clip
from devbox.config.source import Source

LONGEST_TEXT = 4096


class Wrong(Exception):
    """A value that is not acceptable where it stands."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class At:
    """The place of a value in its source."""

    source: Source
    place: Place = ()

    def __truediv__(self, part: str | int) -> At:
        return replace(self, place=(*self.place, part))

    def problem(self, message: str, hint: str = "") -> None:
        self.source.problem(self.place, message, hint)


Parse = Callable[[Any, At], Any]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """``parse(value, at)`` gives the checked value; ``schema`` is for editors."""

    parse: Parse
    schema: Schema


MISSING = object()


def attempt(kind: Kind, value: object, at: At) -> Any:
    """The checked value, or MISSING after noting the problem."""
    try:
        return kind.parse(value, at)
    except Wrong as wrong:
        at.problem(wrong.message, wrong.hint)
        return MISSING


_TYPES = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}


def type_name(value: object) -> str:
    """What a TOML value is, in words."""
    return _TYPES.get(type(value), "a date or time")


def expected(what: str, value: object, hint: str = "") -> Wrong:
    """The error for a value of the wrong type."""
    return Wrong(f"is {type_name(value)}, {what} is expected", hint)


def plain_text(value: object, hint: str = "") -> str:
    """Text on one line, without control characters: it may end up in a generated file."""
    if not isinstance(value, str):
        raise expected("text", value, hint or f"write it in quotes: {clip(str(value))}")
    if not value:
        raise Wrong("is empty")
    if len(value) > LONGEST_TEXT:
        raise Wrong(f"is {len(value)} characters long, {LONGEST_TEXT} at most")
    if "\n" in value or "\r" in value:
        raise Wrong("is more than one line")
    if any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u2028\u2029" for char in value):
        raise Wrong(f"has control characters: {clip(value)}")
    return value


def text(check: Callable[[str], Any] | None = None, **schema: Any) -> Kind:
    """One line of text; ``check`` may raise Wrong, and gives the value."""

    def parse(value: object, _: At) -> Any:
        line = plain_text(value)
        return check(line) if check else line

    return Kind(parse, {"type": "string", **schema})


def pattern(regex: str, what: str, longest: int = 200) -> Kind:
    """Text that fully matches ``regex``; ``what`` says in words what it is."""

    def check(line: str) -> str:
        if len(line) > longest or re.fullmatch(regex, line) is None:
            raise Wrong(f"{clip(line)} is not {what}")
        return line

    return text(check, pattern=f"^(?:{regex})$")


def number(low: float, high: float, *, whole: bool = False) -> Kind:
    """A finite number between ``low`` and ``high``."""

    def parse(value: object, _: At) -> Any:
        what = "a whole number" if whole else "a number"
        wanted = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise expected(what, value)
        if not math.isfinite(value) or not low <= value <= high:
            raise Wrong(f"{clip(value)} is out of range: {low:g} to {high:g}")
        return value

    kind = "integer" if whole else "number"
    return Kind(parse, {"type": kind, "minimum": low, "maximum": high})


def flag() -> Kind:
    """true or false."""

    def parse(value: object, _: At) -> bool:
        if not isinstance(value, bool):
            raise expected("true or false", value)
        return value

    return Kind(parse, {"type": "boolean"})


def items(item: Kind, *, single: bool = False) -> Kind:
    """A list; with ``single`` one item may stand without brackets."""

    def parse(value: object, at: At) -> tuple[Any, ...]:
        if single and isinstance(value, str):
            return (item.parse(value, at),)
        if not isinstance(value, list):
            raise expected("a list", value)
        parsed = (attempt(item, each, at / index) for index, each in enumerate(value))
        return tuple(each for each in parsed if each is not MISSING)

    schema: Schema = {"type": "array", "items": item.schema}
    return Kind(parse, {"anyOf": [item.schema, schema]} if single else schema)


def mapping(key: Kind, item: Kind) -> Kind:
    """A table whose keys the user chooses."""

    def parse(value: object, at: At) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise expected("a table", value)
        parsed = {}
        for name, each in value.items():
            if attempt(key, name, at / name) is MISSING:
                continue
            result = attempt(item, each, at / name)
            if result is not MISSING:
                parsed[name] = result
        return parsed

    pairs: dict[str, Any] = {"additionalProperties": item.schema}
    if "pattern" in key.schema:
        pairs = {"patternProperties": {key.schema["pattern"]: item.schema}}
        pairs["additionalProperties"] = False
    return Kind(parse, {"type": "object", **pairs})


def by_type(choices: Mapping[type, Kind], what: str) -> Kind:
    """Different kinds for different TOML types, e.g. text or a table."""

    def parse(value: object, at: At) -> Any:
        kind = choices.get(type(value))
        if kind is None:
            raise expected(what, value)
        return kind.parse(value, at)

    return Kind(parse, {"anyOf": [kind.schema for kind in choices.values()]})
