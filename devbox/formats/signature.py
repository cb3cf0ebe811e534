"""What goes into a model and what comes out: names, types and shapes, told from an example and
checked at each call."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from devbox.errors import UsageError
from devbox.formats.library import (
    PANDAS_FRAME,
    POLARS_FRAME,
    is_a,
    is_array,
    is_number,
    is_pandas,
    is_polars,
    is_tensor,
)

Field = dict[str, Any]
"""name ("" for the value as such), type, shape (-1: any number); ``optional``: may be left out."""

LIST, ROWS, ROW, VALUE = "list", "rows", "row", "value"
ARRAY, TENSOR, FRAME, COLUMN = "array", "tensor", "frame", "column"
MOST_CHECKED = 1000
"""Rows of lists that are looked at in one call; what is typed by itself is checked whole."""
_KNOWN = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex", "U": "text"}
_FITS = {
    "float": frozenset({"float", "int", "bool"}),
    "int": frozenset({"int", "bool"}),
    "complex": frozenset({"complex", "float", "int"}),
}
_SAID = {
    LIST: "a list",
    ROWS: "a list of rows (dicts)",
    ROW: "a row (a dict)",
    VALUE: "a single value",
    ARRAY: "an array of numpy",
    TENSOR: "a tensor",
}


def inferred(inputs: Any, outputs: Any) -> dict[str, Any]:
    """The signature of an example: kind and fields of what goes in and comes out."""
    return {
        "input": _kind(inputs),
        "output": _kind(outputs),
        "inputs": _fields(inputs),
        "outputs": _fields(outputs),
    }


def check(signature: Mapping[str, Any], value: Any, *, output: bool = False) -> None:
    """Raise UsageError where a value does not fit a signature, with every way in which.

    Whole numbers fit where any are expected, and anything fits where the example could not tell.
    """
    side = "output" if output else "input"
    said = signature.get(f"{side}s")
    fields = said if isinstance(said, list) else []
    expected = [each for each in fields if isinstance(each, Mapping)]
    kind = str(signature.get(side) or "")
    if not kind:
        return
    found = _kind(value)
    # An empty list holds no rows that could tell what it is a list of.
    if found != kind and not (found == LIST and kind == ROWS and not len(value)):
        raise UsageError(
            f"The {side} of the model is {_named(kind)}, not {_named(found)}: {reprlib.repr(value)}"
        )
    if found == kind:
        problems = list(_problems(expected, _fields(value)))
        if problems:
            raise UsageError(
                f"The {side} does not fit the model: {'; '.join(problems[:10])}.",
                hint="" if output else "`devbox model show` prints what it takes.",
            )


def _problems(expected: Sequence[Mapping[str, Any]], found: Sequence[Field]) -> Sequence[str]:
    problems = []
    wanted = {str(each.get("name", "")): each for each in expected}
    given = {each["name"]: each for each in found}
    for name, field in wanted.items():
        called = name or "it"
        if name not in given:
            if not field.get("optional"):
                problems.append(f"{called} is missing")
            continue
        has = given[name]
        if has.get("optional") and not field.get("optional"):
            problems.append(f"{called} is missing in some rows")
        if not _fits(str(field.get("type", "")), has["type"]):
            problems.append(f"{called} is {has['type']}, not {field.get('type')}")
        elif not _shaped(field.get("shape") or (), has["shape"]):
            problems.append(f"{called} has the shape {has['shape']}, not {field.get('shape')}")
    problems += [f"{name or 'it'} is not known" for name in given if name not in wanted]
    return problems


def _fits(expected: str, found: str) -> bool:
    if expected == found or {expected, found} & {"any", "null"}:
        return True
    return found in _FITS.get(expected, ())


def _shaped(expected: Sequence[int], found: Sequence[int]) -> bool:
    pairs = zip(expected, found)  # noqa: B905 - strict is of Python 3.10
    return len(expected) == len(found) and all(
        one in {-1, other} or other == -1 for one, other in pairs
    )


def _named(kind: str) -> str:
    what, _, library = kind.partition(" of ")
    return _SAID.get(kind, f"a {what} of {library}" if library else f"a {kind}")


def _kind(value: Any) -> str:
    if is_array(value):
        return ARRAY
    if is_tensor(value):
        return TENSOR
    for library, frames, mine in (
        ("pandas", PANDAS_FRAME, is_pandas(value)),
        ("polars", POLARS_FRAME, is_polars(value)),
    ):
        if mine:
            return f"{FRAME if is_a(value, *frames) else COLUMN} of {library}"
    if isinstance(value, Mapping):
        return ROW
    if isinstance(value, (list, tuple)):
        return ROWS if value and all(isinstance(each, Mapping) for each in value) else LIST
    return VALUE


def _fields(value: Any) -> list[Field]:
    if isinstance(value, Mapping):
        return [_field(str(name), each) for name, each in value.items()]
    if _kind(value) == ROWS:
        return _of_rows(value[:MOST_CHECKED])
    if hasattr(value, "columns") and (is_pandas(value) or is_polars(value)):
        return [_field(str(name), value[name]) for name in value.columns]
    return [_field("", value)]


def _of_rows(rows: Sequence[Mapping[Any, Any]]) -> list[Field]:
    found: dict[str, Field] = {}
    times: dict[str, int] = {}
    for row in rows:
        for key, each in row.items():
            field = _field(str(key), each)
            known = found.setdefault(field["name"], field)
            known["type"] = _both(known["type"], field["type"])
            if known["shape"] != field["shape"]:
                known["shape"] = _loose(known["shape"], field["shape"])
            times[field["name"]] = times.get(field["name"], 0) + 1
    for name, count in times.items():
        if count < len(rows):
            found[name]["optional"] = True
    return list(found.values())


def _field(name: str, value: Any) -> Field:
    kind, shape = _typed(value)
    return {"name": name, "type": kind, "shape": shape}


def _typed(value: Any) -> tuple[str, list[int]]:
    """The type of what a value is made of, and its shape; the first side is the number of
    rows, which is free."""
    if is_array(value) or is_number(value) or is_tensor(value):
        if is_tensor(value):
            name = str(value.dtype).partition(".")[2]
            kind = "float" if "float" in name else "int" if "int" in name else name
        else:
            kind = _KNOWN.get(value.dtype.kind, "any")
        return kind, [-1 if not number else int(side) for number, side in enumerate(value.shape)]
    if is_pandas(value) or is_polars(value):
        return _of_dtype(str(value.dtype)), [-1]
    if isinstance(value, (list, tuple)):
        return _of_list(value)
    return _of_one(value), []


def _of_dtype(name: str) -> str:
    lowered = name.lower()
    for start, kind in (
        ("float", "float"),
        ("decimal", "float"),
        ("int", "int"),
        ("uint", "int"),
        ("bool", "bool"),
        ("str", "text"),
        ("utf8", "text"),
        ("date", "time"),
    ):
        if lowered.startswith(start):
            return kind
    return "any"


def _of_list(value: Sequence[Any]) -> tuple[str, list[int]]:
    kind, shape = "null", None
    for each in value[:MOST_CHECKED]:
        inner, sides = _typed(each)
        # Within a row, how many there are is not free.
        sides = [len(each), *sides[1:]] if sides and hasattr(each, "__len__") else sides
        kind = _both(kind, inner)
        shape = sides if shape is None else _loose(shape, sides)
    return ("any" if kind == "null" else kind), [-1, *(shape or ())]


def _loose(one: Sequence[int], other: Sequence[int]) -> list[int]:
    if len(one) != len(other):
        return [-1]
    return [a if a == b else -1 for a, b in zip(one, other)]  # noqa: B905


def _of_one(value: Any) -> str:
    if value is None:
        return "null"
    for kind, types in (("bool", bool), ("int", int), ("float", float), ("text", str)):
        if isinstance(value, types):
            return kind
    return "time" if hasattr(value, "isoformat") else "any"


def _both(one: str, other: str) -> str:
    """The narrowest type that both fit."""
    if other in {one, "null"}:
        return one
    if one == "null":
        return other
    numbers = ("bool", "int", "float", "complex")
    if one in numbers and other in numbers:
        return max(one, other, key=numbers.index)
    return "any"
