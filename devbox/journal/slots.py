"""The eight kinds of artifact of a model version, and what may stand in them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from devbox.errors import UsageError

DEFINITION, PARAMETERS, FUNCTIONS = "definition", "parameters", "functions"
DEPENDENCIES, DATA, GENERATION = "dependencies", "data", "generation"
EXPERIMENT, TAGS = "experiment", "tags"
SLOTS = (DEFINITION, PARAMETERS, FUNCTIONS, DEPENDENCIES, DATA, GENERATION, EXPERIMENT, TAGS)

DEEPEST = 32
"""The most levels of nesting of what a slot holds."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_model_name(name: object) -> bool:
    """Whether a model can be called so."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


def checked_model_name(name: object) -> str:
    """A model's name: letters, digits, ``.``, ``_`` and ``-``, at most 100, no punctuation
    first."""
    if not is_model_name(name):
        raise UsageError(
            f"{str(name)[:60]!r} is no name for a model.",
            hint="A name has up to 100 letters, digits, '.', '_' and '-'.",
        )
    return str(name)


def checked_slot(slot: object) -> str:
    """The name of a slot. Raises UsageError where there is no such one."""
    if slot not in SLOTS:
        hint = f"There are {', '.join(SLOTS)}."
        raise UsageError(f"There is no slot {str(slot)[:60]!r}.", hint=hint)
    return str(slot)


def checked_slots(slots: object) -> dict[str, dict[str, Any]]:
    """Slots with what they hold, as plain JSON values: tuples become lists, numbers of other
    libraries and paths what Python calls them.

    Raises UsageError for a slot that there is not, or one that holds no table.
    """
    if not isinstance(slots, Mapping):
        raise UsageError(f"Slots are a table, not {type(slots).__name__}.")
    found: dict[str, dict[str, Any]] = {}
    for slot, content in slots.items():
        name = checked_slot(slot)
        if not isinstance(content, Mapping):
            raise UsageError(f"Slot {name} holds a table, not {type(content).__name__}.")
        found[name] = plain(content)
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON types; what is none of them as text."""
    if depth > DEEPEST:
        raise UsageError(f"A slot nests at most {DEEPEST} tables and lists in each other.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # Half of a surrogate pair cannot be written down.
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return plain(item(), depth + 1)
    return plain(str(value))


def is_number(value: object) -> bool:
    """Whether a value is a number, NaN and the infinities among them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    """Whether a value is a number that can be compared."""
    return isinstance(value, (int, float)) and is_number(value) and math.isfinite(value)
