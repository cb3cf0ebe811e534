"""The plan of making a version again, without an engine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devbox.api import Devbox
from devbox.compute.engine.fake import FakeEngine
from devbox.errors import Refused
from tests.unit.reproduce.test_checkout import git, head

TRAIN = """
import devbox
with devbox.start_run(params={"lr": 1}, sample_every=None) as run:
    run.log_metric("loss", 0.5)
    print(run.id)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a repository."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", ".")
    (folder / "devbox.toml").write_text('[box]\nname = "b"\nprofile = "base"\n')
    (folder / "train.py").write_text(TRAIN)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


@pytest.fixture
def door(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devbox]:
    monkeypatch.chdir(tmp_path)
    with Devbox(home, engine=FakeEngine()) as made:
        yield made


def trained(door: Devbox, project: Path, **more: Any) -> str:
    """Train on this machine and register churn; the version."""
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    return door.models.register("churn", run=done.stdout.strip(), **more).ref


def nothing_left(door: Devbox) -> bool:
    """No checkout stays."""
    folder = door.home / "reproduce"
    return not folder.exists() or not list(folder.iterdir())


def test_a_plan(door: Devbox, project: Path) -> None:
    plan = door.reproduction.plan(trained(door, project))
    assert plan.possible
    assert (plan.commit, plan.source) == (head(project), str(project))
    assert (plan.command, plan.folder, plan.box) == (("python", "train.py"), "/workspace", "b")
    assert (plan.metrics, plan.example, plan.locked) == (1, False, False)
    assert any("machine itself" in doubt for doubt in plan.doubts)
    assert plan.foreign == ""
    assert nothing_left(door)


def test_uncommitted_changes(door: Devbox, project: Path) -> None:
    (project / "train.py").write_text(TRAIN.replace("0.5", "0.6"))
    ref = trained(door, project)
    plan = door.reproduction.plan(ref)
    assert plan.diff == "code/uncommitted.diff"
    assert plan.possible
    git(project, "checkout", "-q", "train.py")
    with door.reproduction._prepared(ref, lambda _: None) as prepared:
        assert "0.6" in (prepared.folder / "train.py").read_text()


def test_masked_changes_that_do_not_fit(door: Devbox, project: Path) -> None:
    token = "ghp_" + "aB3" * 13
    (project / "train.py").write_text(TRAIN + f"# {token}\nlast = 1\n")
    git(project, "commit", "-qam", "two")
    (project / "train.py").write_text(TRAIN + f"# {token}\nlast = 2\n")
    plan = door.reproduction.plan(trained(door, project))
    assert any("were masked" in obstacle for obstacle in plan.obstacles)


def test_the_remote_where_the_repository_is_gone(
    door: Devbox, project: Path, tmp_path: Path
) -> None:
    git(project, "clone", "-q", "--bare", str(project), str(tmp_path / "origin.git"))
    git(project, "remote", "add", "origin", str(tmp_path / "origin.git"))
    ref = trained(door, project)
    project.rename(tmp_path / "moved")
    plan = door.reproduction.plan(ref)
    assert plan.source == str(tmp_path / "origin.git")
    assert "origin.git" in plan.foreign
    (tmp_path / "origin.git").rename(tmp_path / "gone.git")
    plan = door.reproduction.plan(ref)
    assert any("in no repository here" in obstacle for obstacle in plan.obstacles)
    with pytest.raises(Refused, match="can't be made again"):
        door.reproduction.reproduce(ref)
    assert nothing_left(door)


def test_no_commit_and_no_command(door: Devbox) -> None:
    door.models.register("bare")
    plan = door.reproduction.plan("bare")
    assert any("no commit" in obstacle for obstacle in plan.obstacles)
    assert any("no command" in obstacle for obstacle in plan.obstacles)


def test_no_project(door: Devbox, project: Path) -> None:
    git(project, "rm", "-q", "devbox.toml")
    git(project, "commit", "-qm", "two")
    plan = door.reproduction.plan(trained(door, project))
    assert any("no devbox.toml" in obstacle for obstacle in plan.obstacles)
    assert any("in no box" in obstacle for obstacle in plan.obstacles)


def test_a_lock_that_is_nowhere(door: Devbox, project: Path) -> None:
    told = {"dependencies": {"lock": "sha256:" + "0" * 64}}
    plan = door.reproduction.plan(trained(door, project, slots=told))
    assert not plan.locked
    assert any("is nowhere" in doubt for doubt in plan.doubts)


def test_a_lock_that_does_not_fit(door: Devbox, project: Path, tmp_path: Path) -> None:
    lock = tmp_path / "devbox.lock"
    lock.write_text("version = 1\n")
    told = {"dependencies": {"lock": hashlib.sha256(lock.read_bytes()).hexdigest()}}
    files = {"dependencies": {"devbox.lock": lock}}
    plan = door.reproduction.plan(trained(door, project, slots=told, files=files))
    assert plan.locked
    assert not plan.possible


def test_data(door: Devbox, project: Path, tmp_path: Path) -> None:
    table, folder = tmp_path / "sales.csv", tmp_path / "images"
    table.write_text("a,b\n1,2\n")
    folder.mkdir()
    (folder / "1.png").write_text("x")
    sales, images = door.data.add("sales", table), door.data.add("images", folder)
    door.data.add("train", project / "train.py")
    inputs = [
        {"name": "sales", "version": "1", "uri": str(project / "data" / "sales.csv")},
        {"name": "images", "version": "7", "digest": f"sha256:{images.manifest}"},
        {"name": "train", "version": "1"},
        {"name": "gone", "version": "1"},
        {"name": "sales", "version": "1", "digest": "0" * 64},
        {"name": "", "uri": "s3://x/y"},
    ]
    ref = trained(door, project, slots={"data": {"inputs": inputs}})
    plan = door.reproduction.plan(ref)
    found = [(step.ref, step.target, bool(step.problem)) for step in plan.data]
    assert found[:3] == [
        ("sales@1", "data", False),
        ("images@1", "images", False),
        ("train@1", ".", True),
    ]
    assert [step.problem != "" for step in plan.data[3:]] == [True, True]
    assert any("s3://x/y" in doubt for doubt in plan.doubts)
    assert sales.manifest == plan.data[0].digest
    with door.reproduction._prepared(ref, lambda _: None) as prepared:
        prepared.fetch_data(lambda _: None)
        assert (prepared.folder / "data" / "sales.csv").read_text() == table.read_text()
        assert (prepared.folder / "images" / "1.png").read_text() == "x"


def test_data_stays_in_the_checkout(door: Devbox, project: Path, tmp_path: Path) -> None:
    (project / "data").symlink_to(tmp_path)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "link")
    source = tmp_path / "folder"
    source.mkdir()
    (source / "x").write_text("x")
    door.data.add("sales", source)
    told = {"name": "sales", "version": "1", "uri": str(project / "data" / "sales")}
    plan = door.reproduction.plan(trained(door, project, slots={"data": {"inputs": [told]}}))
    assert "outside" in plan.data[0].problem


def test_what_a_killed_one_left_goes(door: Devbox, project: Path) -> None:
    ref = trained(door, project)
    left = door.home / "reproduce" / "0a1b2c3d"
    left.mkdir(parents=True)
    left.with_suffix(".held").touch()
    kept = door.home / "reproduce" / "4e5f6a7b"
    kept.mkdir()
    assert door.reproduction.plan(ref).possible
    assert list(kept.parent.iterdir()) == [kept]


def test_another_one_at_work_is_left_alone(door: Devbox, project: Path) -> None:
    ref = trained(door, project)
    with door.reproduction._prepared(ref, lambda _: None) as prepared:
        assert door.reproduction.plan(ref).possible
        assert (prepared.folder / "train.py").is_file()


def test_one_that_was_imported(door: Devbox, project: Path, tmp_path: Path) -> None:
    ref = trained(door, project)
    door.bundles.export(ref, tmp_path / "churn.tar")
    door.models.rm("churn", force=True)
    door.bundles.take_in(tmp_path / "churn.tar")
    assert "imported" in door.reproduction.plan("churn").foreign
    assert door.reproduction.plan("churn").possible

    def refuse(_: object) -> None:
        raise Refused("Not agreed to.")

    with pytest.raises(Refused, match="Not agreed to"):
        door.reproduction.reproduce("churn", planned=refuse)
    assert nothing_left(door)
