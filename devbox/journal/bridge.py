"""Asking the devbox outside from within a box: for models, runs, and files that models name.

`call` and `fetch` are for code in the box. They reach the outside through a socket here, which
:mod:`devbox.journal.relay` serves.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.journal.frames import LONGEST, NoFrame, as_number, number
from devbox.journal.ids import new_id
from devbox.journal.places import BRIDGE

PATIENCE = 5.0
"""Seconds for somebody outside to be there: a box is up a moment before it is noticed."""
SLOWEST = 300.0
"""Seconds without a byte of an answer."""
LONGEST_ANSWER = 64 << 20
CHUNK = 1 << 16


class NobodyThere(DevboxError):
    """Nobody outside holds the other end."""


def call(op: str, **fields: Any) -> Any:
    """Ask for something that can be said as JSON. Raises DevboxError with what the other end says
    is wrong, NobodyThere where there is none."""
    with _asked({"op": op, **fields}) as (value, _):
        return value


def fetch(digest: str, target: Path) -> None:
    """Have the content of a blob, whole and with that digest (SHA-256), as a file. Raises
    DevboxError where it can't be had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{new_id()}")
    total = hashlib.sha256()
    try:
        with _asked({"op": "blob", "digest": digest}) as (size, stream), draft.open("xb") as file:
            left = int(size)
            while left > 0 and (data := stream.recv(min(CHUNK, left))):
                left -= len(data)
                total.update(data)
                file.write(data)
        if left or total.hexdigest() != digest:
            raise DevboxError(f"{digest} did not arrive whole.", hint="Try again.")
        os.replace(draft, target)  # noqa: PTH105 - the same
    except OSError as error:
        raise DevboxError(f"{target} can't be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _asked(question: dict[str, Any]) -> Iterator[tuple[Any, socket.socket]]:
    """The answer's value, and the stream that what follows it can be read from."""
    data = json.dumps(question).encode()
    if len(data) > LONGEST:
        raise UsageError("The question is too long.")
    stream, head = _sent(number(len(data)) + data)
    with stream:
        try:
            answer = json.loads(_exactly(stream, _length(head)))
        except (ValueError, EOFError, NoFrame):
            raise DevboxError(
                "The devbox outside did not answer in full.", hint="Try again."
            ) from None
        if not answer.get("ok"):
            kind = UsageError if answer.get("usage") else DevboxError
            raise kind(str(answer.get("message", "")), hint=str(answer.get("hint", "")))
        yield answer.get("value"), stream


def _sent(data: bytes) -> tuple[socket.socket, bytes]:
    """Send a question; the stream, and the first bytes of the answer. Tries again for a while
    where the other end has just gone."""
    deadline = time.monotonic() + PATIENCE
    while True:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(SLOWEST)
            stream.connect(str(BRIDGE))
            stream.sendall(data)
            return stream, _exactly(stream, 4)
        except socket.timeout:  # noqa: UP041 - another class before Python 3.10
            stream.close()
            raise NobodyThere(
                "The devbox outside this box does not answer.",
                hint="`devbox daemon restart` there.",
            ) from None
        except (OSError, EOFError):
            stream.close()
        except BaseException:
            stream.close()
            raise
        if time.monotonic() > deadline:
            raise NobodyThere(
                "Nobody outside this box answers.",
                hint="On the machine of the box: `devbox daemon start`.",
            )
        time.sleep(0.1)


def _length(head: bytes) -> int:
    length = as_number(head)
    if length > LONGEST_ANSWER:
        raise DevboxError("The devbox outside answers with too much.")
    return length


def _exactly(stream: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        some = stream.recv(min(CHUNK, count - len(data)))
        if not some:
            raise EOFError
        data += some
    return bytes(data)
