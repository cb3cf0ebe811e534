"""Frames: what is packed is read again, however it is cut; what is none ends the conversation."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import DevboxError, UsageError
from devbox.journal import bridge
from devbox.journal.frames import (
    ASK,
    DATA,
    END,
    GONE,
    HELLO,
    LONGEST,
    READ,
    VERSION,
    Frame,
    NoFrame,
    Reader,
    as_number,
    number,
    packed,
)
from devbox.journal.relay import Relay

FRAMES = st.lists(
    st.builds(Frame, st.integers(HELLO, GONE), st.integers(0, 2**32 - 1), st.binary(max_size=200))
)


@given(FRAMES, st.integers(1, 50))
def test_frames_are_read_however_they_are_cut(frames: list[Frame], piece: int) -> None:
    data = b"".join(packed(*frame) for frame in frames)
    reader = Reader()
    found = [
        frame
        for start in range(0, len(data), piece)
        for frame in reader.feed(data[start : start + piece])
    ]
    assert found == frames


@given(st.binary(max_size=100))
def test_rubbish_is_no_frame_or_waits_for_more(data: bytes) -> None:
    reader = Reader()
    try:
        assert all(HELLO <= frame.kind <= GONE for frame in reader.feed(data))
    except NoFrame:
        assert len(data) >= 9


@pytest.mark.parametrize("head", [packed(0), packed(7), packed(DATA, 1)[:5] + b"\xff" * 4])
def test_what_is_no_frame_is_refused(head: bytes) -> None:
    with pytest.raises(NoFrame):
        list(Reader().feed(head))


class Outside:
    """The end that the daemon holds, played by hand."""

    def __init__(self, place: Path) -> None:
        self.to_relay, self.from_relay = os.pipe(), os.pipe()
        self.relay = Relay(place, self.to_relay[0], self.from_relay[1])
        self.thread = threading.Thread(target=self.relay.run)
        self.thread.start()
        self.reader = Reader()
        self.waiting = list[Frame]()
        self.place = place

    def send(self, *frame: object) -> None:
        os.write(self.to_relay[1], packed(*frame))  # type: ignore[arg-type]

    def next(self) -> Frame:
        while not self.waiting:
            self.waiting += self.reader.feed(os.read(self.from_relay[0], 1 << 16))
        return self.waiting.pop(0)

    def hello(self) -> None:
        assert self.next() == Frame(HELLO, 0, number(VERSION))
        self.send(HELLO, 0, number(VERSION))

    def leave(self) -> None:
        os.close(self.to_relay[1])
        self.thread.join(10)
        assert not self.thread.is_alive()
        for fd in (self.to_relay[0], *self.from_relay):
            os.close(fd)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    place = tmp_path / "s"
    monkeypatch.setattr(bridge, "BRIDGE", place)
    monkeypatch.setattr(bridge, "PATIENCE", 0.5)
    made = Outside(place)
    yield made
    made.leave()
    assert not place.exists()


def in_thread(act: object) -> tuple[threading.Thread, list[object]]:
    found = list[object]()

    def run() -> None:
        try:
            found.append(act())  # type: ignore[operator]
        except DevboxError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def answer(outside: Outside, channel: int, head: bytes, body: bytes = b"") -> None:
    data = number(len(head)) + head + body
    for start in range(0, len(data), 1000):
        outside.send(DATA, channel, data[start : start + 1000])
    outside.send(END, channel)


def test_a_question_and_its_answer(outside: Outside) -> None:
    outside.hello()
    thread, found = in_thread(lambda: bridge.call("model", ref="m@1"))
    asked = outside.next()
    assert (asked.kind, asked.data) == (ASK, b'{"op": "model", "ref": "m@1"}')
    answer(outside, asked.channel, b'{"ok": true, "value": {"a": [1]}}')
    thread.join()
    assert found == [{"a": [1]}]
    read = outside.next()
    assert read.kind == READ
    assert as_number(read.data) > 0


def test_a_refusal_is_raised(outside: Outside) -> None:
    outside.hello()
    thread, found = in_thread(lambda: bridge.call("x"))
    head = b'{"ok": false, "message": "no", "hint": "do", "usage": true}'
    answer(outside, outside.next().channel, head)
    thread.join()
    (error,) = found
    assert isinstance(error, UsageError)
    assert (error.message, error.hint) == ("no", "do")


@pytest.mark.parametrize("head", [b"no JSON", b"\xff"])
def test_an_answer_that_is_none(outside: Outside, head: bytes) -> None:
    outside.hello()
    thread, found = in_thread(lambda: bridge.call("x"))
    answer(outside, outside.next().channel, head)
    thread.join()
    assert isinstance(found[0], DevboxError)


def test_a_file_is_fetched_whole_or_not_at_all(outside: Outside, tmp_path: Path) -> None:
    import hashlib

    outside.hello()
    content = os.urandom(50_000)
    digest = hashlib.sha256(content).hexdigest()
    target = tmp_path / "deep" / "file"
    for sent in (content[:-1], content[:-1] + b"x"):
        thread, found = in_thread(lambda: bridge.fetch(digest, target))
        channel = next_ask(outside).channel
        answer(outside, channel, b'{"ok": true, "value": 50000}', sent)
        thread.join()
        assert isinstance(found[0], DevboxError)
        assert not list(target.parent.iterdir())
    thread, found = in_thread(lambda: bridge.fetch(digest, target))
    answer(outside, next_ask(outside).channel, b'{"ok": true, "value": 50000}', content)
    thread.join()
    assert found == [None]
    assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]


def next_ask(outside: Outside) -> Frame:
    while (frame := outside.next()).kind != ASK:
        assert frame.kind in {READ, GONE}
    return frame


def test_bad_clients_are_dropped_and_others_served(outside: Outside) -> None:
    outside.hello()
    thread, found = in_thread(lambda: bridge.call("x"))
    channel = outside.next().channel
    with ExitStack() as stack:
        for data in (number(LONGEST + 1), number(2) + b"{}more", b"\xff\xff\xff\xff", b"\0"):
            stream = stack.enter_context(socket.socket(socket.AF_UNIX))
            stream.connect(str(outside.place))
            stream.sendall(data)
            if data != b"\0":
                stream.settimeout(10)
                try:
                    assert stream.recv(1) == b""
                except ConnectionResetError:
                    continue
        answer(outside, channel, b'{"ok": true, "value": 1}')
        thread.join()
        assert found == [1]


def test_a_client_that_leaves_is_told(outside: Outside) -> None:
    outside.hello()
    outside.waiting.clear()
    thread, _ = in_thread(lambda: bridge.call("first"))
    first = outside.next()
    answer(outside, first.channel, b'{"ok": true, "value": 1}')
    thread.join()
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(str(outside.place))
        stream.sendall(number(2) + b"{}")
        channel = next_ask(outside).channel
    while (frame := outside.next()).kind != GONE:
        assert frame.kind == READ
    assert frame.channel == channel


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "BRIDGE", tmp_path / "none")
    monkeypatch.setattr(bridge, "PATIENCE", 0.1)
    with pytest.raises(bridge.NobodyThere) as raised:
        bridge.call("x")
    assert "devbox daemon" in raised.value.hint


def test_another_version_is_not_served(tmp_path: Path) -> None:
    outside = Outside(tmp_path / "s")
    outside.next()
    outside.send(HELLO, 0, number(VERSION + 1))
    outside.thread.join(10)
    assert not outside.thread.is_alive()
    assert not outside.place.exists()
    outside.leave()
