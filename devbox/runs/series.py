"""All points of one metric as columns, and how they are stored. Pure."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

FULLEST = 8192
"""Points of a stored chunk; a younger one is extended until it has so many."""


class Point(NamedTuple):
    """One logged value; ``time`` in seconds since the epoch."""

    step: int
    value: float
    time: float


@dataclass(frozen=True)
class Series:
    """The points of a metric in the order (time, journal, place in it).

    Columns of equal length: ``times`` in nanoseconds since the epoch, ``steps``, ``values``.
    Iterating gives points.
    """

    key: str
    times: array[int] = field(default_factory=lambda: array("q"))
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Point]:
        for time, step, value in zip(self.times, self.steps, self.values, strict=True):
            yield Point(step, value, time / 1e9)

    def downsampled(self, most: int) -> Series:
        """At most ``most`` points that look the same in a plot: of each of equal parts the lowest
        and the highest value, and the first and last point of all. NaN never hides a number."""
        if len(self) <= max(most, 4):
            return self
        parts = max((most - 2) // 2, 1)
        kept = {0, len(self) - 1}
        values = self.values.tolist()  # each number is made an object once, not three times
        odd = math.isnan(sum(values))  # a NaN among them, or infinities of both signs
        for part in range(parts):
            begin = len(self) * part // parts
            some = values[begin : len(self) * (part + 1) // parts]
            numbers = [value for value in some if not math.isnan(value)] if odd else some
            if numbers:
                kept.add(begin + some.index(min(numbers)))
                kept.add(begin + some.index(max(numbers)))
        return self._at(sorted(kept))

    def _at(self, places: Sequence[int]) -> Series:
        return Series(
            self.key,
            array("q", [self.times[place] for place in places]),
            array("q", [self.steps[place] for place in places]),
            array("d", [self.values[place] for place in places]),
        )


@dataclass(frozen=True)
class Chunk:
    """Some consecutive points of one journal, as they are stored: little-endian columns."""

    journal: int
    ordered: bool
    times: bytes
    steps: bytes
    values: bytes


def packed(column: array[int] | array[float]) -> bytes:
    """A column as bytes, the same on every machine."""
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()


def is_ordered(times: Sequence[int]) -> bool:
    """Whether no time is before the one before it."""
    # To sort what is sorted costs less than to look at each pair.
    every = list(times)
    return every == sorted(every)


def joined(key: str, chunks: Iterable[Chunk]) -> Series:
    """The series that chunks hold; those of each journal come in their order."""
    series = Series(key)
    journals = array("q")
    in_order = True
    for chunk in chunks:
        before = len(series.times)
        for column, content in (
            (series.times, chunk.times),
            (series.steps, chunk.steps),
            (series.values, chunk.values),
        ):
            _extend(column, content)
        last = series.times[before - 1] if before else None
        in_order = in_order and chunk.ordered
        if last is not None and len(series.times) > before and series.times[before] < last:
            in_order = False
        journals.extend([chunk.journal] * (len(series.times) - before))
    if in_order:
        return series
    # The sort is stable, so the place in a journal decides among equals.
    places = sorted(range(len(series)), key=lambda at: (series.times[at], journals[at]))
    return series._at(places)  # noqa: SLF001


def _extend(column: array[int] | array[float], content: bytes) -> None:
    if sys.byteorder == "big":
        other = array(column.typecode)
        other.frombytes(content)
        other.byteswap()
        column.extend(other)
    else:
        column.frombytes(content)
