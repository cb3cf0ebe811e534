from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from devbox.errors import DevboxError, Refused
from devbox.state import State, copies
from devbox.state.connection import disk_full
from devbox.state.copies import backup, restore


@pytest.fixture
def home(home: Path) -> Path:
    with State(home, actor="ada") as state:
        state.events.append("first", "k")
    return home


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder with nothing in it."""
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def subjects(home: Path) -> list[str]:
    with State(home, actor="ada") as state:
        return [event.subject for event in state.events.ls()]


def test_a_backup_is_one_private_file_with_everything(home: Path, empty: Path) -> None:
    with State(home, actor="ada") as state:
        state.events.append("still in the log", "k")
        made = backup(home, empty / "copy.db")
    assert made.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in empty.iterdir()) == ["copy.db"]
    with closing(sqlite3.connect(made)) as copy:
        assert copy.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_where_a_backup_goes(home: Path, empty: Path) -> None:
    assert backup(home).parent == home / "backups"
    assert (home / "backups").stat().st_mode & 0o777 == 0o700
    made = [backup(home, empty) for _ in range(3)]
    assert len(set(made)) == 3
    assert all(path.name.startswith("state-") and path.suffix == ".db" for path in made)


def test_a_backup_replaces_only_with_force(home: Path, empty: Path) -> None:
    target = empty / "copy.db"
    target.write_text("precious")
    with pytest.raises(Refused, match="exists already"):
        backup(home, target)
    assert target.read_text() == "precious"
    assert backup(home, target, force=True).stat().st_size > 4096


def test_a_backup_never_replaces_the_state_file(home: Path) -> None:
    with pytest.raises(Refused):
        backup(home, home / "state.db", force=True)
    assert subjects(home) == ["first"]


def test_a_backup_that_fails_leaves_nothing(
    home: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise disk_full(empty)

    monkeypatch.setattr(copies, "_copy", full)
    with pytest.raises(DevboxError, match="No space left"):
        backup(home, empty / "copy.db")
    assert list(empty.iterdir()) == []


def test_nothing_to_back_up(empty: Path) -> None:
    with pytest.raises(DevboxError, match="nothing to back up") as caught:
        backup(empty)
    assert "DEVBOX_HOME" in caught.value.hint
    with pytest.raises(DevboxError, match="There is no file") as caught:
        restore(empty, empty / "none.db")
    assert str(empty / "backups") in caught.value.hint
    assert list(empty.iterdir()) == []


def test_a_folder_that_is_not_there(home: Path, empty: Path) -> None:
    with pytest.raises(DevboxError, match="cannot be written"):
        backup(home, empty / "none" / "copy.db")


def test_backups_while_others_write_are_whole(home: Path, empty: Path) -> None:
    code = """
import sys
from pathlib import Path
from devbox.state import State
with State(Path(sys.argv[1]), actor="ada") as state:
    while True:
        with state.transaction():
            state.events.append("pair", "first")
            state.events.append("pair", "second")
        print("x", flush=True)
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for number in range(5):
            for writer in writers:
                assert writer.stdout is not None
                writer.stdout.readline()
            made = backup(home, empty / f"{number}.db")
            with closing(sqlite3.connect(made)) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                counts = copy.execute(
                    "SELECT sum(kind = 'first'), sum(kind = 'second') FROM events"
                ).fetchone()
                assert counts[0] == counts[1] > 0
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_restoring_brings_the_backup_back_and_keeps_what_was_there(home: Path) -> None:
    made = backup(home)
    with State(home, actor="ada") as state:
        state.events.append("second", "k")
    kept = restore(home, made)
    assert subjects(home) == ["first"]
    assert kept is not None
    assert kept.name.startswith("state.db.before-restore-")
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT count(*) FROM events").fetchone() == (2,)
    assert (home / "state.db").stat().st_mode & 0o777 == 0o600
    restore(home, kept)
    assert subjects(home) == ["first", "second"]


def test_restoring_after_a_crash_keeps_the_log(home: Path) -> None:
    made = backup(home)
    code = "import os, sys; from pathlib import Path; from devbox.state import State\n"
    code += "State(Path(sys.argv[1]), actor='ada').events.append('second', 'k'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(home)], check=False)
    assert (home / "state.db-wal").stat().st_size > 0
    kept = restore(home, made)
    assert subjects(home) == ["first"]
    assert kept is not None
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_restoring_replaces_a_damaged_file(home: Path, empty: Path) -> None:
    made = backup(home, empty / "copy.db")
    (home / "state.db").write_bytes(b"garbage" * 1000)
    (home / "state.db-wal").write_bytes(b"garbage")
    kept = restore(home, made)
    assert subjects(home) == ["first"]
    assert kept is not None
    assert kept.read_bytes() == b"garbage" * 1000


def test_restoring_where_nothing_is(home: Path, empty: Path) -> None:
    made = backup(home)
    assert restore(empty / "new", made) is None
    assert subjects(empty / "new") == ["first"]


def test_restoring_waits_for_nobody(home: Path) -> None:
    made = backup(home)
    with State(home, actor="ada"), pytest.raises(Refused, match="in use") as error:
        restore(home, made)
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in error.value.message
    assert subjects(home) == ["first"]


@pytest.mark.parametrize("kind", ["text", "other database", "newer", "damaged", "absent", "itself"])
def test_a_bad_backup_changes_nothing(home: Path, empty: Path, kind: str) -> None:
    source = backup(home, empty / "copy.db")
    match kind:
        case "text":
            source.write_text("hello " * 1000)
        case "other database":
            source.unlink()
            with closing(sqlite3.connect(source)) as raw:
                raw.execute("CREATE TABLE music (title)")
        case "newer":
            with closing(sqlite3.connect(source)) as raw:
                raw.execute("PRAGMA user_version = 4711")
        case "damaged":
            content = bytearray(source.read_bytes())
            content[4096:] = b"\x55" * (len(content) - 4096)
            source.write_bytes(content)
        case "absent":
            source.unlink()
        case "itself":
            source = home / "state.db"
    with pytest.raises(DevboxError):
        restore(home, source)
    assert subjects(home) == ["first"]
    assert sorted(path.name for path in home.iterdir()) == ["locks", "state.db"]
