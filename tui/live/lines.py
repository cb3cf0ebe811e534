"""Lines of text of bounded memory, filled by a thread and read by a view."""

from __future__ import annotations

import re
import threading
from typing import NamedTuple

MOST_LINES = 1_000_000
MOST_CHARACTERS = 128 << 20
LONGEST = 10_000
BLOCK = 20_000

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029]")


class Line(NamedTuple):
    """A line: its text (colours as SGR sequences, nothing else a terminal would obey), when it
    was written in seconds since the epoch (0.0: not known), and by which service."""

    text: str
    time: float = 0.0
    source: str = ""


def clean(text: str) -> str:
    """What may be shown of a line that anybody may have written."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    if text.isprintable():
        return text
    text = text.rstrip("\r\n")
    if "\r" in text:  # a progress bar draws over itself
        text = text.rpartition("\r")[2]
    text = text.expandtabs(8)
    if "\x1b" in text:
        text = _ESCAPE.sub(lambda m: m[0] if _SGR.fullmatch(m[0]) else "", text)
    return _CONTROL.sub("·", text)


class Lines:
    """A log. One thread adds, the UI's own reads; the oldest lines go when there are too many."""

    def __init__(self, most: int = MOST_LINES, characters: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._most_characters = characters
        self._lines: list[Line] = []
        self._characters = 0
        self._guard = threading.Lock()
        self.dropped = 0

    def add(self, text: str, *, at: float = 0.0, source: str = "") -> None:
        """Add a line."""
        self.extend([Line(clean(text), at, source)])

    def extend(self, lines: list[Line]) -> None:
        """Add lines that are clean."""
        count = sum(len(line.text) for line in lines)
        with self._guard:
            self._lines.extend(lines)
            self._characters += count
            if len(self._lines) > self._most or self._characters > self._most_characters:
                self._drop()

    def _drop(self) -> None:
        # In blocks: moving a million lines up by one, for each that comes, would take all day.
        block = min(BLOCK, max(self._most // 10, 1))
        while self._lines and (
            len(self._lines) > self._most or self._characters > self._most_characters
        ):
            gone = self._lines[:block]
            del self._lines[:block]
            self._characters -= sum(len(line.text) for line in gone)
            self.dropped += len(gone)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._lines)

    @property
    def version(self) -> int:
        """Grows with every line."""
        return len(self._lines) + self.dropped

    def between(self, first: int, last: int) -> list[Line]:
        """Some lines, counted from the oldest that is kept."""
        with self._guard:
            return self._lines[max(first, 0) : max(last, 0)]
