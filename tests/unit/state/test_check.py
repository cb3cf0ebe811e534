from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from devbox.errors import DevboxError
from devbox.state import State, check, mounts
from devbox.state.check import check as check_state


@pytest.fixture
def home(home: Path) -> Path:
    with State(home, actor="ada") as state:
        for number in range(300):
            state.events.append("a" * 50, "k", number=number)
    return home


def found(home: Path) -> dict[str, str]:
    return {each.name: each.status for each in check_state(home)}


def test_a_sound_file(home: Path) -> None:
    with State(home, actor="ada") as state:
        state.events.append("a", "k")
        statuses = found(home)
    assert set(statuses.values()) == {"ok"}
    assert list(statuses) == [
        "folder",
        "filesystem",
        "modes",
        "version",
        "integrity",
        "tables",
        "references",
        "log",
    ]


def test_nothing_is_made(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    assert found(empty) == {"folder": "ok"}
    empty.mkdir()
    assert found(empty)["file"] == "ok"
    assert list(empty.iterdir()) == []


def test_loose_modes(home: Path) -> None:
    home.chmod(0o777)
    (home / "state.db").chmod(0o644)
    statuses = found(home)
    assert (statuses["folder"], statuses["modes"]) == ("warn", "warn")


def test_a_damaged_file(home: Path) -> None:
    content = bytearray((home / "state.db").read_bytes())
    content[8192 : len(content)] = b"\x55" * (len(content) - 8192)
    (home / "state.db").write_bytes(content)
    assert "fail" in found(home).values()


def test_no_database(home: Path) -> None:
    (home / "state.db").write_text("hello " * 100)
    assert found(home)["file"] == "fail"


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("DROP TABLE boxes", "the table boxes"),
        ("ALTER TABLE boxes DROP COLUMN spec", "boxes.spec"),
    ],
)
def test_tables_that_lack_something(home: Path, damage: str, missing: str) -> None:
    with closing(sqlite3.connect(home / "state.db")) as raw:
        raw.execute(damage)
    [lacking] = [each for each in check_state(home) if each.status != "ok"]
    assert (lacking.name, lacking.status) == ("tables", "fail")
    assert lacking.message == f"missing: {missing}"
    assert lacking.fix


def test_a_link_that_leads_nowhere(home: Path) -> None:
    (home / "state.db").rename(home / "away.db")
    (home / "state.db").symlink_to(home / "gone.db")
    [broken] = [each for each in check_state(home) if each.status != "ok"]
    assert "gone.db, which is not there" in broken.message
    with pytest.raises(DevboxError, match="which is not there"):
        State(home, actor="ada")
    assert not (home / "gone.db").exists()
    (home / "away.db").rename(home / "gone.db")
    assert set(found(home).values()) == {"ok"}
    State(home, actor="ada").close()


@pytest.mark.parametrize("refused", ["h", "state.db"])
def test_somebody_elses_folder(home: Path, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    ask = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        if path.name == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return ask(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    [denied] = [each for each in check_state(home) if each.status == "fail"]
    assert "permission denied" in denied.message
    assert "DEVBOX_HOME" in denied.fix


def test_a_newer_file(home: Path) -> None:
    with closing(sqlite3.connect(home / "state.db")) as raw:
        raw.execute("PRAGMA user_version = 4711")
    [newer] = [each for each in check_state(home) if each.status == "fail"]
    assert "4711" in newer.message
    assert newer.fix


def test_rows_that_refer_to_nothing(home: Path) -> None:
    with closing(sqlite3.connect(home / "state.db")) as raw, raw:
        raw.execute("CREATE TABLE child (event INTEGER REFERENCES events (id))")
        raw.execute("INSERT INTO child VALUES (4711)")
    [broken] = [each for each in check_state(home) if each.status == "fail"]
    assert "child" in broken.message


def test_a_network_filesystem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "filesystem_of", lambda _: "nfs4")
    assert found(home)["filesystem"] == "fail"


def test_a_log_that_grows_without_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "LARGE_LOG", 1)
    with State(home, actor="ada") as state:
        state.events.append("a", "k")
        assert found(home)["log"] == "warn"
