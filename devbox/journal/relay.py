"""The program in a box that carries questions to the devbox outside and answers back.

It runs while somebody outside holds its input and output, as the box's user; the socket that it
serves is only for that user. A client asks one question on one connection.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

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
from devbox.journal.ids import new_id
from devbox.journal.places import BRIDGE

MOST_CLIENTS = 128
SLOWEST_QUESTION = 10.0
"""Seconds for a client to have asked."""
CHUNK = 1 << 16


class Client:
    """A connection: what was read of its question, what is still to be written of the answer."""

    def __init__(self, channel: int, stream: socket.socket) -> None:
        self.channel = channel
        self.stream = stream
        self.question = bytearray()
        self.answer = bytearray()
        self.asked = False
        self.whole = False
        self.since = time.monotonic()

    def more(self, data: bytes) -> bytes | None:
        """The question, once all of it is there. Raises NoFrame where it is none, or longer."""
        if self.asked:
            raise NoFrame("more than a question")
        self.question += data
        if len(self.question) < 4:
            return None
        length = as_number(bytes(self.question[:4]))
        if length > LONGEST or len(self.question) > 4 + length:
            raise NoFrame("a question too long")
        return bytes(self.question[4:]) if len(self.question) == 4 + length else None


class Relay:
    """Serves the socket ``place`` until what it reads from ``source`` ends."""

    def __init__(self, place: Path, source: int, target: int) -> None:
        self._place = place
        self._source = source
        self._target = target
        self._clients: dict[int, Client] = {}
        self._next = 0
        self._inode = 0
        self._poll = selectors.DefaultSelector()
        self._reader = Reader()
        self._listener: socket.socket | None = None

    def run(self) -> None:
        """Serve until the other end goes."""
        self._send(packed(HELLO, 0, number(VERSION)))
        self._poll.register(self._source, selectors.EVENT_READ)
        try:
            while self._step():
                pass
        except (NoFrame, BrokenPipeError, ConnectionError):
            pass
        finally:
            self._leave()

    def _step(self) -> bool:
        for key, events in self._poll.select(1.0 if self._clients else None):
            if key.fd == self._source:
                data = os.read(self._source, CHUNK)
                if not data:
                    return False
                for frame in self._reader.feed(data):
                    self._frame(frame)
            elif key.data is None:
                self._accept()
            elif key.data.channel in self._clients:
                self._client(key.data, events)
        for client in list(self._clients.values()):
            if not client.asked and time.monotonic() - client.since > SLOWEST_QUESTION:
                self._drop(client)
        return True

    def _frame(self, frame: Frame) -> None:
        if frame.kind == HELLO:
            if as_number(frame.data) != VERSION:
                raise NoFrame("another version")
            self._listen()
            return
        client = self._clients.get(frame.channel)
        if client is None:
            return
        if frame.kind == DATA:
            client.answer += frame.data
        elif frame.kind == END:
            client.whole = True
        else:
            raise NoFrame("a frame that only a box sends")
        self._write(client)

    def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        draft = self._place.with_name(f".{new_id()}")
        listener.bind(str(draft))
        draft.chmod(0o600)
        self._inode = draft.stat().st_ino
        listener.listen(64)
        listener.settimeout(0)
        # In one step, over one that an earlier relay may have left.
        draft.replace(self._place)
        self._listener = listener
        self._poll.register(listener, selectors.EVENT_READ)

    def _accept(self) -> None:
        assert self._listener is not None
        with suppress(OSError):
            stream, _ = self._listener.accept()
            if len(self._clients) >= MOST_CLIENTS:
                stream.close()
                return
            stream.settimeout(0)
            self._next = self._next % 0xFFFFFFFF + 1
            client = Client(self._next, stream)
            self._clients[client.channel] = client
            self._poll.register(stream, selectors.EVENT_READ, client)

    def _client(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = client.stream.recv(CHUNK)
                if not data:
                    self._drop(client)
                    return
                question = client.more(data)
                if question is not None:
                    client.asked = True
                    self._send(packed(ASK, client.channel, question))
        except (OSError, NoFrame):
            self._drop(client)
            return
        if events & selectors.EVENT_WRITE:
            self._write(client)

    def _write(self, client: Client) -> None:
        try:
            if client.answer:
                count = client.stream.send(client.answer)
                del client.answer[:count]
                self._send(packed(READ, client.channel, number(count)))
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if client.whole and not client.answer:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.answer else 0)
        self._poll.modify(client.stream, wanted, client)

    def _drop(self, client: Client) -> None:
        if self._clients.pop(client.channel, None) is None:
            return
        self._poll.unregister(client.stream)
        client.stream.close()
        if client.asked and not client.whole:
            self._send(packed(GONE, client.channel))

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]

    def _leave(self) -> None:
        for client in self._clients.values():
            client.stream.close()
        if self._listener is not None:
            self._listener.close()
            with suppress(OSError):
                # Only our own: another relay may serve there by now.
                if self._place.stat().st_ino == self._inode:
                    self._place.unlink()
        self._poll.close()


def main() -> int:
    """Serve over standard input and output."""
    BRIDGE.parent.mkdir(parents=True, exist_ok=True)
    Relay(BRIDGE, sys.stdin.fileno(), sys.stdout.fileno()).run()
    return 0
