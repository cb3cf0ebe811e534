from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devbox.cli import run
from tests.unit.models.bundle.conftest import exported, one

__all__ = ["exported", "one"]
Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("one")


def test_out_and_in(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "out.tar.gz")
    assert run(["model", "export", "churn@champion", file, "--json"]) == 0
    told: Any = json.loads(capsys.readouterr().out)
    assert (told["ref"], told["file"], len(told["runs"])) == ("churn@1", file, 2)
    assert run(["model", "export", "churn", file]) == 4
    assert run(["model", "export", "churn", file, "--force"]) == 0
    assert run(["model", "export", "churn", str(tmp_path / "x.zip")]) == 2
    assert run(["model", "export", "none", str(tmp_path / "x.tar")]) == 2
    assert run(["model", "import", file]) == 0
    captured = capsys.readouterr()
    assert "here already: churn@1" in captured.err
    assert captured.out == ""
    monkeypatch.setenv("DEVBOX_HOME", str(tmp_path / "there"))
    assert run(["model", "import", "--dry-run", file]) == 0
    assert "Nothing was imported" in capsys.readouterr().err
    assert run(["model", "import", file, "--as", "other", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ref"], told["was"], told["new"]) == ("other@1", "churn@1", True)


def test_what_is_no_bundle(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "x.tar"
    file.write_bytes(b"x" * 10_000)
    assert run(["model", "import", str(file)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: The file holds")
    assert "hint:" in error
    assert run(["model", "import", str(tmp_path / "none.tar")]) == 1
    assert run(["model", "import"]) == 2


def test_a_version_that_can_not_be_made_again(capsys: Capture) -> None:
    assert run(["model", "reproduce", "churn", "--dry-run", "--json"]) == 1
    told: Any = json.loads(capsys.readouterr().out)
    assert not told["possible"]
    assert told["obstacles"]
    assert run(["model", "reproduce", "churn", "--dry-run"]) == 1
    assert "in the way" in capsys.readouterr().out
    assert run(["model", "reproduce", "churn", "--tolerance", "-1"]) == 2
    assert run(["model", "reproduce", "churn", "--tolerance", "nan"]) == 2
