from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from devbox.cli import run
from devbox.cli.complete import complete_box, complete_profile
from devbox.cli.group import cli
from devbox.state import State

CONTEXT = click.Context(cli)
PARAMETER = click.Argument(["name"])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEVBOX_CONFIG", str(tmp_path / "settings" / "config.toml"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "devbox.toml").write_text(
        '[boxes.api]\nprofile = "python"\n[boxes.worker]\nprofile = "python"\n'
    )
    monkeypatch.chdir(folder)
    return folder


def offered(words: list[str], begun: str) -> list[str]:
    complete = BashComplete(cli, {}, "devbox", "_DEVBOX_COMPLETE")
    return [item.value for item in complete.get_completions(words, begun)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_command(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    assert run(["completion", shell]) == 0
    assert "_DEVBOX_COMPLETE" in capfd.readouterr().out


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2


def test_commands_and_options() -> None:
    assert offered([], "st") == ["stop", "start", "status", "stats", "storage", "state"]
    assert offered(["state"], "") == ["backup", "check", "path", "restore"]
    assert offered(["events"], "--s") == ["--subject", "--since"]
    assert "--version" in offered([], "--")


def test_boxes_of_the_project(home: Path) -> None:
    assert complete_box(CONTEXT, PARAMETER, "") == ["api", "worker"]
    assert complete_box(CONTEXT, PARAMETER, "w") == ["worker"]
    assert not home.exists()


def test_boxes_that_are_remembered(home: Path) -> None:
    with State(home, actor="ada") as state:
        state.connection.execute(
            "INSERT INTO boxes (owner, name, host, project, profile, config_hash, image, container,"
            " started, phase, updated) VALUES ('tester', 'wide', 'local', '/p', '', '', '', '', 0,"
            " 'ready', 0)"
        )
    assert complete_box(CONTEXT, PARAMETER, "w") == ["wide", "worker"]


def test_profiles(project: Path) -> None:
    own = project.parent / "settings" / "profiles"
    own.mkdir(parents=True)
    (own / "pythonic.toml").touch()
    assert complete_profile(CONTEXT, PARAMETER, "pyth") == ["python", "pythonic"]


def test_failures_are_silent(project: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "devbox.toml").write_text("not toml [")
    home.mkdir()
    (home / "state.db").write_text("no database" * 100)
    assert complete_box(CONTEXT, PARAMETER, "") == []
    assert capfd.readouterr() == ("", "")
