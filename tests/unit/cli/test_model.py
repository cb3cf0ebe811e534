"""devbox model: what it prints, refuses and completes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devbox.api import Devbox
from devbox.cli import run
from devbox.errors import EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE
from devbox.journal.active import start_run
from devbox.journal.ids import new_id
from tests.unit.models import whole


@pytest.fixture(autouse=True)
def _out_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def registered(home: Path) -> None:
    with Devbox(home) as door:
        door.models.register("churn", slots=whole.SLOTS, tags=whole.TAGS)
        door.models.register("churn", tags={"note": "a\x1b[31mb"})


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert run(["model", *argv]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def answered(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    return json.loads(said(capsys, *argv, "--json"))


def test_from_a_run_to_the_champion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with start_run(sample_every=None, params={"lr": 0.1}) as made:
        made.log_metric("auc", 0.9)
        made.log_text("w", "model.skops")
    (tmp_path / "slots.json").write_text(json.dumps(whole.SLOTS))
    (tmp_path / "input.json").write_text("[]")
    arguments = ["--run", made.id, "--artifact", "parameters=model.skops", "--slots", "slots.json"]
    arguments += ["--file", "functions=input.json", "-t", "owner=ada", "-t", "task=fraud"]
    assert answered(capsys, "register", "churn", *arguments)["ref"] == "churn@1"
    assert answered(capsys, "alias", "churn@1", "champion") == {
        "model": "churn",
        "alias": "champion",
        "version": 1,
        "before": None,
    }
    shown = answered(capsys, "show", "churn@champion")
    assert {each["state"] for each in shown["checklist"]} == {"recorded"}
    assert (shown["ref"], shown["version"], shown["run"]) == ("churn@1", 1, made.id)
    assert shown["registered_model"]["aliases"] == {"champion": 1}
    text = said(capsys, "show", "churn@champion")
    for word in ("recorded", "LogisticRegression", "customers@3", "model.skops", "champion"):
        assert word in text
    assert answered(capsys, "verify", "churn")["ok"]
    assert said(capsys, "lineage", "churn").startswith("churn@1\n")
    assert answered(capsys, "lineage", "churn")["root"] == "version:churn@1"
    assert said(capsys, "lineage", "churn", "--dot").startswith("digraph")
    assert said(capsys, "card", "churn").startswith("---\nmodel_name: churn\n")


@pytest.mark.usefixtures("registered")
def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "ls", "-q").split() == ["churn@2", "churn@1"]
    where = "metrics.auc > 0.9 and tags.task = 'fraud'"
    assert said(capsys, "ls", "-q", "--where", where).split() == ["churn@1"]
    assert said(capsys, "ls", "churn", "-q", "--sort", "metrics.auc desc", "-n", "1") == "churn@1\n"
    assert answered(capsys, "ls")[1]["metrics"] == {"auc": 0.93}
    assert said(capsys, "ls", "--models", "-q") == "churn\n"
    assert answered(capsys, "ls", "--models")[0]["versions"] == 2
    assert "7/8" in said(capsys, "ls")
    assert "No model fraud" in said(capsys, "ls", "fraud", code=EXIT_USAGE)
    assert "no such field" in said(capsys, "ls", "--where", "size > 1", code=EXIT_USAGE)


@pytest.mark.usefixtures("registered")
def test_nothing_that_a_terminal_obeys_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["ls"], ["show", "churn@2"], ["compare", "churn@1", "churn@2"], ["card", "churn"]):
        assert "\x1b" not in said(capsys, *argv)


@pytest.mark.usefixtures("registered")
def test_what_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(capsys, "tag", "churn@2", "a=1", "b=2", "--remove", "note")["tags"] == {
        "a": "1",
        "b": "2",
    }
    assert answered(capsys, "describe", "churn", "Who leaves")["description"] == "Who leaves"
    rows = answered(capsys, "compare", "churn@1", "churn@2")["rows"]
    assert {"kind": "metric", "key": "auc", "values": [0.93, None]} in rows
    said(capsys, "alias", "churn@1", "champion")
    assert answered(capsys, "alias", "churn@2", "champion")["before"] == 1
    assert answered(capsys, "alias", "churn", "champion", "--remove")["before"] == 2


@pytest.mark.usefixtures("registered")
def test_refusals_end_with_their_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no version 7" in said(capsys, "alias", "churn@7", "champion", code=EXIT_USAGE)
    asked = ["policy", "churn", "--alias", "champion", "--require", "definition, data"]
    assert answered(capsys, *asked)[0]["required"] == ["definition", "data"]
    refused = said(capsys, "alias", "churn@2", "champion", code=EXIT_REFUSED)
    assert "not recorded are definition, data" in refused
    assert "policy needs" in said(capsys, "policy", "churn", code=EXIT_USAGE)
    said(capsys, "alias", "churn@1", "champion")
    assert "churn@1 is champion" in said(capsys, "rm", "churn", "--yes", code=EXIT_REFUSED)
    assert "Add --yes" in said(capsys, "rm", "churn@2", code=EXIT_REFUSED)
    assert answered(capsys, "rm", "churn", "--dry-run")["versions"] == [1, 2]
    assert answered(capsys, "rm", "churn", "--force", "--yes")["aliases"] == {"champion": 1}
    assert answered(capsys, "ls") == []


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["register", "a/b"], "no name for a model"),
        (["register", "churn", "--file", "weights"], "KEY=VALUE"),
        (["register", "churn", "--slots", "bad.json"], "is no JSON"),
        (["register", "churn", "--slots", "list.json"], "no JSON object"),
        (["compare", "churn@1"], "at least two"),
        (["tag", "churn"], "No tag is given"),
        (["lineage", "churn", "--dot", "--json"], "two ways"),
        (["ls", "--models", "--where", "x"], "--models lists all"),
        (["show", "churn@a@b"], "no alias"),
    ],
)
def test_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], says: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    assert says in said(capsys, *argv, code=EXIT_USAGE)


def test_a_broken_file_ends_with_1(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.bin").write_bytes(whole.WEIGHTS)
    with Devbox(home) as door:
        made = door.models.register("churn", files={"parameters": {"w.bin": tmp_path / "w.bin"}})
        door.blobs.path(made.files[0].digest).unlink()
    assert run(["model", "verify", "churn", "--json"]) == EXIT_FAILED
    assert json.loads(capsys.readouterr().out)["files"][0]["state"] == "missing"
    assert run(["model", "verify", "churn"]) == EXIT_FAILED
    assert "missing" in capsys.readouterr().out


def test_code_in_a_run_registers_without_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    with start_run(sample_every=None) as made:
        made.note("model", id=new_id(), name="churn", tags=whole.TAGS)
        assert answered(capsys, "show", "churn")["open"]
    assert not answered(capsys, "show", "churn")["open"]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("words", "offered"),
    [("devbox model show ch", ["churn", "churn@1", "churn@2"]), ("devbox model rm x", [])],
)
def test_names_are_completed(words: str, offered: list[str]) -> None:
    env = {
        **os.environ,
        "_DEVBOX_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    command = [sys.executable, "-c", "from devbox.cli import main; main()"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert [line.partition(",")[2] for line in done.stdout.split()] == offered


def test_completing_makes_no_state(home: Path) -> None:
    from devbox.cli.complete import complete_model

    assert complete_model(None, None, "") == []  # type: ignore[arg-type]
    assert not home.exists()
