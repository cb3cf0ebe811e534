from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devbox.cli import run
from devbox.state import State

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of every project."""
    monkeypatch.chdir(tmp_path)


def fill(home: Path, *subjects: str) -> None:
    with State(home, actor="tester") as state:
        for subject in subjects:
            state.events.append(subject, "box.started", image="base")


def read(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_path_makes_nothing(home: Path, capsys: Capture) -> None:
    assert run(["state", "path"]) == 0
    assert capsys.readouterr().out == f"{home / 'state.db'}\n"
    assert run(["state", "path", "--json"]) == 0
    assert read(capsys) == {"path": str(home / "state.db"), "exists": False}
    assert not home.exists()


def test_backup_and_restore(home: Path, tmp_path: Path, capsys: Capture) -> None:
    fill(home, "first")
    assert run(["state", "backup", str(tmp_path / "copy.db")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'copy.db'}\n"
    assert run(["state", "backup", str(tmp_path / "copy.db")]) == 4
    assert "--force" in capsys.readouterr().err
    assert run(["state", "backup", str(tmp_path / "copy.db"), "--force", "--json"]) == 0
    assert read(capsys)["size"] > 0
    fill(home, "second")
    assert run(["state", "restore", str(tmp_path / "copy.db"), "--json"]) == 0
    assert Path(read(capsys)["replaced"]).exists()
    with State(home, actor="tester") as state:
        assert [event.subject for event in state.events.ls()] == ["first"]
    assert run(["state", "restore", str(tmp_path / "copy.db")]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "kept as" in printed.err


def test_restore_of_a_missing_backup(capsys: Capture) -> None:
    assert run(["state", "restore", "none.db"]) == 1
    assert "There is no file none.db" in capsys.readouterr().err


def test_check(home: Path, capsys: Capture) -> None:
    fill(home, "first")
    assert run(["state", "check"]) == 0
    printed = capsys.readouterr()
    assert "✓ ok    integrity       whole" in printed.out
    assert printed.err == "8 ok\n"
    (home / "state.db").write_text("hello")
    assert run(["state", "check", "--json"]) == 1
    assert read(capsys)[-1]["status"] == "fail"
    assert run(["state", "check"]) == 1
    assert "fix: " in capsys.readouterr().out


def test_check_prints_where_shapes_are_unknown(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from devbox.cli import run; run(['state', 'check'])"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout.startswith(b"+ ok")


def test_doctor_reports_each_check(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert run(["doctor", "--json"]) == 1
    found = {each["name"]: each for each in read(capsys)}
    assert found["engine"]["status"] == "fail"
    assert "/nowhere/docker.sock" in found["engine"]["message"]
    assert found["state"]["status"] == "ok"
    assert run(["doctor"]) == 1
    assert "✗ fail  engine" in capsys.readouterr().out


def test_events_are_a_table_or_a_document(home: Path, capsys: Capture) -> None:
    fill(home, "box/ada/api", "box/ada/web")
    assert run(["events"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TIME", "ACTOR", "SUBJECT", "KIND", "DATA"]
    assert lines[1].split()[2:] == ["tester", "box/ada/api", "box.started", "image=base"]
    assert run(["events", "--json", "-n", "1"]) == 0
    [event] = read(capsys)
    assert event["subject"] == "box/ada/web"
    assert event["data"] == {"image": "base"}
    assert event["time"].endswith("+00:00")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--subject", "box/ada/api"], 1),
        (["--subject", "box/*"], 2),
        (["--kind", "image.*"], 0),
        (["--since", "1h"], 2),
        (["--since", "2000-01-31"], 2),
        (["--since", "9999-01-31T12:00:00+00:00"], 0),
    ],
)
def test_events_filters(home: Path, capsys: Capture, options: list[str], count: int) -> None:
    fill(home, "box/ada/api", "box/ada/web")
    assert run(["events", "--json", *options]) == 0
    assert len(read(capsys)) == count


@pytest.mark.parametrize("when", ["yesterday", "", "0001-01-01T00:00:00+23:59", "1e9"])
def test_a_time_that_is_none(capsys: Capture, when: str) -> None:
    assert run(["events", "--since", when]) in {0, 2}
    assert "Traceback" not in capsys.readouterr().err


def test_following_prints_a_line_per_event_until_interrupted(home: Path) -> None:
    fill(home, "before", "last")
    code = "import sys; from devbox.cli import main; main()"
    follower = subprocess.Popen(
        [sys.executable, "-c", code, "events", "--follow", "--json", "-n", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert json.loads(follower.stdout.readline())["subject"] == "last"
    fill(home, "after")
    assert json.loads(follower.stdout.readline())["subject"] == "after"
    follower.send_signal(signal.SIGINT)
    _, errors = follower.communicate()
    assert follower.returncode == 130
    assert "Traceback" not in errors
