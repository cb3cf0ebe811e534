"""Reading journals. They come from where code runs, so nothing in them is taken on trust."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devbox.journal.checks import LONGEST_KEY

METRIC = b"m "
LONGEST_LINE = 1 << 20
MOST_SERIES = 100_000
"""The most metrics of one journal; one with more is no training run."""


@dataclass
class Points:
    """Points of one metric, in the order in which they were logged: ``times`` in nanoseconds
    since the epoch, ``steps``, ``values``."""

    times: array[int] = field(default_factory=lambda: array("q"))
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.values)


@dataclass
class Batch:
    """What some bytes of a journal say.

    ``consumed`` is how many bytes are whole records; ``damaged`` counts lines that are none.
    """

    points: dict[str, Points] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    consumed: int = 0
    damaged: int = 0


def parse(data: bytes, *, ended: bool = False) -> Batch:
    """Read whole lines. What follows the last line end is left for the next time; where the
    writer has ``ended`` it is a record that was cut off, and counts as damaged."""
    batch = Batch()
    end = data.rfind(b"\n") + 1
    batch.consumed = end
    rest = len(data) - end
    if rest and (ended or rest > LONGEST_LINE):
        batch.consumed = len(data)
        batch.damaged += 1
    adders: dict[bytes, _Adders] = {}
    for line in data[:end].split(b"\n"):
        if line[:2] == METRIC:
            key = b""
            try:
                _, time, step, value, key = line.split(b" ", 4)
                point = int(time), int(step), float(value)
                add = adders.get(key) or _series(key, batch, adders)
                add[0](point[0])
                add[1](point[1])
                add[2](point[2])
            except (ValueError, OverflowError):
                batch.damaged += 1
                _even(batch, key)
        elif line:
            note = _note(line)
            if note is None:
                batch.damaged += 1
            else:
                batch.notes.append(note)
    return batch


_Adders = tuple[Callable[[int], None], Callable[[int], None], Callable[[float], None]]


def _series(key: bytes, batch: Batch, adders: dict[bytes, _Adders]) -> _Adders:
    name = key.decode()
    if not name or len(name) > LONGEST_KEY or not name.isprintable():
        raise ValueError(name)
    if len(adders) >= MOST_SERIES:
        raise ValueError("too many metrics")
    points = batch.points[name] = Points()
    adders[key] = points.times.append, points.steps.append, points.values.append
    return adders[key]


def _even(batch: Batch, key: bytes) -> None:
    """Drop half a point: that a number has more than 64 bits is noticed when it is appended."""
    points = batch.points.get(key.decode(errors="replace"), Points())
    count = len(points.values)
    del points.times[count:], points.steps[count:]


def _note(line: bytes) -> dict[str, Any] | None:
    if len(line) > LONGEST_LINE:
        return None
    try:
        note = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) and isinstance(note.get("kind"), str) else None
