"""Reading journals. They come from where code runs, so nothing in them is taken on trust."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from devbox.journal.checks import LONGEST_KEY

METRIC = b"m "
_OTHER = re.compile(rb"\n(?!m )")
"""The end of a line behind which no point comes."""
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
    at = 0
    whole = data[:end]
    while at < end:
        if whole.startswith(METRIC, at):
            behind = _OTHER.search(whole, at)  # there is one: the last line ends as well
            stop = behind.end() if behind else end
            _metrics(whole[at:stop], batch)
        else:
            stop = whole.index(b"\n", at) + 1
            _other(whole[at : stop - 1], batch)
        at = stop
    return batch


def _metrics(block: bytes, batch: Batch) -> None:
    """Lines that all begin as points do."""
    flat = block[:-1].replace(b"\n", b" ").split(b" ")
    # Keys with spaces are rare. Without them each column is converted at once, without an object
    # for each line: several times as fast.
    if len(flat) != 5 * block.count(b"\n") or b" m " in block:
        _each(block, batch)
        return
    keys = flat[4::5]
    names = {key: _name(key) for key in dict.fromkeys(keys)}
    try:
        times, steps = list(map(int, flat[1::5])), list(map(int, flat[2::5]))
        columns = array("q", times), array("q", steps), array("d", map(float, flat[3::5]))
    except (ValueError, OverflowError):
        names = {}
    if not names or not all(names.values()) or len(batch.points) + len(names) > MOST_SERIES:
        _each(block, batch)
    elif len(names) == 1:
        _add(batch, names[keys[0]], columns)
    else:
        places: dict[bytes, list[int]] = {key: [] for key in names}
        for place, key in enumerate(keys):
            places[key].append(place)
        for key, some in places.items():
            # One for each line, and one more: of a single place it would be no tuple.
            of = itemgetter(*some, some[0])
            _add(batch, names[key], [array(c.typecode, of(c)[:-1]) for c in columns])


def _each(block: bytes, batch: Batch) -> None:
    """The same line by line: damage costs its own line only."""
    for line in block[:-1].split(b"\n"):
        try:
            _, time, step, value, key = line.split(b" ", 4)
            point = array("q", [int(time)]), array("q", [int(step)]), array("d", [float(value)])
        except (ValueError, OverflowError):
            batch.damaged += 1
            continue
        name = _name(key)
        if not name or (name not in batch.points and len(batch.points) >= MOST_SERIES):
            batch.damaged += 1
        else:
            _add(batch, name, point)


def _add(batch: Batch, name: str, columns: Sequence[array[Any]]) -> None:
    points = batch.points.get(name)
    if points is None:
        batch.points[name] = Points(*columns)
        return
    points.times += columns[0]
    points.steps += columns[1]
    points.values += columns[2]


def _name(key: bytes) -> str:
    """The name of a metric, "" for what is none."""
    try:
        name = key.decode()
    except ValueError:
        return ""
    return name if len(name) <= LONGEST_KEY and name.isprintable() else ""


def _other(line: bytes, batch: Batch) -> None:
    if not line:
        return
    note = _note(line)
    if note is None:
        batch.damaged += 1
    else:
        batch.notes.append(note)


def _note(line: bytes) -> dict[str, Any] | None:
    if len(line) > LONGEST_LINE:
        return None
    try:
        note = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) and isinstance(note.get("kind"), str) else None
