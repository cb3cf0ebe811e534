"""A command of the fake engine."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from devbox.compute.engine.execs import KILLED
from devbox.compute.engine.types import ExecResult


@dataclass(frozen=True)
class Executed:
    """A command that was run in a container, and how."""

    container: str
    argv: tuple[str, ...]
    user: str
    cwd: str
    env: Mapping[str, str]
    tty: bool


def succeed(argv: Sequence[str], data: bytes) -> ExecResult:
    """The script of commands that do nothing, well."""
    del argv, data
    return ExecResult(0, b"", b"")


class FakeExec:
    """A scripted command. It runs when its input is complete: at once where it has none."""

    def __init__(self, number: int, script: Callable[[bytes], ExecResult], *, stdin: bool) -> None:
        self.id = f"exec{number}"
        self.size: tuple[int, int] | None = None
        self._script = script
        self._input = b""
        self._chunks: deque[tuple[int, bytes]] = deque()
        self._code: int | None = None
        self._ours, self._theirs = socket.socketpair()
        if not stdin:
            self.close_stdin()

    def fileno(self) -> int:
        return self._ours.fileno()

    def read(self) -> tuple[int, bytes] | None:
        self.close_stdin()
        return self._chunks.popleft() if self._chunks else None

    def write(self, data: bytes) -> None:
        self._input += data

    def close_stdin(self) -> None:
        if self._code is not None:
            return
        done = self._script(self._input)
        self._code = done.code
        self._chunks.extend((n, data) for n, data in ((1, done.stdout), (2, done.stderr)) if data)
        self._theirs.close()  # From now on select finds fileno readable.

    def resize(self, rows: int, columns: int) -> None:
        self.size = (rows, columns)

    def exit_code(self) -> int:
        self.close_stdin()
        return KILLED if self._code is None else self._code

    def abort(self) -> None:
        return  # nothing waits for it

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
