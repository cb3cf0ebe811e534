"""Masking the values of known secrets in what devbox itself shows or writes.

Whoever learns a secret remembers it here, for the life of the process; errors, progress, events
and log files of bugs are masked where they are made. Values shorter than four characters stay:
they would blacken half of every text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "***"
SHORTEST = 4

_known: frozenset[str] = frozenset()
_pattern: re.Pattern[str] | None = None


def remember(values: Iterable[str]) -> None:
    """From now on mask these values, and what they look like quoted or line by line."""
    global _known, _pattern  # noqa: PLW0603 - one process, one memory of what is secret
    forms = {form for value in values for form in _forms(value)}
    if forms <= _known:
        return
    _known |= forms
    # The longest first: one may be part of another.
    _pattern = re.compile("|".join(map(re.escape, sorted(_known, key=len, reverse=True))))


def masked(text: str) -> str:
    """The text with every known value replaced."""
    return _pattern.sub(MASK, text) if _pattern else text


def masked_data(data: Any) -> Any:
    """The same for all text in nested lists and mappings, keys included."""
    if _pattern is None:
        return data
    if isinstance(data, str):
        return masked(data)
    if isinstance(data, Mapping):
        return {masked_data(key): masked_data(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [masked_data(item) for item in data]
    return data


def _forms(value: str) -> set[str]:
    """A value as programs may print it: whole, each of its lines, escaped or in an address."""
    import json
    from urllib.parse import quote

    parts = {value.strip(), *(line.strip() for line in value.splitlines())}
    written = {
        form for part in parts for form in (part, quote(part, safe=""), json.dumps(part)[1:-1])
    }
    return {form for form in {value, *written} if len(form) >= SHORTEST}
