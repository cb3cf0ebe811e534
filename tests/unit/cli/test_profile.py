from __future__ import annotations

import json
from pathlib import Path

import pytest

from devbox.cli import run
from tests.unit.boxes.teams.conftest import Remote
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


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    made = Remote(tmp_path / "acme")
    made.commit("one", gpu='description = "x"\nextends = "base"\n[box]\nsecrets = ["TOKEN"]\n')
    return made


def test_a_team_is_added_updated_and_removed(remote: Remote, capsys: Captured) -> None:
    add = ["profile", "add", str(remote.folder)]
    assert run(add) == 4
    refused = capsys.readouterr()
    assert "gpu: secret TOKEN" in refused.err
    assert "--yes" in refused.err
    assert refused.out == ""
    assert run([*add, "--dry-run"]) == 0
    assert "gpu: secret TOKEN" in capsys.readouterr().out
    assert run([*add, "--yes", "--json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)
    assert change["asks"] == [{"profile": "gpu", "kind": "secret", "what": "TOKEN"}]
    assert run(["profile", "ls", "--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert (found["acme/gpu"]["origin"], found["acme/gpu"]["commit"]) == ("team", change["after"])
    assert found["base"]["commit"] == ""
    assert run(["profile", "show", "acme/gpu"]) == 0
    assert 'secrets = ["TOKEN"]' in capsys.readouterr().out

    remote.commit("Two", cpu='description = "y"\nextends = "base"\n')
    assert run(["profile", "update"]) == 0
    told = capsys.readouterr().out
    assert "Two (Ada)" in told
    assert "added acme/cpu" in told
    assert "asks" not in told
    assert run(["profile", "update", "acme"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert run(["profile", "lint"]) == 0
    assert "acme/gpu" in _profiles_offered()
    assert run(["profile", "rm", "acme", "--json"]) == 0
    assert run(["profile", "rm", "acme"]) == 2
    assert "No team 'acme'" in capsys.readouterr().err


def _profiles_offered() -> list[str]:
    from devbox.cli.complete import complete_profile

    return complete_profile(None, None, "acme/")  # type: ignore[arg-type]


def test_a_project_is_told_how_to_get_a_team_that_is_not_here(root: Path, capsys: Captured) -> None:
    (root / "devbox.toml").write_text('[box]\nprofile = "acme/gpu"\n')
    assert run(["config", "check"]) == 2
    told = capsys.readouterr()
    assert "devbox profile add GIT-URL --name acme" in told.out + told.err
    (root / "devbox.toml").write_text('[box]\nprofile = "some/where/else"\n')
    assert run(["config", "check"]) == 2


def test_init_with_a_profile_of_a_team(root: Path, remote: Remote, capsys: Captured) -> None:
    remote.write("gpu/starter/train.py", "print(1)\n")
    remote.commit()
    assert run(["profile", "add", str(remote.folder), "--yes"]) == 0
    assert run(["init", "--profile", "acme/gpu", "--starter", "--force"]) == 0
    assert 'profile = "acme/gpu"' in (root / "devbox.toml").read_text()
    assert (root / "train.py").read_text() == "print(1)\n"
