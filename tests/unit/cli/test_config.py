from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli

from devbox.cli import run
from tests.unit.cli.test_init import root

Captured = pytest.CaptureFixture[str]

__all__ = ["root"]


def test_show_is_toml_with_origins(root: Path, capsys: Captured) -> None:
    (root / "devbox.toml").write_text('[box]\npython = "3.12"\n')
    assert run(["config", "show"]) == 0
    out = capsys.readouterr().out
    assert tomli.loads(out)["box"]["python"] == "3.12"
    assert "# from project devbox.toml:2" in out


def test_show_of_several_and_of_one(root: Path, capsys: Captured) -> None:
    (root / "devbox.toml").write_text("[boxes.a]\n[boxes.b]\n")
    assert run(["config", "show"]) == 0
    assert list(tomli.loads(capsys.readouterr().out)["boxes"]) == ["a", "b"]
    assert run(["config", "show", "b", "--json", "--set", "resources.cpus=2"]) == 0
    (box,) = json.loads(capsys.readouterr().out)
    assert box["spec"]["resources"]["cpus"] == 2
    assert box["origins"]["resources.cpus"]["from"]["layer"] == "command line"
    assert run(["config", "show", "c"]) == 2


def test_origins_lists_every_place(root: Path, capsys: Captured) -> None:
    (root / "devbox.toml").write_text("[box]\n")
    assert run(["config", "show", "--origins", "--set", "apt=vim"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["churn", "apt", "command", "line"] in lines


def test_check_lists_all_and_exits_2(root: Path, capsys: Captured) -> None:
    (root / "devbox.toml").write_text('[box]\nx = 1\npython = "2"\n')
    assert run(["config", "check"]) == 2
    out = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in out] == ["devbox.toml:2", "devbox.toml:3"]
    assert run(["config", "check", "--json"]) == 2
    assert [each["key"] for each in json.loads(capsys.readouterr().out)] == ["box.x", "box.python"]
    (root / "devbox.toml").write_text("[box]\n")
    assert run(["config", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_check_without_a_project(root: Path, capsys: Captured) -> None:
    assert run(["config", "check"]) == 2
    assert "devbox init" in capsys.readouterr().err


def test_schema(capsys: Captured) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "devbox.toml"
    assert run(["config", "schema", "--table"]) == 0
    assert "resources.shm_size" in capsys.readouterr().out
    assert run(["config", "schema", "--table", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["key"] == "name"


def test_compose_is_not_json(root: Path) -> None:
    (root / "devbox.toml").write_text("[box]\n")
    assert run(["config", "show", "--compose", "--json"]) == 2
