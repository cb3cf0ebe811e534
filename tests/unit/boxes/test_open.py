"""Programs with a page: the box is scripted, the page is served here."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from devbox.boxes import open as opening
from devbox.boxes.apps import APPS, app_named
from devbox.boxes.forward import Forward
from devbox.boxes.identity import BoxId, User
from devbox.boxes.open import Opener
from devbox.boxes.tree import MARK
from devbox.boxes.view import view
from devbox.cli.group import cli
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import ExecResult, PublishedPort
from devbox.errors import DevboxError, UsageError
from tests.unit.boxes.running import running_box

JUPYTER = APPS["jupyter"]
FIRST = ExecResult(0, b"", b"")


class Box(FakeEngine):
    """A box with one program: ``about`` and ``token`` as its `serve` keeps them."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.about: list[str] = []
        self.token = ""
        self.sockets = ""
        self.started = FIRST
        self.ends = False
        self.signals: list[str] = []

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        words = [word.rpartition("/")[2] for word in argv]
        if words[0] == "listening":
            return ExecResult(0, self.sockets.encode(), b"")
        if words[0] == "signal":
            self.signals.append(argv[1])
            self.about = []
        elif words[:3] == ["run", "serve", "start"]:
            if self.started.code == 0 and not self.ends:
                self.about, self.token = list(argv[5:7]), data.decode()
            return self.started
        elif words[:2] == ["serve", "status"]:
            if not self.about:
                return ExecResult(1, b"what it wrote\nlast\n", b"")
            return ExecResult(0, "\n".join([*self.about, self.token]).encode(), b"")
        return FIRST


class Reach:
    """Notes the forwards that it is asked for; the page is at ``host_port``."""

    def __init__(self, host_port: int) -> None:
        self.host_port = host_port
        self.asked: list[tuple[int, int | None]] = []
        self.stopped: list[int] = []

    def forward(self, port: int, host_port: int | None = None) -> Forward:
        self.asked.append((port, host_port))
        return Forward(port, self.host_port, 1)

    def stop(self, port: int) -> None:
        self.stopped.append(port)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def page(box: Box) -> Iterator[int]:
    """JupyterLab's answers: who has the token is let in, and with an empty one everybody."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
            known = box.token in {given, "everybody"}
            self.send_response(200 if known else 403)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def reach(page: int) -> Reach:
    return Reach(page)


@pytest.fixture
def opener(box: Box, reach: Reach, tmp_path: Path) -> Opener:
    return made(box, reach, tmp_path)


def made(box: Box, reach: Reach, folder: Path, *ports: PublishedPort) -> Opener:
    container = running_box(box, folder)
    box.set(container.id, ports=ports)
    seen = view(BoxId("ada", "b"), box.containers({}), None)
    return Opener(box, seen, User(1000, 1000), reach)  # type: ignore[arg-type]


def test_it_is_started_forwarded_and_found_again(opener: Opener, box: Box, page: int) -> None:
    first = opener.open(JUPYTER)
    assert (first.port, first.host_port, first.how, first.started) == (
        8888,
        page,
        "forwarded",
        True,
    )
    assert first.url == f"http://127.0.0.1:{page}/lab?token={box.token}"
    again = opener.open(JUPYTER)
    assert (again.url, again.started) == (first.url, False)


def test_the_token_is_long_new_and_in_no_argument(opener: Opener, box: Box) -> None:
    tokens = set()
    for _ in range(2):
        opener.open(JUPYTER)
        assert len(box.token) == 64
        tokens.add(box.token)
        box.about = []
    assert len(tokens) == 2
    for each in box.executed:
        told = [*each.argv, *each.env, *each.env.values()]
        assert not [token for token in tokens if any(token in word for word in told)]


def test_it_is_no_work_and_listens_on_loopback_only(opener: Opener, box: Box) -> None:
    opener.open(JUPYTER, folder="deep")
    (start,) = [each for each in box.executed if "start" in each.argv]
    assert start.env == {MARK: "serve-jupyter"}
    assert (start.user, start.cwd) == ("1000:1000", "/workspace")
    assert "--ServerApp.ip=127.0.0.1" in start.argv
    assert "--ServerApp.root_dir=/workspace/deep" in start.argv


def test_a_published_port_is_used(box: Box, page: int, tmp_path: Path) -> None:
    reach = Reach(page)
    opener = made(box, reach, tmp_path, PublishedPort(8888, "tcp", "0.0.0.0", page))
    opened = opener.open(JUPYTER)
    assert (opened.how, opened.host_port, reach.asked) == ("published", page, [])
    assert opened.url.startswith(f"http://127.0.0.1:{page}/")
    (start,) = [each for each in box.executed if "start" in each.argv]
    assert "--ServerApp.ip=0.0.0.0" in start.argv
    assert opener.open(JUPYTER, host_port=page).how == "published"
    assert opener.open(JUPYTER, host_port=4711).how == "forwarded"
    assert reach.asked == [(8888, 4711)]


def test_a_port_that_is_in_use_in_the_box_is_passed_over(opener: Opener, box: Box) -> None:
    box.sockets = "tcp 0100007F:22B8 7\nprocess 7 30 somebody's own\n"
    assert opener.open(JUPYTER).port == 8889


def test_a_box_without_it(opener: Opener, box: Box) -> None:
    box.started = ExecResult(127, b"", b"")
    for app, package in (("jupyter", "jupyterlab"), ("tensorboard", "tensorboard")):
        with pytest.raises(DevboxError, match="There is no") as missing:
            opener.open(app_named(app))
        assert f"devbox add {package}" in missing.value.hint


def test_what_it_wrote_is_shown_where_it_ends(opener: Opener, box: Box, reach: Reach) -> None:
    box.ends = True
    with pytest.raises(DevboxError, match="JupyterLab ended") as ended:
        opener.open(JUPYTER)
    assert ended.value.detail == ("what it wrote", "last")
    assert reach.stopped == [8888]
    assert "KILL" in box.signals


def test_one_that_does_not_answer_is_ended_where_we_started_it(
    opener: Opener, box: Box, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 0.0)
    reach.host_port = 1
    with pytest.raises(DevboxError, match="does not answer"):
        opener.open(JUPYTER)
    assert box.signals[0] == "TERM"
    box.about, box.token, box.signals = ["8888", "/workspace"], "f" * 64, []
    with pytest.raises(DevboxError, match="does not answer"):
        opener.open(JUPYTER)
    assert box.signals == []


def test_one_that_lets_everybody_in_is_ended(
    opener: Opener, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devbox.boxes.open.secrets.token_hex", lambda size: "everybody")
    monkeypatch.setattr(opening, "_TOKEN", re.compile("everybody"))
    with pytest.raises(DevboxError, match="without its token"):
        opener.open(JUPYTER)
    assert box.signals


def test_another_folder_needs_a_stop_first(opener: Opener) -> None:
    opener.open(JUPYTER, folder="a")
    assert not opener.open(JUPYTER).started
    assert not opener.open(JUPYTER, folder="a").started
    with pytest.raises(UsageError, match="/workspace/a") as other:
        opener.open(JUPYTER, folder="b")
    assert other.value.hint == "`devbox open jupyter --stop` ends it."
    with pytest.raises(UsageError, match="Not a folder"):
        opener.open(JUPYTER, folder="a\nb")


@pytest.mark.parametrize(
    ("about", "token"),
    [
        (["0", "/workspace"], "a" * 64),
        (["9" * 5000, "/workspace"], "a" * 64),
        (["²", "/workspace"], "a" * 64),
        (["8888"], "a" * 64),
        (["8888", "/workspace"], "a" * 63 + "/"),
        (["8888", "/workspace"], ""),
    ],
)
def test_what_a_box_says_is_checked(opener: Opener, box: Box, about: list[str], token: str) -> None:
    box.about, box.token = about, token
    assert opener.running(JUPYTER) is None


def test_the_commands_line_knows_every_program() -> None:
    command = cli.get_command(None, "open")  # type: ignore[arg-type]
    assert command is not None
    assert list(command.params[0].type.choices) == list(APPS)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="Unknown program"):
        app_named("emacs")
