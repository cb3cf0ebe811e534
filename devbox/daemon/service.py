"""The daemon itself: its lock, its socket, its loops, its end."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from devbox import __version__
from devbox.api import Devbox
from devbox.daemon.answers import Answers
from devbox.daemon.boxes import Bridges
from devbox.daemon.client import PATIENCE, claim, holder
from devbox.daemon.places import lock_file, log_file, socket_file
from devbox.errors import DevboxError
from devbox.redact import masked

BUSY, CALM = 0.5, 2.0
"""Seconds between two looks for what runs have written: while some run goes on, and else."""
TICK = 1.0
LOG_SIZE, LOGS = 1 << 20, 3
LONGEST_QUESTION = 1 << 12

log = logging.getLogger("devbox.daemon")


class Masking(logging.Formatter):
    """Known secrets are in no line."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return masked(super().format(record))


def serve(home: Path, lock: int | None = None) -> int:
    """Be the daemon of a home until nobody needs it; 0, also where there is one already. ``lock``
    is the descriptor of its lock, where that is held already."""
    held = _claimed(home) if lock is None else lock
    if held is None:
        return 0
    os.set_inheritable(held, False)  # noqa: FBT003 - as it is called
    try:
        said = {"pid": os.getpid(), "version": __version__}
        os.ftruncate(held, 0)
        os.pwrite(held, json.dumps(said).encode(), 0)
        with _logging(home):
            try:
                with Devbox(home) as door:
                    Service(door, held).run()
            except DevboxError as error:
                log.error("%s %s", error.message, error.hint)  # noqa: TRY400 - expected
                return 1
            except Exception:
                log.exception("a fault of devbox")
                return 70
    finally:
        os.close(held)
    return 0


def _claimed(home: Path) -> int | None:
    """The lock, once one of another version has left; None where one of ours is there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        held = claim(home)
        if held is not None:
            return held
        found = holder(home)
        if found and found.version == __version__:
            return None
        time.sleep(0.05)
    return None


class Service:
    """One daemon at work; ``lock`` is the descriptor of its lock file."""

    def __init__(self, door: Devbox, lock: int) -> None:
        self._door = door
        self._lock = lock
        self._idle_after = door.settings.daemon_idle
        self._answers = Answers(door)
        # Each connection to the engine is for one thread.
        self._bridges = Bridges(
            door.connect_engine, door.owner, door.home, self._answers, self._wake
        )
        self._over = threading.Event()
        self._news = threading.Event()
        self._started = time.time()
        self._used = time.monotonic()
        self._running = False
        self._poll = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until asked to leave, or nobody needs it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._over.set())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        place = socket_file(self._door.home)
        listener = _listener(place)
        log.info("devbox %s serves %s as process %d", __version__, self._door.home, os.getpid())
        ingest = threading.Thread(target=self._ingest, name="devbox-ingest")
        try:
            self._poll.register(listener, selectors.EVENT_READ)
            ingest.start()
            self._bridges.begin()
            while not self._over.is_set() and self._needed():
                for _ in self._poll.select(TICK):
                    self._client(listener)
        finally:
            self._over.set()
            self._news.set()
            self._bridges.end()
            listener.close()
            if self._ours():
                place.unlink(missing_ok=True)
            if ingest.is_alive():
                ingest.join()
            log.info("process %d leaves", os.getpid())

    def _needed(self) -> bool:
        """Whether to go on: somebody used it lately, or something runs; and its home is there."""
        if not self._ours():
            log.info("the home is gone")
            return False
        if self._bridges.running or self._running:
            self._used = time.monotonic()
        return time.monotonic() - self._used < self._idle_after

    def _ours(self) -> bool:
        try:
            there = lock_file(self._door.home).stat()
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._lock))

    def _wake(self) -> None:
        self._news.set()

    def _ingest(self) -> None:
        """Take in what runs have written, as it comes."""
        failed = ""
        while not self._over.is_set():
            try:
                self._answers.take_in()
                self._running = self._answers.alive()
                failed = ""
            except DevboxError as error:
                if error.message != failed:
                    log.warning("runs are not taken in: %s", error.message)
                failed = error.message
            except Exception:
                log.exception("runs are not taken in")
                self._over.wait(10 * CALM)
            self._news.wait(BUSY if self._running else CALM)
            self._news.clear()

    def _client(self, listener: socket.socket) -> None:
        with suppress(OSError, ValueError):
            stream, _ = listener.accept()
            with stream:
                stream.settimeout(2.0)
                data = b""
                while not data.endswith(b"\n") and len(data) < LONGEST_QUESTION:
                    some = stream.recv(LONGEST_QUESTION)
                    if not some:
                        return
                    data += some
                asked = json.loads(data)
                answer = self._answer(asked.get("op") if isinstance(asked, dict) else None)
                stream.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, op: object) -> dict[str, Any]:
        if op == "stop":
            self._over.set()
            return {"stopping": True}
        if op == "status":
            left = self._idle_after - (time.monotonic() - self._used)
            return {
                "pid": os.getpid(),
                "version": __version__,
                "started": self._started,
                "runs": self._running,
                "boxes": self._bridges.status(),
                "leaves_in": None if self._bridges.running or self._running else max(left, 0.0),
            }
        return {"error": "unknown"}


def _listener(place: Path) -> socket.socket:
    """The daemon's socket, in place of one that a killed one left. Whoever has the lock is the
    only one who makes it."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = place.parent.stat()
    if owner.st_uid != os.getuid():
        raise DevboxError(f"{place.parent} belongs to somebody else.", hint="Set XDG_RUNTIME_DIR.")
    place.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(place))
    finally:
        os.umask(before)
    listener.listen(64)
    return listener


@contextmanager
def _logging(home: Path) -> Iterator[None]:
    file = log_file(home)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = RotatingFileHandler(file, maxBytes=LOG_SIZE, backupCount=LOGS, encoding="utf-8")
    handler.setFormatter(Masking("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
