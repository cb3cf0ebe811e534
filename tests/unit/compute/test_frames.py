"""Frames of a multiplexed stream, and lines made of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devbox.compute.engine.frames import demultiplex
from devbox.compute.engine.lines import split
from devbox.compute.engine.logs import lines


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50))),
    st.lists(st.integers(1, 20)),
)
def test_any_cut_gives_the_same_streams(frames: list[tuple[int, bytes]], sizes: list[int]) -> None:
    data = b"".join(frame(stream, payload) for stream, payload in frames)
    got: dict[int, bytes] = {1: b"", 2: b""}
    for stream, payload in demultiplex(cut(data, sizes)):
        got[stream] += payload
    for stream in (1, 2):
        assert got[stream] == b"".join(payload for number, payload in frames if number == stream)


def test_what_is_unfinished_is_dropped_or_delivered_in_part() -> None:
    assert list(demultiplex([frame(1, b"whole"), frame(2, b"part")[:10], b""])) == [
        (1, b"whole"),
        (2, b"pa"),
    ]


def test_lines_of_two_streams() -> None:
    pieces = [(1, b"a\nb"), (2, b"x\r\n"), (1, b"c\n\xff\n"), (2, b"end")]
    got = [(line.stream, line.text) for line in lines(pieces)]
    assert got == [
        ("stdout", "a"),
        ("stderr", "x"),
        ("stdout", "bc"),
        ("stdout", "�"),
        ("stderr", "end"),
    ]


def test_streams_and_characters_are_not_mixed() -> None:
    euro = "€".encode()
    pieces = [(1, b"progress 10%"), (2, b"error: x\n"), (1, b"\n" + euro[:1]), (2, euro[:2])]
    got = list(split([*pieces, (1, euro[1:]), (2, euro[2:] + b"\n")]))
    assert got == [(2, "error: x"), (1, "progress 10%"), (2, "€"), (1, "€")]


def test_a_character_without_its_end_is_replaced() -> None:
    assert list(split([(1, b"a\xe2\n\xe2\x82")])) == [(1, "a\ufffd"), (1, "\ufffd")]


def test_an_endless_line_comes_in_pieces() -> None:
    pieces = [(1, b"x" * 6), (2, b"y"), (1, b"x" * 5), (1, b"end\n")]
    assert list(split(pieces, longest=10)) == [(1, "x" * 11), (1, "end"), (2, "y")]


PIECES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=9)))


@given(PIECES, st.integers(0, 5))
def test_no_text_is_lost(pieces: list[tuple[int, bytes]], longest: int) -> None:
    got = list(split(pieces, longest=longest))
    for stream in (1, 2):
        written = b"".join(data for number, data in pieces if number == stream)
        text = written.decode(errors="replace").replace("\r", "").replace("\n", "")
        assert "".join(t for number, t in got if number == stream).replace("\r", "") == text


def test_times_of_lines() -> None:
    (line,) = lines([(1, b"2026-01-01T00:00:00Z hello world\n")], timestamps=True)
    assert (line.time, line.text) == ("2026-01-01T00:00:00Z", "hello world")
