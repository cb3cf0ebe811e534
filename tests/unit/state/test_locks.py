from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devbox.errors import DevboxError
from devbox.state.locks import Locked, holder, lock, users

HOLD = """
import sys
from pathlib import Path
from devbox.state import lock
sys.argv = ["/usr/bin/devbox", "up", "--token=hidden"]
with lock(Path({path!r})):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(path=str(path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_the_holder_is_named_without_its_arguments(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"
    process = hold(path)
    try:
        with pytest.raises(Locked) as refused, lock(path, wait=False):
            pass
        assert f"devbox up (process {process.pid})" in refused.value.message
        assert "hidden" not in path.read_text()
        assert holder(path) == f"devbox up (process {process.pid})"
        if sys.platform == "linux":
            assert users(path) == [f"process {process.pid}"]
    finally:
        end(process)


def test_waiting_says_so_once_and_then_gets_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = hold(path)
    told: list[str] = []

    def on_wait(who: str) -> None:
        told.append(who)
        end(process)

    with lock(path, on_wait=on_wait):
        assert path.read_text().startswith(f"{os.getpid()} ")
    assert told == [f"devbox up (process {process.pid})"]


def test_waiting_for_a_time_gives_up(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with lock(path), pytest.raises(Locked), lock(path, wait=0.01):
        pass


def test_waiting_for_a_time_may_succeed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = hold(path)
    with lock(path, wait=60, on_wait=lambda _: end(process)):
        pass


def test_a_killed_holder_lets_go_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = hold(path)
    inode = path.stat().st_ino
    process.kill()
    end(process)
    with lock(path, wait=False):
        assert path.stat().st_ino == inode
    assert path.exists()


def test_a_free_lock_takes_no_waiting_even_with_an_old_name_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    path.write_text("99999999 devbox up and a much longer text than the next one\n")
    with lock(path, wait=False, on_wait=lambda _: pytest.fail("it waited")):
        assert len(path.read_text().splitlines()) == 1
        assert path.read_text().startswith(f"{os.getpid()} ")


def test_shared_holders_share_and_keep_a_sole_one_out(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    both = lock(path, shared=True), lock(path, shared=True, wait=False)
    with both[0], both[1], pytest.raises(Locked), lock(path, wait=False):
        pass
    with lock(path, wait=False), pytest.raises(Locked), lock(path, shared=True, wait=False):
        pass


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock(path):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_the_file_is_private(tmp_path: Path) -> None:
    with lock(tmp_path / "locks" / "a.lock"):
        assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "locks" / "a.lock").stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "a.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(DevboxError, match="cannot be opened"), lock(tmp_path / "a.lock"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.parametrize("content", ["", "12", "x devbox", "\udcff 1", "12 "])
def test_an_unreadable_name_is_another_process(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.lock").write_text(content, errors="surrogateescape")
    assert holder(tmp_path / "a.lock") == "another process"
    assert holder(tmp_path / "none.lock") == "another process"
