from __future__ import annotations

import json
from pathlib import Path

import pytest

from devbox.cli import run
from tests.unit.cli.test_init import root

Captured = pytest.CaptureFixture[str]

__all__ = ["root"]


def test_ls(capsys: Captured) -> None:
    assert run(["profile", "ls", "-q"]) == 0
    assert {"base", "python", "datascience"} <= set(capsys.readouterr().out.split())
    assert run(["profile", "ls", "--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["datascience"]["extends"] == "python"
    assert run(["profile", "ls"]) == 0
    assert capsys.readouterr().out.startswith("NAME")


def test_show_prints_the_chain(capsys: Captured) -> None:
    assert run(["profile", "show", "python"]) == 0
    assert 'image = "base"' in capsys.readouterr().out
    assert run(["profile", "show", "python", "--json"]) == 0
    names = [each["name"] for each in json.loads(capsys.readouterr().out)]
    assert names == ["python", "base"]
    assert run(["profile", "show", "pyton"]) == 2
    assert "did you mean 'python'?" in capsys.readouterr().err


def test_lint(root: Path, capsys: Captured) -> None:
    assert run(["profile", "lint"]) == 0
    (root / "team.toml").write_text('extends = "./team.toml"\n')
    assert run(["profile", "lint", "./team.toml", "python", "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)
    assert "team -> team" in problem["message"]
