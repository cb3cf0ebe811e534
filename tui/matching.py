"""What a filter shows: words that must occur, ``!word`` that must not, ``~word`` fuzzily. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

Matches = Callable[[str], bool]


def matcher(query: str) -> Matches:
    """Whether a text fits a query; case does not matter. All words of the query must fit."""
    parts = [_part(word) for word in query.lower().split() if word.strip("!~")]

    def fits(text: str) -> bool:
        text = text.lower()
        return all(part(text) for part in parts)

    return fits


def fuzzy(letters: str, text: str) -> bool:
    """Whether all letters occur in a text, in their order."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


def _part(word: str) -> Matches:
    if word.startswith("!"):
        inner = _part(word[1:])
        return lambda text: not inner(text)
    if word.startswith("~"):
        # Within one word or folder: across a whole path everything fits.
        return lambda text: any(fuzzy(word[1:], each) for each in re.split(r"[\s/]+", text))
    return lambda text: word in text
