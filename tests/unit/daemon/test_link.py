"""The daemon's end of a bridge, with a box that is played by hand."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from devbox.compute.engine.types import Engine
from devbox.daemon import link as linking
from devbox.daemon.answers import Answer
from devbox.daemon.link import Link
from devbox.errors import DevboxError, UsageError
from devbox.journal.frames import (
    ASK,
    DATA,
    END,
    GONE,
    HELLO,
    READ,
    VERSION,
    WINDOW,
    Frame,
    Reader,
    as_number,
    number,
    packed,
)

BIG = 10 * WINDOW


class Box:
    """A running bridge program; its other end is the test."""

    def __init__(self) -> None:
        self.said = queue.Queue[bytes | None]()
        self.heard = queue.Queue[Frame]()
        self.reader = Reader()
        self.over = threading.Event()

    def read(self) -> tuple[int, bytes] | None:
        data = self.said.get(timeout=20)
        return (1, data) if data is not None else None

    def write(self, data: bytes) -> None:
        for frame in self.reader.feed(data):
            self.heard.put(frame)

    def abort(self) -> None:
        self.over.set()
        self.said.put(None)

    def exit_code(self) -> int:
        return 0

    def close(self) -> None:
        self.over.set()

    def say(self, *frame: Any) -> None:
        self.said.put(packed(*frame))

    def hear(self) -> Frame:
        return self.heard.get(timeout=20)

    def ask(self, channel: int, question: bytes) -> None:
        self.say(ASK, channel, question)

    def answer(self, channel: int) -> tuple[dict[str, Any], bytes]:
        """Read one answer to its end."""
        data = b""
        while (frame := self.hear()).kind != END:
            assert (frame.kind, frame.channel) == (DATA, channel)
            data += frame.data
            self.say(READ, channel, number(len(frame.data)))
        length = as_number(data[:4])
        return json.loads(data[4 : 4 + length]), data[4 + length :]


class OneBox:
    def __init__(self, box: Box) -> None:
        self._box = box

    def exec(self, *_: object, **__: object) -> Box:
        return self._box


def answered(question: bytes) -> Answer:
    if question == b"big":
        return Answer(BIG, (b"x" * 5000 for _ in range(BIG // 5000 + 1)))
    if question == b"no":
        raise UsageError("no", hint="do")
    if question == b"bug":
        raise RuntimeError("a bug")
    return Answer(question.decode())


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    link = Link(cast(Engine, OneBox(made)), "c", "1:1", answered)
    thread = threading.Thread(target=link.run)
    thread.start()
    assert made.hear() == Frame(HELLO, 0, number(VERSION))
    yield made
    link.close()
    thread.join(20)
    assert not thread.is_alive()


def test_questions_are_answered(box: Box) -> None:
    box.say(HELLO, 0, number(VERSION))
    box.ask(1, b"a")
    assert box.answer(1) == ({"ok": True, "value": "a"}, b"")
    box.ask(2, b"no")
    head, _ = box.answer(2)
    assert head == {"ok": False, "message": "no", "hint": "do", "usage": True}


def test_a_bug_ends_only_its_answer(box: Box) -> None:
    box.ask(1, b"bug")
    assert box.hear() == Frame(END, 1, b"")
    box.ask(2, b"a")
    assert box.answer(2)[0]["value"] == "a"


def test_a_slow_reader_has_no_more_than_a_window_and_holds_up_nobody(box: Box) -> None:
    box.ask(1, b"big")
    got, rest = 0, list[Frame]()
    while got + linking.PIECE <= WINDOW:
        got += len(box.hear().data)
    box.ask(2, b"a")
    while True:
        frame = box.hear()
        rest.append(frame)
        if (frame.kind, frame.channel) == (END, 2):
            break
    got += sum(len(each.data) for each in rest if each.channel == 1)
    assert got <= WINDOW
    box.say(GONE, 1)
    box.ask(3, b"b")
    while (frame := box.hear()).channel != 3:
        assert frame.channel == 1


def test_a_long_answer_is_whole(box: Box) -> None:
    box.ask(1, b"big")
    head, body = box.answer(1)
    assert head["value"] == BIG
    assert len(body) == 5000 * (BIG // 5000 + 1)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 20,
        packed(DATA, 1, b"x"),
        packed(HELLO, 0, number(VERSION + 1)),
        packed(HELLO, 0, b"x"),
        packed(ASK, 1, b"big") + packed(ASK, 1, b"big"),
        packed(ASK, 1, b"big") + packed(READ, 1, number(1 << 30)),
        b"".join(packed(ASK, channel, b"big") for channel in range(1, 1000)),
    ],
    ids=["rubbish", "data", "version", "hello", "twice", "read", "many"],
)
def test_what_breaks_the_rules_ends_the_link(box: Box, data: bytes) -> None:
    box.said.put(data)
    assert box.over.wait(20)


def test_an_answer_that_nobody_reads_is_given_up(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "STALLED", 0.05)
    box.ask(1, b"big")
    while box.heard.empty():
        pass
    box.ask(2, b"a")
    while (frame := box.hear()).channel != 2:
        assert frame.kind == DATA


def test_no_engine() -> None:
    class Broken:
        def exec(self, *_: object, **__: object) -> Box:
            raise DevboxError("gone")

    with pytest.raises(DevboxError):
        Link(cast(Engine, Broken()), "c", "1:1", answered).run()
