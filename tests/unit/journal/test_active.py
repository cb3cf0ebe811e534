"""Code logs to its run without naming it, here and in processes that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devbox.errors import UsageError
from devbox.journal import active
from devbox.journal.active import active_run, current, start_run
from devbox.journal.places import spool
from devbox.journal.reader import parse


@pytest.fixture(autouse=True)
def nothing_open(home: Path) -> Iterator[None]:
    del home
    yield
    assert not active._open
    assert "DEVBOX_RUN" not in os.environ


def notes(run: str) -> list[dict[str, Any]]:
    found = []
    for journal in sorted((spool() / run).glob("*.journal")):
        found += parse(journal.read_bytes()).notes
    return found


def note(run: str, kind: str) -> dict[str, Any]:
    (found,) = [each for each in notes(run) if each["kind"] == kind]
    return found


def test_a_run_tells_who_runs_what_where() -> None:
    with start_run("first", experiment="churn", params={"lr": 1}, tags={"task": "fraud"}) as run:
        assert active_run() is run
    start = note(run.id, "start")
    assert (start["name"], start["experiment"], start["parent"]) == ("first", "churn", "")
    assert start["user"] == "tester"
    assert start["command"]
    assert note(run.id, "environment")["python"].startswith("3.")
    assert "pytest" in note(run.id, "environment")["packages"]
    assert note(run.id, "params")["values"] == {"lr": "1"}
    assert note(run.id, "end")["status"] == "succeeded"


def test_the_machine_is_sampled() -> None:
    with start_run(sample_every=0.1) as run:
        pass
    (journal,) = run.folder.glob("*.journal")
    points = parse(journal.read_bytes()).points
    assert points["system/memory_bytes"].values[0] > 1e6
    assert points["system/cpu_cores"].values[0] >= 0


def test_runs_within_runs_are_children() -> None:
    with start_run("outer") as outer:
        with start_run("inner") as inner:
            assert current() is inner
        assert current() is outer
        with start_run("alone", nested=False) as alone:
            pass
    assert note(inner.id, "start")["parent"] == outer.id
    assert note(alone.id, "start")["parent"] == ""


def test_an_error_fails_the_run_and_goes_on() -> None:
    with pytest.raises(ZeroDivisionError), start_run() as run:
        _ = 1 / 0
    end = note(run.id, "end")
    assert (end["status"], end["error"]) == ("failed", "ZeroDivisionError: division by zero")


def test_an_interrupt_cancels_the_run() -> None:
    with pytest.raises(KeyboardInterrupt), start_run() as run:
        raise KeyboardInterrupt
    assert note(run.id, "end")["status"] == "cancelled"


def test_exit_with_zero_is_success() -> None:
    with pytest.raises(SystemExit), start_run() as run:
        sys.exit(0)
    assert note(run.id, "end")["status"] == "succeeded"


def test_without_a_run_there_is_nothing_to_log_to() -> None:
    assert active_run() is None
    with pytest.raises(UsageError, match="No run is open"):
        current()


def in_a_child(script: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_child_process_logs_to_its_run_by_itself() -> None:
    with start_run() as run:
        in_a_child("from devbox.journal.active import current; current().log_metric('loss', 7)")
    journals = sorted(run.folder.glob("*.journal"))
    assert len(journals) == 2
    values = [parse(each.read_bytes()).points.get("loss") for each in journals]
    assert [list(points.values) for points in values if points] == [[7.0]]


START = (
    "from devbox.journal.active import start_run\nwith start_run('in child') as run: print(run.id)"
)


def test_a_run_that_a_child_process_starts_is_a_child() -> None:
    with start_run() as run:
        child = in_a_child(START)
    assert note(child, "start")["parent"] == run.id


def test_a_tracked_command_is_the_run_that_its_code_starts() -> None:
    with start_run() as run:
        joined = in_a_child(START, DEVBOX_RUN_JOIN=run.id)
    assert joined == run.id
    assert note(run.id, "name")["name"] == "in child"
    # The command ends when its process does, and not with a block in it.
    assert [each["kind"] for each in notes(run.id)].count("end") == 1


def test_what_was_not_ended_ends_with_the_process() -> None:
    run = in_a_child(
        "from devbox.journal.active import start_run; print(start_run(sample_every=None).id)"
    )
    assert note(run, "end")["status"] == "succeeded"


def test_what_was_not_ended_fails_with_the_process() -> None:
    script = (
        "from devbox.journal.active import start_run\n"
        "print(start_run(sample_every=None).id, flush=True)\nraise ValueError('no data')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    end = note(done.stdout.strip(), "end")
    assert (end["status"], end["error"]) == ("failed", "ValueError: no data")


def test_code_is_known_by_commit_and_what_is_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (
        ["init", "-q", "-b", "main"],
        ["config", "user.email", "t@example.com"],
        ["config", "user.name", "t"],
        ["remote", "add", "origin", "https://me:hunter2@example.com/repo.git"],
    ):
        subprocess.run(["git", *command], check=True)
    (tmp_path / "train.py").write_text("print(1)\n")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "-qm", "first"], check=True)
    with start_run() as clean:
        pass
    (tmp_path / "train.py").write_text("print(2)\n")
    with start_run() as dirty:
        pass
    found = note(clean.id, "code")
    assert (found["branch"], found["dirty"], len(found["commit"])) == ("main", False, 40)
    assert found["remote"] == "https://example.com/repo.git"
    assert note(dirty.id, "code")["dirty"]
    kept = note(dirty.id, "artifact")
    diff = (dirty.folder / "artifacts" / kept["sha256"]).read_text()
    assert "+print(2)" in diff
