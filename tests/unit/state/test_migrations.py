from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from devbox.errors import DevboxError
from devbox.state import State, migrations


@pytest.fixture
def home(home: Path) -> Path:
    with State(home, actor="ada") as state:
        state.events.append("a", "k")
    return home


def add(monkeypatch: pytest.MonkeyPatch, *steps: Any) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, *steps))
    monkeypatch.setattr(migrations, "VERSION", len(migrations.MIGRATIONS))


def test_the_missing_steps_are_taken_in_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(db: Database) -> None:
        db.table("events").add_column("host", str)

    def two(db: Database) -> None:
        db.table("events").transform(rename={"host": "machine"})

    before = migrations.VERSION
    add(monkeypatch, one, two)
    with State(home, actor="ada") as state:
        assert state.connection.pragma("user_version") == before + 2
        row = state.connection.execute("SELECT * FROM events").fetchone()
        assert row["machine"] is None
        assert row["subject"] == "a"


def test_a_step_that_fails_leaves_the_step_before(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def good(db: Database) -> None:
        db.table("good").create({"id": int}, pk="id")

    def bad(db: Database) -> None:
        db.table("bad").create({"id": int}, pk="id")
        db.table("events").transform(drop={"data"})
        raise ZeroDivisionError

    reached = migrations.VERSION + 1
    add(monkeypatch, good, bad)
    with pytest.raises(ZeroDivisionError):
        State(home, actor="ada")
    monkeypatch.setattr(migrations, "VERSION", reached)
    with State(home, actor="ada") as state:
        names = {row[0] for row in state.connection.execute("SELECT name FROM sqlite_master")}
        assert "good" in names
        assert "bad" not in names
        assert state.connection.pragma("user_version") == reached
        assert state.connection.pragma("foreign_keys") == 1
        assert [event.subject for event in state.events.ls()] == ["a"]


def test_a_step_may_not_leave_rows_that_refer_to_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(db: Database) -> None:
        db.table("child").create({"id": int, "event": int}, pk="id")
        db.table("child").add_foreign_key("event", "events", "id")
        db.table("child").insert({"id": 1, "event": 4711})

    add(monkeypatch, step)
    with pytest.raises(DevboxError, match="rows refer to rows that are missing"):
        State(home, actor="ada")


def test_a_new_file_and_one_taken_there_step_by_step_have_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrations.MIGRATIONS
    for count in range(1, len(steps) + 1):
        monkeypatch.setattr(migrations, "MIGRATIONS", steps[:count])
        monkeypatch.setattr(migrations, "VERSION", count)
        State(tmp_path / "grown", actor="ada").close()
    tables = []
    for folder in ("grown", "new"):
        with State(tmp_path / folder, actor="ada") as state:
            rows = state.connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
            tables.append([tuple(row) for row in rows])
            assert state.connection.pragma("user_version") == migrations.VERSION
    assert tables[0] == tables[1]
    assert {"events", "boxes", "runs"} <= {name for name, _ in tables[0]}


def test_the_mark_is_four_letters(home: Path) -> None:
    with closing((home / "state.db").open("rb")) as file:
        file.seek(68)
        assert file.read(4) == b"dvbx"
