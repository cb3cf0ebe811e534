from __future__ import annotations

import json
from pathlib import Path

import pytest

from devbox.cli import run


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEVBOX_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("DEVBOX_HOME", str(tmp_path / "home"))
    folder = tmp_path / "churn"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_init_writes_and_says_what_is_next(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--profile", "datascience"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{root / 'devbox.toml'}\n"
    assert "devbox up" in err
    assert 'profile = "datascience"' in (root / "devbox.toml").read_text()


def test_init_in_another_folder_with_the_starter(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "new", "--starter", "-p", "datascience", "--name", "demo", "--json"]) == 0
    started = json.loads(capsys.readouterr().out)
    assert started["name"] == "demo"
    assert str(root / "new" / "train.py") in started["copied"]


@pytest.mark.parametrize("args", [["--name", "a/b"], ["--profile", "nope"], ["--bad"]])
def test_wrong_usage(root: Path, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", *args]) == 2
    assert capsys.readouterr().out == ""
    assert list(root.iterdir()) == []


def test_an_existing_file_is_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "devbox.toml").write_text("mine")
    assert run(["init"]) == 1
    assert "--force" in capsys.readouterr().err
    assert (root / "devbox.toml").read_text() == "mine"
