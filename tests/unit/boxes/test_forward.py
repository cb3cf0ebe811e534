"""Forwards in the background: a program that listens as `ssh -L` does stands for ssh."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbox.boxes import forward
from devbox.boxes.forward import FILE, Forward, Forwards
from devbox.errors import DevboxError

LISTEN = """
import socket, sys, time
where = sys.argv[sys.argv.index("-L") + 1].split(":")
listener = socket.create_server((where[0], int(where[1])))
time.sleep(3600)
"""
DIE = "import sys; sys.exit('Permission denied (publickey).')"


def ssh(*options: str) -> Sequence[str]:
    return [sys.executable, "-c", LISTEN, *options]


def refused(*options: str) -> Sequence[str]:
    return [sys.executable, "-c", DIE, *options]


def nobody(number: int) -> str:
    return "somebody"


@pytest.fixture
def forwards(tmp_path: Path) -> Iterator[Forwards]:
    made = Forwards(tmp_path / "box", tmp_path / "lock")
    yield made
    made.stop()


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_it_works_when_start_returns_until_it_is_stopped(forwards: Forwards) -> None:
    made = forwards.start(ssh, 9, None, nobody)
    assert answers(made.host_port)
    assert forwards.ls() == (made,)
    assert forwards.stop() == (made,)
    assert not answers(made.host_port)
    assert forwards.ls() == forwards.stop() == ()


def test_the_command_forwards_loopback_to_the_boxs_loopback(forwards: Forwards) -> None:
    given: list[str] = []

    def noted(*options: str) -> Sequence[str]:
        given.extend(options)
        return ssh(*options)

    made = forwards.start(noted, 9, None, nobody)
    assert given[-2:] == ["-L", f"127.0.0.1:{made.host_port}:localhost:9"]
    assert "ExitOnForwardFailure=yes" in given


def test_a_second_start_finds_the_first(forwards: Forwards) -> None:
    made = forwards.start(ssh, 9, None, nobody)
    assert forwards.start(refused, 9, None, nobody) == made
    assert forwards.start(refused, 9, made.host_port, nobody) == made


def test_a_port_keeps_its_number(forwards: Forwards) -> None:
    first = forwards.start(ssh, 9, None, nobody)
    forwards.stop()
    assert forwards.start(ssh, 9, None, nobody).host_port == first.host_port
    forwards.stop()
    with socket.create_server(("127.0.0.1", first.host_port)):
        assert forwards.start(ssh, 9, None, nobody).host_port != first.host_port


def test_it_moves(forwards: Forwards) -> None:
    first = forwards.start(ssh, 9, None, nobody)
    second = forwards.start(ssh, 9, free(), nobody)
    assert forwards.ls() == (second,)
    assert not answers(first.host_port)


def test_only_the_named_one_is_stopped(forwards: Forwards) -> None:
    first, second = (forwards.start(ssh, port, None, nobody) for port in (9, 10))
    assert forwards.stop(9) == (first,)
    assert forwards.ls() == (second,)


def test_a_port_in_use_is_an_error_that_says_by_whom(forwards: Forwards, busy: int) -> None:
    with pytest.raises(DevboxError, match=f"Port {busy} .* by somebody") as taken:
        forwards.start(ssh, 9, busy, nobody)
    assert "devbox ports --forward 9:" in taken.value.hint
    assert forwards.ls() == ()


def test_a_connection_that_fails_is_shown(forwards: Forwards) -> None:
    with pytest.raises(DevboxError, match="Port 9") as failed:
        forwards.start(refused, 9, None, nobody)
    assert failed.value.detail == ("Permission denied (publickey).",)
    assert forwards.ls() == ()


def test_one_that_could_not_be_moved_stays(forwards: Forwards) -> None:
    made = forwards.start(ssh, 9, None, nobody)
    with pytest.raises(DevboxError):
        forwards.start(refused, 9, free(), nobody)
    assert forwards.ls() == (made,)


def test_one_that_never_listens_is_ended(
    forwards: Forwards, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(forward, "PATIENCE", 0.2)
    pid = tmp_path / "pid"
    script = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    with pytest.raises(DevboxError):
        forwards.start(lambda *options: [sys.executable, "-c", script], 9, None, nobody)
    assert not pid.exists() or gone(int(pid.read_text()))


def test_one_that_died_is_not_listed_and_starts_again(forwards: Forwards) -> None:
    made = forwards.start(ssh, 9, None, nobody)
    os.kill(made.pid, signal.SIGKILL)
    while not gone(made.pid):
        pass
    assert forwards.ls() == ()
    assert answers(forwards.start(ssh, 9, None, nobody).host_port)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("which", ["its start", "its port"])
def test_a_process_of_somebody_else_is_never_ended(tmp_path: Path, which: str) -> None:
    port = free()
    argv = ssh("-L", f"127.0.0.1:{port}:localhost:9")
    with subprocess.Popen(argv) as process:
        while not answers(port):
            assert process.poll() is None
        started = psutil.Process(process.pid).create_time()
        written = {
            "its start": Forward(9, port, process.pid, started - 60),
            "its port": Forward(9, free(), process.pid, started),
        }
        (tmp_path / FILE).write_text(json.dumps([vars(written[which])]))
        forwards = Forwards(tmp_path, tmp_path / "lock")
        assert forwards.ls() == forwards.stop() == ()
        assert process.poll() is None
        process.kill()


JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ENTRY = st.fixed_dictionaries(
    dict.fromkeys(("port", "host_port", "started"), JSON), optional={"pid": st.just(0) | JSON}
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary() | (JSON | st.lists(ENTRY)).map(lambda value: json.dumps(value).encode()))
def test_any_file_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert Forwards(tmp_path, tmp_path / "lock").ls() == ()


def test_two_boxes_never_get_the_same_port(forwards: Forwards, tmp_path: Path) -> None:
    other = Forwards(tmp_path / "other", tmp_path / "lock")
    port = free()
    try:
        made = {each.start(ssh, port, None, nobody).host_port for each in (forwards, other)}
    finally:
        other.stop()
    assert len(made) == 2
