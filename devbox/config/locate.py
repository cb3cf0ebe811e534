"""On which line of a TOML text is each key? The parser does not say, so this looks again.

It expects text that parsed, and is lenient: what it can't follow it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

import tomli

Place = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_STRING = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\])*"|'[^']*'""", re.DOTALL
)


def locate(text: str) -> Mapping[Place, int]:
    """The line (from 1) of every table, key and array item of a TOML text."""
    scan = _Scan(text)
    with suppress(_LostError, RecursionError, ValueError):
        scan.document()
    return scan.lines


class _LostError(Exception):
    """The text is not what the scanner expects."""


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Place, int] = {}
        self._line = 1
        self._counted = 0
        self._arrays: dict[Place, int] = {}

    def document(self) -> None:
        table: Place = ()
        while self._skip(_BLANK) < len(self.text):
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Place:
        many = self.text.startswith("[[", self.at)
        line = self._here()
        self.at += 2 if many else 1
        keys = self._keys()
        self._expect("]]" if many else "]")
        table: Place = ()
        for depth, key in enumerate(keys, 1):
            table += (key,)
            if many and depth == len(keys):
                self._note(table, line)
                self._arrays[table] = self._arrays.get(table, -1) + 1
            if table in self._arrays:
                table += (self._arrays[table],)
            self._note(table, line)
        return table

    def _pair(self, table: Place) -> None:
        line = self._here()
        place = table
        for key in self._keys():
            place += (key,)
            self._note(place, line)
        self._expect("=")
        self._skip(_SPACE)
        self._value(place)

    def _value(self, place: Place) -> None:
        string = _STRING.match(self.text, self.at)
        if string:
            self.at = string.end()
        elif self._peek("["):
            self._array(place)
        elif self._peek("{"):
            self._inline(place)
        else:
            self._skip(_SCALAR, must=True)

    def _array(self, place: Place) -> None:
        self.at += 1
        index = 0
        while self._skip(_BLANK) >= 0 and not self._peek("]"):
            self._note((*place, index), self._here())
            self._value((*place, index))
            self._skip(_BLANK)
            if not self._peek("]"):
                self._expect(",")
            index += 1
        self._expect("]")

    def _inline(self, place: Place) -> None:
        self.at += 1
        while self._skip(_BLANK) >= 0 and not self._peek("}"):
            self._pair(place)
            self._skip(_BLANK)
            if not self._peek("}"):
                self._expect(",")
        self._expect("}")

    def _keys(self) -> tuple[str, ...]:
        keys = []
        while True:
            self._skip(_SPACE)
            start = self.at
            string = _STRING.match(self.text, self.at)
            if string:
                self.at = string.end()
                keys.append(str(tomli.loads(f"key = {string[0]}")["key"]))
            else:
                self._skip(_BARE, must=True)
                keys.append(self.text[start : self.at])
            self._skip(_SPACE)
            if not self._peek("."):
                return tuple(keys)
            self.at += 1

    def _note(self, place: Place, line: int) -> None:
        self.lines.setdefault(place, line)

    def _here(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def _peek(self, mark: str) -> bool:
        return self.text.startswith(mark, self.at)

    def _expect(self, mark: str) -> None:
        if not self._peek(mark):
            raise _LostError
        self.at += len(mark)

    def _skip(self, pattern: re.Pattern[str], *, must: bool = False) -> int:
        match = pattern.match(self.text, self.at)
        if match is None or (must and match.end() == self.at):
            raise _LostError
        self.at = match.end()
        return self.at
