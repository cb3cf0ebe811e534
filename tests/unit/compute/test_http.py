"""The HTTP client against a scripted server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devbox.compute.engine import http as client
from devbox.compute.engine.docker import DockerEngine
from devbox.compute.engine.endpoint import Endpoint
from devbox.compute.engine.faults import Conflict, EngineError, NotFound
from devbox.compute.engine.http import Http
from devbox.errors import Unreachable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Gives each request the next answer; None closes the connection instead."""

    def __init__(self, path: str, answers: list[bytes | None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):  # The listener is closed at the end.
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while request := connection.recv(65536):
                self.requests.append(request)
                answer = self._answers.pop(0) if self._answers else None
                if answer is None:
                    return
                connection.sendall(answer)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    monkeypatch.chdir(tmp_path)
    servers: list[Server] = []

    def start(*answers: bytes | None) -> Server:
        servers.append(Server("s", list(answers)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


AT = Endpoint("unix://s")


def test_a_connection_is_kept(serve: Callable[..., Server]) -> None:
    server = serve(OK, OK, b"HTTP/1.1 204 No Content\r\n\r\n", OK)
    http = Http(AT)
    assert http.json("GET", "/a", {"q": "x y"}) == {}
    assert http.json("POST", "/b", body={"k": 1}) == {}
    assert http.json("DELETE", "/c") is None
    assert http.json("GET", "/d") == {}
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /a?q=x%20y HTTP/1.1\r\nHost: docker\r\n")
    assert server.requests[1].endswith(b'Content-Length: 8\r\n\r\n{"k": 1}')


def test_a_connection_that_the_engine_closed_is_replaced(serve: Callable[..., Server]) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    server = serve(closing, OK, None, OK)
    http = Http(AT)
    http.json("GET", "/closes")
    http.json("GET", "/keeps")
    with pytest.raises(Unreachable, match="broke"):
        http.json("GET", "/dies")
    assert http.json("GET", "/again") == {}
    assert server.connections == 3


def test_a_kept_connection_that_died_in_the_meantime(serve: Callable[..., Server]) -> None:
    serve(OK)
    http = Http(AT)
    ours, theirs = socket.socketpair()
    theirs.close()
    http.keep(ours)
    assert http.json("GET", "/a") == {}


def test_chunks_and_lines_of_json(serve: Callable[..., Server]) -> None:
    body = b'8\r\n{"a":1}\n\r\n4\r\n{"a"\r\n3\r\n:2}\r\n0\r\n\r\n'
    serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body, OK)
    http = Http(AT)
    with http.stream("GET", "/events") as response:
        assert list(response.objects()) == [{"a": 1}, {"a": 2}]
    assert http.json("GET", "/next") == {}


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (409, Conflict), (500, EngineError)]
)
def test_errors(serve: Callable[..., Server], status: int, error: type[EngineError]) -> None:
    body = b'{"message":"No such\\n thing"}'
    serve(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
    with pytest.raises(error, match="No such thing") as caught:
        Http(AT).json("GET", "/a")
    assert caught.value.status == status


def test_a_full_disk_has_a_hint(serve: Callable[..., Server]) -> None:
    body = b'{"message":"write /x: no space left on device"}'
    serve(b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    with pytest.raises(EngineError, match="disk is full") as caught:
        Http(AT).json("GET", "/a")
    assert "devbox df" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [None, b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"],
)
def test_what_is_no_answer(serve: Callable[..., Server], answer: bytes | None) -> None:
    serve(answer, None)
    with pytest.raises(Unreachable):
        Http(AT).json("GET", "/a", timeout=0.2)


class Slow(Server):
    """Answers a ping at once, or never; anything else ``when`` the event is set."""

    def __init__(self, path: str, when: threading.Event, *, pings: bool) -> None:
        self._when = when
        self._pings = pings
        super().__init__(path, [])

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while request := connection.recv(65536):
                if request.startswith(b"GET /_ping "):
                    self.requests.append(request)
                    if not self._pings:
                        continue
                    self._when.set()
                else:
                    self._when.wait(10)
                connection.sendall(OK)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "PATIENCE", 0.02)
    monkeypatch.setattr(client, "PING_TIMEOUT", 0.05)


@pytest.mark.usefixtures("impatient")
def test_an_engine_that_hangs_is_given_up_soon() -> None:
    never = threading.Event()
    server = Slow("s", never, pings=False)
    engine = DockerEngine(AT)
    for ask in (
        lambda: engine.containers({}),
        lambda: engine.container("x"),
        lambda: engine.exec("x", ["true"]),
        engine.info,
    ):
        with pytest.raises(Unreachable, match="does not answer") as caught:
            ask()
        assert caught.value.hint
    never.set()
    server.close()


@pytest.mark.usefixtures("impatient")
def test_an_engine_that_is_slow_has_its_time() -> None:
    server = Slow("s", threading.Event(), pings=True)
    http = Http(AT)
    assert http.json("GET", "/containers/json") == {}
    assert len(server.requests) == 1
    http.close()
    server.close()


def test_a_command_refused_by_a_newer_engine(serve: Callable[..., Server]) -> None:
    refusal = b'{"message":"OCI runtime exec failed: exec: \\"x\\": executable file not found"}'
    created = b'HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{"Id":"1"}'
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(refusal)
    serve(created, head + refusal)
    engine = DockerEngine(AT)
    done = engine.call("box", ["x"])
    assert (done.code, done.stdout) == (127, b"")
    assert b"not found" in done.stderr
    engine.close()
