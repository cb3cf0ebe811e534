"""Whether two values are the same, numbers within a tolerance. Pure."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

from devbox.formats.library import is_array, is_number, is_pandas, is_polars, is_tensor

TOLERANCE = 1e-5
"""By how much numbers may differ, as a part of their size (of 1 where they are smaller): what
32-bit floats of one model differ by between processors."""


def difference(expected: Any, found: Any, tolerance: float = TOLERANCE, at: str = "") -> str:
    """Where and how a value first differs from the one expected, "" where it does not.

    Numbers differ where ``|found - expected| > tolerance * max(1, |expected|)``, whole numbers
    where they are not equal; NaN is NaN. Arrays, tensors, tuples and lists with the same content
    are the same.
    """
    left, right = plain(expected), plain(found)
    if isinstance(left, bool) or isinstance(right, bool):
        return "" if left is right else _told(at, left, right)
    if isinstance(left, int) and isinstance(right, int):
        return "" if left == right else _told(at, left, right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return "" if close(left, right, tolerance) else _told(at, left, right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if left.keys() != right.keys():
            return _told(f"{at} (its keys)".strip(), list(left), list(right))
        pairs = ((f"{at}[{key!r}]", left[key], right[key]) for key in left)
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return _told(f"{at} (its length)".strip(), len(left), len(right))
        pairs = ((f"{at}[{number}]", left[number], right[number]) for number in range(len(left)))
    else:
        return "" if type(left) is type(right) and left == right else _told(at, left, right)
    for place, one, other in pairs:
        told = difference(one, other, tolerance, place)
        if told:
            return told
    return ""


def close(expected: float, found: float, tolerance: float) -> bool:
    """Whether two numbers are the same within a tolerance."""
    if expected == found or (math.isnan(expected) and math.isnan(found)):
        return True
    if not (math.isfinite(expected) and math.isfinite(found)):
        return False
    return abs(found - expected) <= tolerance * max(1.0, abs(expected))


def plain(value: Any) -> Any:
    """Arrays, tensors and frames as lists and dicts of lists, for comparing."""
    if is_tensor(value):
        value = value.detach().cpu().numpy()
    if is_array(value) or is_number(value):
        return value.tolist()
    if is_pandas(value):
        return value.to_dict("list") if hasattr(value, "columns") else value.tolist()
    if is_polars(value):
        return value.to_dict(as_series=False) if hasattr(value, "columns") else value.to_list()
    return list(value) if isinstance(value, tuple) else value


def _told(at: str, expected: Any, found: Any) -> str:
    place = f"{at}: " if at else ""
    return f"{place}expected {reprlib.repr(expected)}, got {reprlib.repr(found)}"
