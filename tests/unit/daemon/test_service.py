"""The life of the daemon: one of a home, replaced when it is killed or old, gone when idle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devbox import __version__
from devbox.daemon.client import ask, holder, start, stop, wake
from devbox.daemon.places import LONGEST_SOCKET, lock_file, log_file, socket_file
from devbox.errors import DevboxError

TRAIN = """
import devbox
with devbox.start_run("r", sample_every=None):
    devbox.log_metric("loss", 0.5)
"""


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def no_engine(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An engine that is not there; and no daemon is left."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    yield
    stop(home)


def test_it_starts_once_and_stops(home: Path) -> None:
    assert holder(home) is None
    assert not stop(home)
    found = start(home)
    assert psutil.pid_exists(found.pid)
    assert start(home) == found
    status = ask(home, "status")
    assert (status["pid"], status["boxes"], status["runs"]) == (found.pid, [], False)
    assert socket_file(home).stat().st_mode & 0o777 == 0o600
    assert stop(home)
    assert holder(home) is None
    assert not socket_file(home).exists()
    until(lambda: not psutil.pid_exists(found.pid))


def test_several_starts_at_once_are_one(home: Path) -> None:
    for _ in range(5):
        wake(home)
    found = start(home)
    until(lambda: len(daemons(home)) == 1)
    assert daemons(home) == [found.pid]


def daemons(home: Path) -> list[int]:
    mine = ["-m", "devbox.daemon", str(home)]
    every = psutil.process_iter(["cmdline"])
    return [p.pid for p in every if (p.info["cmdline"] or [])[1:4] == mine]


def test_one_that_was_just_started_is_stopped_too(home: Path) -> None:
    wake(home)
    assert holder(home)
    assert stop(home)
    until(lambda: not daemons(home))
    assert holder(home) is None


def test_a_killed_one_is_replaced(home: Path) -> None:
    found = start(home)
    os.kill(found.pid, signal.SIGKILL)
    until(lambda: holder(home) is None)
    assert socket_file(home).exists()
    again = start(home)
    assert again.pid != found.pid
    assert ask(home, "status")["pid"] == again.pid


def test_one_of_another_version_makes_room(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = start(home)
    lock_file(home).write_text(json.dumps({"pid": found.pid, "version": "0.0.1"}))
    again = start(home)
    assert again.pid != found.pid
    assert again.version == __version__


def test_it_leaves_when_idle(home: Path) -> None:
    Path(os.environ["DEVBOX_CONFIG"]).write_text('daemon_idle = "1s"\n')
    start(home)
    until(lambda: holder(home) is None)
    assert "leaves" in log_file(home).read_text()


def test_it_leaves_with_its_home(home: Path, tmp_path: Path) -> None:
    found = start(home)
    home.rename(tmp_path / "elsewhere")
    until(lambda: not psutil.pid_exists(found.pid))


def test_runs_are_taken_in_as_they_come(home: Path) -> None:
    start(home)
    subprocess.run([sys.executable, "-c", TRAIN], check=True, timeout=30)
    until(lambda: (home / "runs").is_dir() and not list((home / "spool").iterdir()))


def test_rubbish_on_its_socket_harms_nothing(home: Path) -> None:
    found = start(home)
    for data in (b"\xff\xff\n", b"[]\n", b"7\n", b'{"op": []}\n', b"x" * 5000 + b"\n", b""):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(socket_file(home)))
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            stream.settimeout(10)
            try:
                stream.recv(1000)
            except ConnectionResetError:
                continue
    assert ask(home, "status")["pid"] == found.pid


def test_a_long_home_has_a_short_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    deep = tmp_path / ("x" * 100)
    place = socket_file(deep)
    assert len(os.fsencode(place)) <= LONGEST_SOCKET
    assert place != socket_file(tmp_path / ("y" * 100))
    monkeypatch.setenv("DEVBOX_HOME", str(deep))
    found = start(deep)
    assert ask(deep, "status")["pid"] == found.pid
    assert stop(deep)


def test_nobody_answers(home: Path) -> None:
    with pytest.raises(DevboxError, match="does not answer"):
        ask(home, "status")
