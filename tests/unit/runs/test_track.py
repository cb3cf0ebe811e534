"""Commands as runs, through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DEVBOX = [sys.executable, "-m", "devbox"]

TRAIN = """
import devbox
with devbox.start_run("net", experiment="churn", params={"lr": 0.1}):
    for step in range(100):
        devbox.log_metric("loss", 1 / (step + 1), step)
    devbox.log_metric("bad", float("nan"))
print("trained")
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.chdir(folder)
    return folder


def devbox(*args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*DEVBOX, *args], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def found(*args: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads(devbox("runs", "ls", "--json", *args).stdout)
    return result


def test_a_command_is_one_run_with_what_its_code_logs() -> None:
    done = devbox("run", "--tag", "task=fraud", "--", sys.executable, "train.py")
    assert done.stdout == "trained\n"
    (run,) = found("--all")
    assert (run["name"], run["experiment"], run["status"]) == ("net", "churn", "succeeded")
    assert (run["params"], run["tags"]) == ({"lr": "0.1"}, {"task": "fraud"})
    assert run["metrics"]["loss"] == 0.01
    assert run["metrics"]["bad"] == "NaN"
    shown = json.loads(devbox("runs", "show", run["id"][:10], "--json").stdout)
    assert shown["command"] == [sys.executable, "train.py"]
    assert devbox("runs", "logs", run["id"]).stdout == "trained\n"


@pytest.mark.parametrize(
    ("argv", "code", "status"),
    [
        (["sh", "-c", "exit 3"], 3, "failed"),
        (["sh", "-c", "kill -TERM $$"], 143, "failed"),
        (["sh", "-c", "kill -INT $$"], 130, "cancelled"),
        (["no-such-program"], 127, "failed"),
        (["."], 126, "failed"),
    ],
)
def test_the_exit_code_is_the_commands_own(argv: list[str], code: int, status: str) -> None:
    devbox("run", "--", *argv, code=code)
    (run,) = found()
    assert run["status"] == status


def test_a_signal_ends_the_command_and_the_run() -> None:
    script = "import os, signal, time; os.write(1, b'go'); time.sleep(60)"
    process = subprocess.Popen(
        [*DEVBOX, "run", "--", sys.executable, "-c", script], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process:
        assert os.read(process.stdout.fileno(), 2) == b"go"
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
    (run,) = found()
    assert (run["status"], run["error"]) == ("failed", "exit code 143")


def test_runs_are_compared_and_plotted() -> None:
    for rate in (1, 2):
        devbox("run", "--tag", f"try={rate}", "--", sys.executable, "train.py")
    ids = [run["id"] for run in found("--order-by", "tags.try")]
    compared = json.loads(devbox("runs", "compare", *ids, "--json").stdout)
    differing = {(row["kind"], row["key"]): row["values"] for row in compared["rows"]}
    assert differing["tag", "try"] == ["1", "2"]
    assert ("param", "lr") not in differing
    picture = devbox("runs", "plot", *ids, "--metric", "loss").stdout
    assert "loss" in picture
    assert "\x1b" not in picture
    points = json.loads(devbox("runs", "plot", ids[0], "-m", "loss", "--json").stdout)
    assert len(points[0]["points"]) == 100


def test_experiments_are_listed_and_renamed() -> None:
    devbox("run", "--experiment", "old", "--", "true")
    devbox("experiment", "rename", "old", "new")
    assert [each["name"] for each in json.loads(devbox("experiment", "ls", "--json").stdout)] == [
        "default",
        "new",
    ]
    assert found("--where", "experiment = 'new'")[0]["name"] == "true"
    devbox("experiment", "rename", "old", "newer", code=2)
    devbox("experiment", "rename", "new", "default", code=2)


def test_what_is_not_understood_is_pointed_at() -> None:
    done = devbox("runs", "ls", "--where", "auc > 1", code=2)
    assert "auc > 1\n  ^" in done.stderr
    devbox("runs", "show", "nothing", code=2)
    devbox("runs", "compare", "one", code=2)
    devbox("run", code=125)
    devbox("run", "--tag", "x", "--", "true", code=125)


def test_what_the_settings_call_secret_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text('[secrets]\nDATABASE = { env = "WHERE" }\n')
    (tmp_path / "project" / "devbox.toml").write_text('[box]\nsecrets = ["DATABASE", "OTHER"]\n')
    for name, value in (("DEVBOX_CONFIG", settings), ("WHERE", "plainword"), ("OTHER", "second")):
        monkeypatch.setenv(name, str(value))
    log = "import devbox, os; devbox.log_param('used', os.environ['WHERE'] + os.environ['OTHER'])"
    log += "; print('it is', os.environ['OTHER'])"
    devbox("run", "--name", "a second", "--", sys.executable, "-c", log, "plainword", "second")
    (run,) = found()
    assert run["name"] == "a ***"
    assert run["params"] == {"used": "******"}
    assert devbox("runs", "logs", run["id"]).stdout == "it is ***\n"
    shown = json.loads(devbox("runs", "show", run["id"], "--json").stdout)
    assert shown["command"][-2:] == ["***", "***"]
    settings.write_text("[[broken")
    devbox("run", "--", "true")


def test_a_terminal_obeys_nothing_that_a_run_wrote() -> None:
    code = "import devbox; devbox.set_tag('note', '\\x1b]0;owned\\x07a\\nb')"
    devbox("run", "--name", "\x1b[2Jx\ny", "--", sys.executable, "-c", code)
    (run,) = found()
    assert run["tags"]["note"] == "\x1b]0;owned\x07a\nb"
    for words in (("runs", "ls"), ("runs", "show", run["id"]), ("experiment", "show", "default")):
        lines = devbox(*words).stdout.splitlines()
        assert all(line.isprintable() for line in lines)
    assert "note =  ]0;owned a b" in devbox("runs", "show", run["id"]).stdout
