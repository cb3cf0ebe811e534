"""Columns of points: kept exactly, in order, and thinned out for plots."""

from __future__ import annotations

import math
from array import array

from hypothesis import given
from hypothesis import strategies as st

from devbox.runs.series import Chunk, Series, is_ordered, joined, packed

points = st.lists(st.tuples(st.integers(0, 50), st.integers(-9, 9), st.floats()), max_size=30)


def chunk(journal: int, some: list[tuple[int, int, float]]) -> Chunk:
    times = array("q", [point[0] for point in some])
    steps = array("q", [point[1] for point in some])
    values = array("d", [point[2] for point in some])
    return Chunk(journal, is_ordered(times), packed(times), packed(steps), packed(values))


@given(st.lists(points, max_size=4))
def test_points_come_by_time_then_journal_then_place(
    journals: list[list[tuple[int, int, float]]],
) -> None:
    series = joined("loss", [chunk(n, some) for n, some in enumerate(journals)])
    every = [
        (point[0], n, place, point)
        for n, some in enumerate(journals)
        for place, point in enumerate(some)
    ]
    expected = [point for _, _, _, point in sorted(every, key=lambda each: each[:3])]
    assert list(series.times) == [point[0] for point in expected]
    assert list(series.steps) == [point[1] for point in expected]
    assert packed(series.values) == packed(array("d", [point[2] for point in expected]))


def test_iterating_gives_points_in_seconds() -> None:
    series = joined("loss", [chunk(0, [(2_500_000_000, 3, 0.5)])])
    (point,) = series
    assert (point.time, point.step, point.value) == (2.5, 3, 0.5)


@given(st.lists(st.floats(), min_size=0, max_size=3000), st.integers(4, 200))
def test_a_plot_keeps_the_ends_and_the_extremes(values: list[float], most: int) -> None:
    count = len(values)
    series = Series("x", array("q", range(count)), array("q", range(count)), array("d", values))
    small = series.downsampled(most)
    assert len(small) <= max(most, count if count <= most else 0)
    assert list(small.times) == sorted(small.times)
    if values and not any(map(math.isnan, values)):
        assert max(small.values) == max(values)
        assert min(small.values) == min(values)
        assert (small.times[0], small.times[-1]) == (0, count - 1)
