"""Tables with known keys: what a key is, and how a table of them is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devbox.config.kinds import MISSING, At, Kind, Wrong, attempt, expected
from devbox.config.names import clip


@dataclass(frozen=True)
class Key:
    """One key of a table. ``default`` is what holds when nobody sets it, as the user would
    write it. ``merge`` says what happens when several layers set it: the strongest
    "replace"s, lists "extend", tables merge "keyed"; ``same`` tells which items of a list are
    about the same thing, so that a stronger layer's replaces a weaker one's."""

    kind: Kind
    doc: str
    default: Any = None
    merge: str = "replace"
    same: Callable[[Any], Any] = lambda item: item


def unknown_key(name: str, known: Iterable[str], what: str = "key") -> Wrong:
    """The error for a name that is not in the list, with the nearest that is."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.6)
    hint = f"did you mean '{close[0]}'?" if close else ""
    if not hint and names:
        hint = f"known: {', '.join(names)}"
    return Wrong(f"unknown {what} {clip(name)}", hint)


def read_table(keys: Mapping[str, Key], value: object, at: At) -> dict[str, Any]:
    """The checked values of a table with known keys; problems are noted on ``at``."""
    if not isinstance(value, dict):
        raise expected("a table", value)
    parsed = {}
    for name, each in value.items():
        if name not in keys:
            wrong = unknown_key(name, keys)
            (at / name).problem(wrong.message, wrong.hint)
            continue
        result = attempt(keys[name].kind, each, at / name)
        if result is not MISSING:
            parsed[name] = result
    return parsed


def table(keys: Mapping[str, Key], build: Callable[[dict[str, Any], At], Any]) -> Kind:
    """A table with known keys; ``build`` turns the checked values into a record. It is called
    only when every key was fine."""

    def parse(value: object, at: At) -> Any:
        before = len(at.source.problems)
        parsed = read_table(keys, value, at)
        if len(at.source.problems) > before:
            return MISSING
        return build(parsed, at)

    return Kind(parse, table_schema(keys))


def table_schema(keys: Mapping[str, Key]) -> dict[str, Any]:
    """The JSON Schema of a table with known keys."""
    properties = {}
    for name, key in keys.items():
        properties[name] = {"description": key.doc, **key.kind.schema}
        if key.default is not None:
            properties[name]["default"] = key.default
    return {"type": "object", "properties": properties, "additionalProperties": False}
