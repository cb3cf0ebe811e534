"""A journal comes from where code runs: whatever is in it, it is read as far as it goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devbox.journal.reader import LONGEST_LINE, parse

POINT = b"m 1763800000000000000 3 0.5 loss\n"


def test_a_record_that_was_cut_off_waits_for_its_end() -> None:
    batch = parse(POINT + POINT[:-5])
    assert (len(batch.points["loss"]), batch.consumed, batch.damaged) == (1, len(POINT), 0)


def test_a_record_that_was_cut_off_for_ever_is_damage() -> None:
    data = POINT + POINT[:-5]
    batch = parse(data, ended=True)
    assert (len(batch.points["loss"]), batch.consumed, batch.damaged) == (1, len(data), 1)


def test_a_number_beyond_64_bits_is_damage_and_keeps_the_columns_even() -> None:
    big = b"9" * 40
    lines = [
        POINT,
        b"m " + big + b" 3 0.5 loss\n",
        b"m 1 " + big + b" 0.5 loss\n",
        b"m 1 3 zero loss\n",
        b"m 1 3 loss\n",
        POINT,
    ]
    batch = parse(b"".join(lines))
    points = batch.points["loss"]
    assert list(points.times) == [1763800000000000000] * 2
    assert (list(points.steps), list(points.values)) == ([3, 3], [0.5, 0.5])
    assert batch.damaged == 4


def test_keys_that_nobody_could_log_are_damage() -> None:
    for key in (b"", b"x" * 251, b"\xff", b"a\x07"):
        assert parse(b"m 1 1 1.0 " + key + b"\n").damaged == 1


def test_a_line_without_end_is_not_waited_for() -> None:
    data = b"{" * (LONGEST_LINE + 1)
    assert parse(data).consumed == len(data)


def test_notes_that_are_none_are_damage() -> None:
    for line in (b"[]", b"{}", b'{"kind": 3}', b"{", b"[" * 100_000, b"{" * LONGEST_LINE):
        assert parse(line + b"\n").damaged == 1


@given(
    st.binary(max_size=200) | st.lists(st.sampled_from([POINT, b"m ", b"{", b"\n"])).map(b"".join)
)
def test_whatever_comes_is_read_to_its_end_or_waits(data: bytes) -> None:
    batch = parse(data)
    assert 0 <= batch.consumed <= len(data)
    for points in batch.points.values():
        assert len(points.times) == len(points.steps) == len(points.values)
    assert parse(data, ended=True).consumed == len(data)
