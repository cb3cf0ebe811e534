"""What the notes of a journal mean. They were written where code runs: every field is checked,
clipped, or left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from devbox.errors import DevboxError
from devbox.journal.artifacts import checked_path
from devbox.journal.checks import LONGEST_TEXT, checked_key
from devbox.journal.ids import is_id
from devbox.journal.slots import SLOTS, is_model_name, plain
from devbox.runs.records import Artifact, Input, Registration

_DIGEST = re.compile(r"[0-9a-f]{64}")
MOST_WORDS = 10_000
MOST_FILES = 10_000


def text(note: Mapping[str, Any], field: str, longest: int = LONGEST_TEXT) -> str:
    """A field as text, "" where it is none."""
    value = note.get(field)
    return _text(value)[:longest] if isinstance(value, str) else ""


def seconds(note: Mapping[str, Any]) -> float:
    """When it was noted: seconds since the epoch."""
    value = note.get("time")
    return value / 1e9 if isinstance(value, int) and 0 <= value < 1 << 63 else 0.0


def run_id(note: Mapping[str, Any], field: str) -> str:
    """The id of a run, "" where it is none."""
    value = note.get(field)
    return value if isinstance(value, str) and is_id(value) else ""


def pairs(note: Mapping[str, Any]) -> Iterator[tuple[str, str, float | None]]:
    """Params or tags as (key, text, number): the number that the text stands for, if any."""
    values = note.get("values")
    for key, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, str):
            with suppress(DevboxError):
                shown = _text(value)[:LONGEST_TEXT]
                yield checked_key(key), shown, _number(shown)


def artifact(note: Mapping[str, Any]) -> Artifact | None:
    """A kept file, None where what is said of it can't be."""
    size, digest = note.get("size"), note.get("sha256")
    if not isinstance(size, int) or not 0 <= size < 1 << 63 or not isinstance(digest, str):
        return None
    if not _DIGEST.fullmatch(digest):
        return None
    with suppress(DevboxError):
        return Artifact(checked_path(text(note, "path")), digest, size)
    return None


def read_data(note: Mapping[str, Any]) -> Input | None:
    """Data that was read, None without a name."""
    with suppress(DevboxError):
        return Input(
            checked_key(note.get("name")),
            *(text(note, field) for field in ("version", "digest", "uri")),
        )
    return None


def registration(note: Mapping[str, Any]) -> Registration | None:
    """What is to become a model version, None without an id or a name. What a slot can't hold is
    left out; files are named by their paths among the run's artifacts."""
    number, name = run_id(note, "id"), note.get("name")
    if not number or not is_model_name(name):
        return None
    slots, files = note.get("slots"), note.get("files")
    content: dict[str, dict[str, Any]] = {}
    for slot, value in slots.items() if isinstance(slots, dict) else ():
        if slot in SLOTS and isinstance(value, dict):
            with suppress(DevboxError):
                content[slot] = plain(value)
    places: list[tuple[str, str]] = []
    for slot, paths in files.items() if isinstance(files, dict) else ():
        if slot in SLOTS and isinstance(paths, list):
            for path in paths[:MOST_FILES]:
                with suppress(DevboxError):
                    places.append((slot, checked_path(path if isinstance(path, str) else "")))
    tags = tuple(pairs({"values": note.get("tags")}))
    description = text(note, "description")
    return Registration(number, str(name), description, tags, content, tuple(dict.fromkeys(places)))


def origin(note: Mapping[str, Any]) -> dict[str, Any]:
    """Command and folder of a start."""
    command = note.get("command")
    words = command if isinstance(command, list) else []
    return {
        "command": [_text(word)[:LONGEST_TEXT] for word in words[:MOST_WORDS] if _is(word)],
        "folder": text(note, "folder"),
    }


def facts(note: Mapping[str, Any]) -> dict[str, Any]:
    """All fields but the kind and time: a flat table of texts and flags, or one table deeper."""
    return {
        str(key): value
        for key, value in note.items()
        if key not in {"kind", "time"} and (_plain(value) or _table(value))
    }


def _plain(value: object) -> bool:
    return isinstance(value, (str, bool, int, float)) or value is None


def _table(value: object) -> bool:
    return isinstance(value, dict) and all(_plain(item) for item in value.values())


def _is(word: object) -> bool:
    return isinstance(word, str)


def _text(value: str) -> str:
    # JSON can spell half of a surrogate pair, which SQLite can't store.
    return value.encode("utf-8", "replace").decode()


def _number(shown: str) -> float | None:
    if len(shown) > 40:
        return None
    try:
        return float(shown)
    except ValueError:
        return None
