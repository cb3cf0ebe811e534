"""The daemon's end of the bridge into one box.

What comes from the box may be anything: a frame that is none ends the link. Answers go out in
pieces, no more of each under way than the box has room for, so that a slow reader costs nobody
else.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from devbox.compute.engine.types import Engine, Exec
from devbox.daemon.answers import Answer
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
    NoFrame,
    Reader,
    as_number,
    number,
    packed,
)

BRIDGE = "/usr/local/lib/devbox/bridge"
NO_PYTHON, KILLED = 98, 137
WORKERS = 8
MOST_WAITING = 256
PIECE = 1 << 16
STALLED = 60.0
"""Seconds after which an answer that nobody reads on is given up."""

log = logging.getLogger("devbox.daemon")


class Link:
    """A bridge into a running container; ``answer`` is asked with each question's bytes."""

    def __init__(
        self, engine: Engine, container: str, user: str, answer: Callable[[bytes], Answer]
    ) -> None:
        self._engine = engine
        self._container = container
        self._user = user
        self._answer = answer
        self._changed = threading.Condition()
        self._way: dict[int, int] = {}
        self._writing = threading.Lock()
        self._exec: Exec | None = None
        self._closed = False
        self.asked = 0
        self.ready = False

    def run(self) -> int:
        """Serve until the box's end goes; its exit code. Raises DevboxError where the engine
        can't be reached."""
        running = self._engine.exec(self._container, [BRIDGE], user=self._user, stdin=True)
        self._exec = running
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="devbox-bridge")
        code = KILLED
        try:
            if not self._closed:
                self._write(HELLO, 0, number(VERSION))
                self._read(running, pool)
                self.ready = False
                code = running.exit_code()
        except NoFrame as error:
            log.warning("the bridge of %s says what is no frame: %s", self._container[:12], error)
        except OSError as error:
            log.info("the bridge of %s broke: %s", self._container[:12], error)
        finally:
            self.ready = False
            self.close()
            pool.shutdown(wait=True, cancel_futures=True)
            running.close()
        return code

    def close(self) -> None:
        """End it, from any thread."""
        with self._changed:
            self._closed = True
            self._way.clear()
            self._changed.notify_all()
        if self._exec is not None:
            give_up = getattr(self._exec, "give_up", self._exec.abort)
            give_up()

    def _read(self, running: Exec, pool: ThreadPoolExecutor) -> None:
        reader = Reader()
        while chunk := running.read():
            stream, data = chunk
            if stream == 2:
                log.info("the bridge of %s: %s", self._container[:12], data[:500])
                continue
            for frame in reader.feed(data):
                self._frame(frame, pool)

    def _frame(self, frame: Frame, pool: ThreadPoolExecutor) -> None:
        if frame.kind == HELLO:
            if as_number(frame.data) != VERSION:
                raise NoFrame("another version of the bridge")
            self.ready = True
        elif frame.kind == ASK:
            with self._changed:
                if frame.channel in self._way or len(self._way) >= MOST_WAITING:
                    raise NoFrame("too many questions")
                self._way[frame.channel] = 0
            self.asked += 1
            pool.submit(self._serve, frame.channel, frame.data)
        elif frame.kind == READ:
            with self._changed:
                if frame.channel in self._way:
                    self._way[frame.channel] -= as_number(frame.data)
                    if self._way[frame.channel] < 0:
                        raise NoFrame("more was read than sent")
                    self._changed.notify_all()
        elif frame.kind == GONE:
            with self._changed:
                self._way.pop(frame.channel, None)
                self._changed.notify_all()
        else:
            raise NoFrame("a frame that only the outside sends")

    def _serve(self, channel: int, question: bytes) -> None:
        try:
            with suppress(_Gone, OSError):
                self._respond(channel, question)
                self._write(END, channel)
        except Exception:
            log.exception("a question of %s", self._container[:12])
            with suppress(OSError):
                self._write(END, channel)
        finally:
            with self._changed:
                self._way.pop(channel, None)

    def _respond(self, channel: int, question: bytes) -> None:
        try:
            answer = self._answer(question)
            head = {"ok": True, "value": answer.value}
        except DevboxError as error:
            answer = Answer(None)
            head = {"ok": False, "message": error.message, "hint": error.hint}
            head["usage"] = isinstance(error, UsageError)
        data = json.dumps(head, default=str).encode()
        self._put(channel, number(len(data)) + data)
        for piece in answer.body:
            self._put(channel, piece)

    def _put(self, channel: int, data: bytes) -> None:
        """Send a part of an answer as there is room for it."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            with self._changed:
                if not self._changed.wait_for(lambda: self._has_room(channel), STALLED):
                    raise _Gone
                if channel not in self._way:
                    raise _Gone
                self._way[channel] += len(piece)
            self._write(DATA, channel, piece)

    def _has_room(self, channel: int) -> bool:
        return channel not in self._way or self._way[channel] + PIECE <= WINDOW

    def _write(self, kind: int, channel: int, data: bytes = b"") -> None:
        assert self._exec is not None
        with self._writing:
            self._exec.write(packed(kind, channel, data))


class _Gone(Exception):
    """Nobody waits for the answer any more."""
