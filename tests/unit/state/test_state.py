from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from devbox import state as room
from devbox.errors import DevboxError
from devbox.state import State, migrations, mounts
from devbox.state.connection import explain

WRITE = """
import sys
from pathlib import Path
from devbox.state import State
home, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with State(home, actor=name) as state:
    for number in range(count):
        with state.transaction():
            state.events.append("test", "written", number=number)
"""


@pytest.fixture
def state(home: Path) -> Iterator[State]:
    with State(home, actor="ada") as opened:
        yield opened


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_first_open_makes_a_private_file(home: Path) -> None:
    with State(home, actor="ada") as state:
        state.events.append("a", "k")
        assert home.stat().st_mode & 0o777 == 0o700
        for name in ("state.db", "state.db-wal", "state.db-shm"):
            assert (home / name).stat().st_mode & 0o777 == 0o600
        assert state.connection.pragma("journal_mode") == "wal"
        assert state.connection.pragma("foreign_keys") == 1
        assert state.connection.pragma("application_id") == migrations.APPLICATION_ID


def test_a_second_open_finds_everything_and_migrates_nothing(home: Path) -> None:
    with State(home, actor="ada") as state:
        state.events.append("a", "k")
    code = "import sys; from pathlib import Path; from devbox.state import State\n"
    code += "with State(Path(sys.argv[1]), actor='ada') as state: print(len(state.events.ls()))\n"
    code += "print('sqlite_utils' in sys.modules)"
    printed, _ = start(code, home).communicate()
    assert printed.split() == ["1", "False"]


def test_four_first_opens_and_four_writers_lose_nothing(home: Path) -> None:
    writers = [start(WRITE, home, f"writer{number}", 200) for number in range(4)]
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    with State(home, actor="ada") as state:
        events = state.events.ls()
    assert len(events) == 800
    for number in range(4):
        own = [event.data["number"] for event in events if event.actor == f"writer{number}"]
        assert own == list(range(200))


def test_a_killed_writer_leaves_whole_transactions(home: Path) -> None:
    code = """
import sys
from pathlib import Path
from devbox.state import State
with State(Path(sys.argv[1]), actor="ada") as state:
    number = 0
    while True:
        with state.transaction():
            state.events.append("pair", "first", number=number)
            state.events.append("pair", "second", number=number)
        number += 1
        print(number, flush=True)
"""
    writer = start(code, home)
    assert writer.stdout is not None
    for _ in range(20):
        writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    printed, _ = writer.communicate()
    with State(home, actor="ada") as state:
        kinds = [event.kind for event in state.events.ls()]
        assert state.connection.pragma("integrity_check") == "ok"
        state.events.append("a", "k")
    assert kinds[::2] == ["first"] * (len(kinds) // 2)
    assert kinds[1::2] == ["second"] * (len(kinds) // 2)
    assert len(kinds) // 2 >= 20 + printed.count("\n")


def test_a_writer_killed_inside_a_transaction_leaves_nothing_and_blocks_nobody(
    state: State,
) -> None:
    code = """
import sys
from pathlib import Path
from devbox.state import State
with State(Path(sys.argv[1]), actor="ada") as state, state.transaction():
    state.events.append("half", "k")
    print("inside", flush=True)
    sys.stdin.read()
"""
    writer = start(code, state.home)
    assert writer.stdout is not None
    writer.stdout.readline()
    writer.kill()
    writer.communicate()
    state.events.append("whole", "k")
    assert [event.subject for event in state.events.ls()] == ["whole"]


def test_a_part_that_fails_takes_only_itself_back(state: State) -> None:
    with state.transaction():
        state.events.append("outer", "k")
        with pytest.raises(ZeroDivisionError), state.transaction():
            assert state.events.append("inner", "k") / 0
        with state.transaction():
            state.events.append("second inner", "k")
    assert [event.subject for event in state.events.ls()] == ["outer", "second inner"]


def test_a_durable_commit_is_synced_and_the_next_is_not(state: State) -> None:
    with state.transaction(durable=True) as connection:
        assert connection.pragma("synchronous") == 2
        with state.transaction(durable=True):
            state.events.append("a", "k")
    assert state.connection.pragma("synchronous") == 1
    with state.transaction(), pytest.raises(RuntimeError), state.transaction(durable=True):
        pass


def test_each_thread_has_a_connection_that_goes_with_it(state: State) -> None:
    found: list[object] = []

    def work() -> None:
        found.append(state.connection)
        state.events.append("thread", "k")

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert state.connection not in found
    assert len(state._connections) == 2
    assert len(state.events.ls()) == 3


def test_the_data_version_changes_with_own_and_foreign_commits(state: State) -> None:
    first = state.data_version()
    assert state.data_version() == first
    state.events.append("a", "k")
    second = state.data_version()
    assert second != first
    with State(state.home, actor="ada") as other:
        other.events.append("a", "k")
    assert state.data_version() != second


def test_a_closed_state_says_so(home: Path) -> None:
    state = State(home, actor="ada")
    state.close()
    state.close()
    with pytest.raises(RuntimeError, match="closed"):
        state.events.ls()


def test_a_newer_file_names_both_versions(home: Path) -> None:
    State(home, actor="ada").close()
    with closing(sqlite3.connect(home / "state.db")) as raw:
        raw.execute("PRAGMA user_version = 4711")
    with pytest.raises(DevboxError) as error:
        State(home, actor="ada")
    assert "version 4711" in error.value.message
    assert f"version {room.VERSION}" in error.value.message
    assert "Upgrade" in error.value.hint


@pytest.mark.parametrize(
    "content", [b"hello", b"not a database, but long enough" * 100, b"\0" * 5000]
)
def test_a_file_that_is_no_database(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "state.db").write_bytes(content)
    with pytest.raises(DevboxError, match="is not a devbox state file") as error:
        State(home, actor="ada")
    assert "restore" in error.value.hint
    assert (home / "state.db").read_bytes() == content


def test_some_other_database(home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / "state.db")) as raw:
        raw.execute("CREATE TABLE music (title)")
    with pytest.raises(DevboxError, match="is not a devbox state file"):
        State(home, actor="ada")


def test_a_damaged_file(home: Path) -> None:
    with State(home, actor="ada") as state:
        for number in range(300):
            state.events.append("a" * 50, "k", number=number)
    content = bytearray((home / "state.db").read_bytes())
    # All behind the pages that say what tables there are.
    rows = content.rindex(b"a" * 50) // 4096 * 4096
    content[rows - 4096 * 4 :] = b"\x55" * (len(content) - rows + 4096 * 4)
    (home / "state.db").write_bytes(content)
    with State(home, actor="ada") as state, pytest.raises(DevboxError, match="is damaged") as error:
        state.events.ls()
    assert "devbox state check" in error.value.hint


def test_an_empty_file_is_a_first_open(home: Path) -> None:
    home.mkdir()
    (home / "state.db").touch()
    with State(home, actor="ada") as state:
        assert state.events.last_id() == 0


def test_a_network_filesystem_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "filesystem_of", lambda _: "nfs4")
    with pytest.raises(DevboxError, match=r"network filesystem \(nfs4\)") as error:
        State(home, actor="ada")
    assert "DEVBOX_HOME" in error.value.hint
    assert not (home / "state.db").exists()


def test_an_existing_file_on_a_network_filesystem_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    State(home, actor="ada").close()
    monkeypatch.setattr(mounts, "may_be_network", lambda _: True)
    monkeypatch.setattr(mounts, "filesystem_of", lambda _: "cifs")
    with pytest.raises(DevboxError, match="network filesystem"):
        State(home, actor="ada")


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DevboxError, match="cannot be used"):
        State(tmp_path / "file", actor="ada")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def without_root() -> Iterator[None]:
    """Root may write everywhere: be nobody for a moment."""
    if os.getuid():
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_read_only_file(public: Path) -> None:
    State(public, actor="ada").close()
    (public / "state.db").chmod(0o444)
    with without_root(), pytest.raises(DevboxError, match="is read-only") as error:
        State(public, actor="ada")
    assert "DEVBOX_HOME" in error.value.hint


def test_a_folder_that_cannot_be_written(public: Path) -> None:
    public.chmod(0o555)
    with without_root(), pytest.raises(DevboxError, match="cannot be used: Permission denied"):
        State(public / "home", actor="ada")


def test_the_disk_is_full_while_writing(state: State) -> None:
    pages = state.connection.pragma("page_count")
    state.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DevboxError, match="No space left") as error, state.transaction():
        state.events.append("a", "k", text="x" * 4_000_000)
    assert "devbox df" in error.value.hint
    assert state.events.ls() == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "No space"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read-only"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damaged"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "busy"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk failed"),
    ],
)
def test_failures_of_file_and_disk_are_explained(code: int, words: str) -> None:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    explained = explain(error, Path("/x"))
    assert explained is not None
    assert words in explained.message
    assert explained.hint


def test_a_write_that_fails_on_a_full_disk_is_not_blamed_on_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=0))
    explained = explain(error, Path("/x/state.db"))
    assert explained is not None
    assert explained.message == "No space left for /x/state.db."


def test_mistakes_in_sql_stay_what_they_are(state: State) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        state.connection.execute("SELECT * FROM missing")
    with pytest.raises(sqlite3.IntegrityError):
        state.connection.execute("INSERT INTO boxes (owner) VALUES ('x')")
    with pytest.raises(sqlite3.IntegrityError):
        state.connection.executemany("INSERT INTO boxes (owner) VALUES (?)", [("x",)])
    assert explain(sqlite3.OperationalError("no code"), Path("/x")) is None
