"""A small HTTP/1.1 client for the engine's socket.

Commands that must be quick use it instead of the docker SDK, whose import alone takes longer
than they may. Paths carry no API version: the engine then speaks its newest, and old and new
engines share none that both accept. Connections are kept and reused; one object may be used
by several threads.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BufferedReader
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakSet

from devbox.compute.engine.endpoint import Endpoint
from devbox.compute.engine.faults import EngineError, engine_error
from devbox.compute.engine.quoting import urlencode
from devbox.errors import Unreachable

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 60.0
PATIENCE = 5.0
"""After so many seconds without an answer the engine is asked whether it is there at all."""
PING_TIMEOUT = 5.0
CHUNK = 64 * 1024

Body = bytes | Iterable[bytes] | None
Query = Mapping[str, object] | Sequence[tuple[str, object]] | None


class Response:
    """An answer whose body is read as it comes. Close it, or use it in a ``with``."""

    def __init__(self, client: Http, connection: socket.socket) -> None:
        self._client = client
        self._connection = connection
        self._file = cast("BufferedReader", connection.makefile("rb", CHUNK))
        self._done = False
        try:
            self.status, self.headers = self._head()
            while 100 <= self.status < 200:
                self.status, self.headers = self._head()
        except BaseException:
            self.close()
            raise

    def _head(self) -> tuple[int, dict[str, str]]:
        status_line = self._file.readline(CHUNK)
        if not status_line:
            raise ConnectionResetError("closed without an answer")
        return parse_head(status_line, iter(lambda: self._file.readline(CHUNK), b""))

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, as soon as they arrive."""
        try:
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                yield from self._chunked()
            elif "content-length" in self.headers:
                yield from self._counted(int(self.headers["content-length"]))
            elif self.status not in (204, 304):
                while piece := self._file.read1(CHUNK):
                    yield piece
                return
            self._done = True
        except OSError as error:
            raise self._client.broken(error) from error

    def _counted(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._file.read1(min(left, CHUNK))
            if not piece:
                raise ConnectionResetError("closed in the middle of an answer")
            left -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes]:
        while True:
            size_line = self._file.readline(CHUNK)
            if not size_line:
                raise ConnectionResetError("closed in the middle of an answer")
            left = int(size_line.split(b";")[0], 16)
            last = left == 0
            yield from self._counted(left)
            if last:
                while self._file.readline(CHUNK).strip():
                    pass
                return
            self._file.readline(CHUNK)

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())

    def objects(self) -> Iterator[Any]:
        """A stream of JSON objects, one a line."""
        rest = b""
        for chunk in self.chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)
        if rest.strip():
            yield json.loads(rest)

    def close(self) -> None:
        """Give the connection back if the answer was read to its end, else drop it."""
        self._file.close()
        if self._done and self.headers.get("connection", "").lower() != "close":
            self._client.keep(self._connection)
        else:
            self._connection.close()
        self._done = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Http:
    """Requests to one engine. Answers of 400 and above raise EngineError."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._idle: list[socket.socket] = []
        self._open: WeakSet[socket.socket] = WeakSet()
        self.endpoint = endpoint

    def json(
        self,
        method: str,
        path: str,
        query: Query = None,
        body: Any = None,
        *,
        timeout: float | None = ANSWER_TIMEOUT,
    ) -> Any:
        """Send a JSON body, read a JSON answer (None where it is empty)."""
        data = None if body is None else json.dumps(body).encode()
        with self.stream(method, path, query, data, timeout=timeout) as response:
            answer = response.read()
        return json.loads(answer) if answer.strip() else None

    def stream(
        self,
        method: str,
        path: str,
        query: Query = None,
        body: Body = None,
        *,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> Response:
        """Send a request; the answer's body is read by the caller. ``timeout`` is the longest
        silence in seconds (None: any). An engine that is busy has so long; one that hangs, and
        does not even answer a ping, is given up before."""
        connection = self._connection()
        connection.settimeout(timeout)
        try:
            early = _send(connection, head(method, path, query, body, content_type), body)
            if timeout is not None and timeout > PATIENCE + PING_TIMEOUT:
                self._await_answer(connection)
                connection.settimeout(timeout)
            response = Response(self, connection)
        except OSError as error:
            connection.close()
            raise self.broken(error) from error
        except BaseException:
            connection.close()
            raise
        if response.status >= 400:
            with response:
                raise engine_error(response.status, response.read())
        if early:
            response.close()
            raise EngineError("The engine stopped reading in the middle of the upload.")
        return response

    def upgrade(self, path: str, body: Any) -> tuple[socket.socket, dict[str, str]]:
        """Turn a request into a raw two-way stream; nothing of it has been read ahead. Without a
        ``body`` nothing is sent, which the engine might take for the stream's first bytes."""
        connection = self.endpoint.connect(CONNECT_TIMEOUT)
        data = b"" if body is None else json.dumps(body).encode()
        extra = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
        try:
            connection.settimeout(ANSWER_TIMEOUT)
            connection.sendall(head("POST", path, None, data, "application/json", extra) + data)
            headers = _upgraded(connection)
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            raise self.broken(error) from error
        except BaseException:
            connection.close()
            raise
        return connection, headers

    def ping(self) -> None:
        """Raises Unreachable where the engine does not answer."""
        with self.stream("GET", "/_ping", timeout=PING_TIMEOUT) as response:
            response.read()

    def _await_answer(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        try:
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            self.ping()

    def _connection(self) -> socket.socket:
        with suppress(IndexError):  # Another thread may take the last one.
            while True:
                connection = self._idle.pop()
                if _is_open(connection):
                    return connection
                connection.close()
        made = self.endpoint.connect(CONNECT_TIMEOUT)
        self._open.add(made)
        return made

    def keep(self, connection: socket.socket) -> None:
        """Keep a connection for the next request."""
        self._idle.append(connection)

    def broken(self, error: OSError) -> Unreachable:
        """The failure of a connection that stood."""
        if isinstance(error, TimeoutError):
            return self.endpoint.unreachable(error)
        return Unreachable(
            f"The connection to the Docker engine at {self.endpoint.address} broke: {error}.",
            hint="Did the engine stop or restart? Try again; its log says more.",
        )

    def abort(self) -> None:
        """Break off every answer that another thread is reading: it gets Unreachable."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connections that are kept."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def __del__(self) -> None:
        self.close()


def head(
    method: str,
    path: str,
    query: Query,
    body: Body,
    content_type: str,
    extra: str = "",
) -> bytes:
    """The head of a request."""
    target = path if not query else f"{path}?{urlencode(query)}"
    lines = f"{method} {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: devbox\r\n{extra}"
    if isinstance(body, bytes):
        lines += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    elif body is not None:
        lines += f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n"
    elif method != "GET":
        lines += "Content-Length: 0\r\n"
    return lines.encode() + b"\r\n"


def parse_head(status_line: bytes, lines: Iterator[bytes]) -> tuple[int, dict[str, str]]:
    """The status and the headers (names in lower case) of an answer."""
    try:
        status = int(status_line.split(maxsplit=2)[1])
    except (IndexError, ValueError) as error:
        raise ConnectionAbortedError(f"not an HTTP answer: {status_line[:60]!r}") from error
    headers: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            break
        name, _, value = line.partition(b":")
        headers[name.strip().decode("latin-1").lower()] = value.strip().decode("latin-1")
    return status, headers


def _is_open(connection: socket.socket) -> bool:
    """Whether a kept connection still stands: one that has something to read was closed."""
    connection.settimeout(0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _upgraded(connection: socket.socket) -> dict[str, str]:
    """The headers of an answer, read byte by byte so that nothing after them is taken."""
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionResetError("closed without an answer")
        text += byte
    status_line, *lines = text.split(b"\r\n")
    status, headers = parse_head(status_line, iter(lines))
    if status >= 400:
        with connection.makefile("rb") as file:
            raise engine_error(status, file.read(int(headers.get("content-length", "0"))))
    return headers


def _send(connection: socket.socket, first: bytes, body: Body) -> bool:
    """Send a request; True where the engine answered before it had read everything."""
    if body is None or isinstance(body, bytes):
        connection.sendall(first + (body or b""))
        return False
    try:
        connection.sendall(first)
        for piece in body:
            for start in range(0, len(piece), CHUNK * 16):
                part = piece[start : start + CHUNK * 16]
                connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        connection.sendall(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False
