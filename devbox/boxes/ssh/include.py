"""A person's ssh configuration with our Include line in it, or without. Pure, on bytes: whatever
encoding and line ends the file has, every other byte of it stays."""

from __future__ import annotations

import re
from pathlib import Path

_SCOPE = re.compile(rb"(?im)^[ \t]*(?:host|match)[ \t=]")


def include_line(ours: Path) -> bytes:
    """The line that makes ssh read our file, without a line end.

    What would mean something in the line is matched by the pattern of any one character: the
    paths of Include are patterns, and versions of ssh differ in what else they replace there.
    """
    path = re.sub(r"[^\w/.,:@+= ~-]", "?", str(ours))
    return f'Include "{path}"'.encode(errors="surrogateescape")


def with_include(text: bytes, line: bytes) -> bytes:
    """The file with the line as its first; as it is where the line stands at its top already.

    "At its top" is above every Host and Match, whose blocks it would be a part of.
    """
    found = _found(line).search(text)
    if found and not _SCOPE.search(text, 0, found.start()):
        return text
    first_end = text.find(b"\n")
    end = b"\r\n" if first_end > 0 and text[first_end - 1 : first_end] == b"\r" else b"\n"
    return line + end + without_include(text, line)


def without_include(text: bytes, line: bytes) -> bytes:
    """The file without the line, wherever it stands."""
    return _found(line).sub(b"", text)


def _found(line: bytes) -> re.Pattern[bytes]:
    """The line as a person may have rewritten it: its case, its spaces, its quotes."""
    path = re.escape(line.partition(b'"')[2].rstrip(b'"'))
    return re.compile(rb'(?im)^[ \t]*include[ \t=]+"?' + path + rb'"?[ \t\r]*(?:\n|\Z)')
