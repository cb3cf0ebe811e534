"""Commands in a running container, with their streams attached."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from devbox.compute.engine.faults import EngineError, NotFound
from devbox.compute.engine.frames import HEADER
from devbox.compute.engine.http import CHUNK, Http
from devbox.compute.engine.quoting import quote
from devbox.compute.engine.types import ExecResult

NOT_STARTED = b"OCI runtime exec failed"
CANNOT_RUN = 126
NOT_FOUND = 127
KILLED = 137


class DockerExec:
    """See :class:`devbox.compute.engine.types.Exec`. Nothing is read ahead of ``read``, so
    waiting for ``fileno`` with ``select`` misses no data."""

    def __init__(self, http: Http, exec_id: str, connection: socket.socket, *, tty: bool) -> None:
        self.id = exec_id
        self._http = http
        self._connection = connection
        self._tty = tty
        self._stream = 1
        self._left = 0
        self._fresh = True
        self._refusal = b""
        self._given_up = False

    def fileno(self) -> int:
        return self._connection.fileno()

    def read(self) -> tuple[int, bytes] | None:
        try:
            chunk = self._next()
        except ConnectionResetError:
            return None
        except OSError:
            if self._given_up:  # What an encrypted connection answers then.
                return None
            raise
        if chunk and self._fresh:
            self._fresh = False
            if chunk[1].startswith(NOT_STARTED):
                # The engine reports a command that it could not start as the command's output.
                self._refusal = chunk[1]
                return 2, chunk[1]
        return chunk

    def _next(self) -> tuple[int, bytes] | None:
        if self._tty:
            data = self._connection.recv(CHUNK)
            return (1, data) if data else None
        while not self._left:
            header = b""
            while len(header) < HEADER:
                piece = self._connection.recv(HEADER - len(header))
                if not piece:
                    return None
                header += piece
            self._stream, self._left = header[0], int.from_bytes(header[4:], "big")
        data = self._connection.recv(min(self._left, CHUNK))
        if not data:
            return None
        self._left -= len(data)
        return (2 if self._stream == 2 else 1), data

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def close_stdin(self) -> None:
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            return  # The command has ended and its connection with it.

    def resize(self, rows: int, columns: int) -> None:
        try:
            self._http.json("POST", f"/exec/{self.id}/resize", {"h": rows, "w": columns})
        except EngineError:
            return  # It has ended, or not begun: then there is nothing to resize.

    def exit_code(self) -> int:
        # The stream may end a moment before the engine has noted the exit code, and a command
        # may close its output long before it ends.
        pause = 0.002
        while True:
            try:
                answer: dict[str, Any] = self._http.json("GET", f"/exec/{self.id}/json")
            except NotFound:
                return KILLED  # The container is gone, and the command with it.
            if not answer["Running"] and answer["ExitCode"] is not None:
                return self._code(int(answer["ExitCode"]))
            if self._given_up:
                return KILLED
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def _code(self, code: int) -> int:
        if code == CANNOT_RUN and self._refusal:
            return refusal_code(self._refusal)
        return code

    def abort(self) -> None:
        """Break the connection off, which ends a ``write`` or ``read`` of another thread."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # It is broken already.

    def give_up(self) -> None:
        """Wait no longer, in whatever thread: ``read`` ends, the exit code is that of a kill."""
        self._given_up = True
        self.abort()

    def close(self) -> None:
        self._connection.close()


class RefusedExec(DockerExec):
    """A command that the engine refused to start with an HTTP error, as newer engines do."""

    def __init__(self, http: Http, message: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            text = message.encode() + b"\r\n"
            theirs.sendall(b"\x02\0\0\0" + len(text).to_bytes(4, "big") + text)
        super().__init__(http, "", ours, tty=False)
        self._message = text

    def write(self, data: bytes) -> None:
        del data

    def resize(self, rows: int, columns: int) -> None:
        del rows, columns

    def exit_code(self) -> int:
        return refusal_code(self._message)


def refusal_code(message: bytes) -> int:
    """126 or 127, as shells use them, for a command that could not be started."""
    if b"executable file not found" in message:
        return NOT_FOUND
    if b"chdir to cwd" not in message and b"no such file or directory" in message:
        return NOT_FOUND
    return CANNOT_RUN


def start(
    http: Http,
    ref: str,
    argv: Sequence[str],
    *,
    user: str = "",
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    tty: bool = False,
    stdin: bool = False,
    size: tuple[int, int] | None = None,
) -> DockerExec:
    """Start a command in a container, attached."""
    body: dict[str, Any] = {
        "AttachStdin": stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": tty,
        "Cmd": list(argv),
        "User": user,
        "WorkingDir": cwd,
        "Env": [f"{name}={value}" for name, value in (env or {}).items()],
    }
    begin: dict[str, Any] = {"Detach": False, "Tty": tty}
    if tty and size:
        body["ConsoleSize"] = begin["ConsoleSize"] = list(size)
    exec_id = str(http.json("POST", f"/containers/{quote(ref)}/exec", body=body)["Id"])
    try:
        connection, headers = http.upgrade(f"/exec/{exec_id}/start", begin)
    except EngineError as error:
        if error.message.startswith(NOT_STARTED.decode()):
            return RefusedExec(http, error.message)
        raise
    command = DockerExec(http, exec_id, connection, tty=tty)
    if tty and size and _api(headers) < (1, 42):
        command.resize(*size)  # ConsoleSize is honoured since API 1.42.
    return command


def _api(headers: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in headers.get("api-version", "1.0").split("."))


def call(
    http: Http,
    ref: str,
    argv: Sequence[str],
    *,
    user: str = "",
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,  # noqa: A002 - as subprocess calls it
    timeout: float | None = None,
) -> ExecResult:
    """Run a command to its end, or wait for it no longer than ``timeout`` seconds. Input is fed
    while output is read: neither waits for the other, whatever their size."""
    command = start(http, ref, argv, user=user, cwd=cwd, env=env, stdin=input is not None)
    feeder = timer = None
    try:
        if timeout is not None:
            timer = threading.Timer(timeout, command.give_up)
            timer.daemon = True
            timer.start()
        if input is not None:
            feeder = threading.Thread(target=_feed, args=(command, input), daemon=True)
            feeder.start()
        output: dict[int, list[bytes]] = {1: [], 2: []}
        while chunk := command.read():
            output[chunk[0]].append(chunk[1])
        code = command.exit_code()
    finally:
        if timer is not None:
            timer.cancel()
            timer.join()  # It may be at work on the connection, whose number is free once closed.
        if feeder is not None:
            # Wakes a feeder whose command ended without reading everything.
            command.abort()
            feeder.join()
        command.close()
    return ExecResult(code, b"".join(output[1]), b"".join(output[2]))


def _feed(command: DockerExec, data: bytes) -> None:
    try:
        command.write(data)
    except OSError:
        return  # The command has ended without reading everything: its exit code tells.
    command.close_stdin()
