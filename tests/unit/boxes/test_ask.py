from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from devbox.boxes.ask import Answer, TooMuch, TooSlow, ask


def sh(script: str, seconds: float = 20, limit: int = 1000) -> Answer:
    return ask(["sh", "-c", script], seconds=seconds, limit=limit)


def test_output_errors_code_and_input() -> None:
    answer = ask(
        ["sh", "-c", "read line; echo got $line; echo wrong >&2; exit 3"],
        seconds=20,
        limit=100,
        send=b"this\n",
    )
    assert (answer.code, answer.output, answer.last_errors) == (3, b"got this\n", ["wrong"])


def test_a_program_that_does_not_read() -> None:
    assert ask(["true"], seconds=20, limit=10, send=b"x" * 1000).code == 0


def test_too_much() -> None:
    with pytest.raises(TooMuch):
        sh("yes", limit=100_000)
    answer = ask(["sh", "-c", "yes | head -c 300000 >&2"], seconds=20, limit=10)
    assert len(answer.errors) <= 8192
    assert len(answer.last_errors) == 10


def test_a_hang_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"setsid sleep 60 & echo $! >> {pids}; (sleep 61 & echo $! >> {pids}); sleep 62"
    with pytest.raises(TooSlow):
        sh(script, seconds=0.5)
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    deadline = time.monotonic() + 5
    while any(psutil.pid_exists(pid) and alive(pid) for pid in started):
        assert time.monotonic() < deadline


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_what_is_left_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    begun = time.monotonic()
    answer = ask(["sh", "-c", f"sleep 60 & echo $! > {pid}; echo done"], seconds=20, limit=100)
    assert answer.output == b"done\n"
    assert time.monotonic() - begun < 10
    os.kill(int(pid.read_text()), 9)


def test_there_is_no_terminal_to_ask_at() -> None:
    assert ask(["sh", "-c", "exec </dev/tty"], seconds=20, limit=10).code != 0


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        ask(["/no-such-program"], seconds=1, limit=1)
