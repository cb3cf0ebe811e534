from __future__ import annotations

import os
from pathlib import Path

import pytest

from devbox.config import load, shipped, start_project
from devbox.config.spec import Settings
from devbox.errors import DevboxError, UsageError


def test_the_template_is_a_valid_project(root: Path) -> None:
    started = start_project(root, profile="datascience")
    assert started.file == root / "devbox.toml"
    assert load(root, settings=Settings("ada")).box().spec.profile == "datascience"
    assert started.file.stat().st_mode & 0o777 == 0o644
    assert [file.name for file in root.iterdir()] == ["devbox.toml"]


def test_every_commented_line_of_the_template_is_valid_too(root: Path) -> None:
    (root / "requirements.txt").touch()
    file = start_project(root).file
    lines = file.read_text().splitlines()
    begin = lines.index("[box]")
    live = [line.removeprefix("# ") for line in lines[begin:]]
    file.write_text("\n".join(live))
    spec = load(root, settings=Settings("ada")).box().spec
    assert spec.requirements
    assert spec.services[0].name == "db"
    assert spec.stop_after == 7200


def test_it_never_overwrites_unless_forced(root: Path) -> None:
    (root / "devbox.toml").write_text("mine")
    with pytest.raises(DevboxError, match="exists"):
        start_project(root)
    assert (root / "devbox.toml").read_text() == "mine"
    start_project(root, force=True)
    assert (root / "devbox.toml").read_text() != "mine"
    assert [file.name for file in root.iterdir()] == ["devbox.toml"]


def test_a_dangling_link_is_in_the_way_too(root: Path, tmp_path: Path) -> None:
    (root / "devbox.toml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DevboxError, match="exists"):
        start_project(root)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_links(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert start_project(root).file.is_file()
    with pytest.raises(DevboxError, match="exists"):
        start_project(root)


def test_names_and_profiles_are_checked_before_anything_is_written(root: Path) -> None:
    for wrong in ({"name": "A B"}, {"profile": "pyton"}, {"profile": "base", "starter": True}):
        with pytest.raises(UsageError):
            start_project(root / "new", **wrong)
    with pytest.raises(UsageError) as caught:
        start_project(root / "new", profile="base", starter=True)
    assert caught.value.message == "Profile base has no starter project."
    assert caught.value.hint == "These have one: datascience, pytorch, warehouse."
    assert list(root.iterdir()) == []


def test_a_starter_project_is_copied_beside_what_is_there(root: Path) -> None:
    source = shipped("profiles") / "datascience" / "starter"
    (root / "README.md").write_text("mine")
    started = start_project(root, profile="datascience", starter=True)
    assert started.kept == (root / "README.md",)
    assert (root / "README.md").read_text() == "mine"
    assert {file.name for file in started.copied} >= {"train.py"}
    assert (root / "train.py").read_bytes() == (source / "train.py").read_bytes()
    spec = load(root, settings=Settings("ada")).box().spec
    assert (spec.name, spec.profile) == ("churn", "datascience")


def test_a_profile_file_is_named_from_the_project(root: Path, tmp_path: Path) -> None:
    (tmp_path / "team.toml").write_text('extends = "python"\n')
    started = start_project(root, profile="../team.toml")
    assert started.profile == "../team.toml"
    load(root, settings=Settings("ada"))
    started = start_project(root / "sub", profile="../team.toml")
    assert started.profile == "../../team.toml"
    load(root / "sub", settings=Settings("ada"))


def test_a_file_in_the_folders_place(root: Path) -> None:
    (root / "x").touch()
    with pytest.raises(DevboxError):
        start_project(root / "x")


def test_a_folder_that_is_not_ours(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(root / "new"))

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(DevboxError, match=r"new cannot be used: Permission denied\.") as caught:
        start_project(root / "new")
    assert caught.value.hint
