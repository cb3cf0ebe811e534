"""What may be logged. Everything else is refused where it is logged, with what is wrong."""

from __future__ import annotations

import json
import operator
import reprlib
from typing import Any

from devbox.errors import UsageError

LONGEST_KEY = 250
LONGEST_TEXT = 1 << 16
"""The most characters of one param or tag."""
LAST_STEP = (1 << 63) - 1


def checked_key(key: object) -> str:
    """The name of a metric, param or tag: printable, at most 250 characters."""
    if not isinstance(key, str):
        raise UsageError(f"A key is text, not {type(key).__name__}: {reprlib.repr(key)}")
    if not key or len(key) > LONGEST_KEY:
        raise UsageError(
            f"A key has 1 to {LONGEST_KEY} characters, this one has {len(key)}: {reprlib.repr(key)}"
        )
    if not key.isprintable() or key != key.strip():
        raise UsageError(f"A key is printable, with no space around it: {key!r}")
    return key


def checked_value(key: str, value: Any) -> float:
    """A metric's value as a float; whatever has ``__float__`` is one, text is none."""
    if not isinstance(value, (str, bytes, bytearray)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise UsageError(
        f"Metric {key} is a number, not {type(value).__name__}: {reprlib.repr(value)}",
        hint="Text belongs into a param or a tag.",
    )


def checked_step(key: str, step: Any) -> int:
    """A step as a whole number of 64 bits."""
    try:
        number = operator.index(step)
    except TypeError:
        raise UsageError(f"The step of {key} is a whole number, not {step!r}") from None
    if not -LAST_STEP <= number <= LAST_STEP:
        raise UsageError(f"The step of {key} is out of range: {number}")
    return number


def checked_text(key: str, value: Any) -> str:
    """A param or tag as text: containers as JSON, so that what they hold can be read back."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, (dict, list, tuple)):
        text = json.dumps(value, default=str, sort_keys=True, ensure_ascii=False)
    else:
        text = str(value)
    if len(text) > LONGEST_TEXT:
        raise UsageError(
            f"{key} has {len(text)} characters; a param or tag has at most {LONGEST_TEXT}.",
            hint="Log it as an artifact.",
        )
    # Half of a surrogate pair cannot be written down.
    return text.encode("utf-8", "replace").decode()
