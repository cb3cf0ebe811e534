"""Where runs are written, and what a box says of itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from devbox.journal import capture, places
from devbox.journal.places import IN_BOX, box_facts, box_spool, box_spools, in_box, spool


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "box.json"
    monkeypatch.setattr(places, "BOX_FACTS", file)
    return file


def test_outside(home: Path, facts: Path) -> None:
    assert not in_box()
    assert box_facts() == {}
    assert spool() == home / "spool"
    assert "box" not in capture.environment()


def test_in_a_box(facts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts.write_text('{"box": "b", "owner": "me", "image": "sha256:1", "profile": ""}')
    monkeypatch.delenv("DEVBOX_USER")
    for name in ("", "b"):  # sudo takes the variables away
        if name:
            monkeypatch.setenv("DEVBOX_BOX", name)
        assert in_box()
        assert spool() == IN_BOX
        assert box_facts() == {"box": "b", "owner": "me", "image": "sha256:1"}
        environment = capture.environment()
        assert (environment["box"], environment["image"]) == ("b", "sha256:1")
        assert "profile" not in environment
        assert capture.process()["user"] == "me"
        assert capture.process()["box"] == "b"


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"image": null}'])
def test_facts_that_are_none(facts: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    facts.write_text(text)
    monkeypatch.setenv("DEVBOX_BOX", "b")
    assert box_facts() == {"box": "b"}


def test_the_lock_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "devbox.lock").write_bytes(b"locked")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    digest = hashlib.sha256(b"locked").hexdigest()
    assert capture.environment()["lock"] == f"sha256:{digest}"


def test_the_spools_of_boxes(home: Path) -> None:
    assert list(box_spools(home)) == []
    for name in ("b", "a-b"):
        box_spool(home, "me", name).mkdir(parents=True)
    (home / "boxes" / "me_none").mkdir()
    (home / "boxes" / "file").write_text("")
    assert list(box_spools(home)) == [
        ("a-b", box_spool(home, "me", "a-b")),
        ("b", box_spool(home, "me", "b")),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_the_spools_owner(tmp_path: Path) -> None:
    from devbox.journal.ids import new_id
    from devbox.journal.run import Run

    place = tmp_path / "spool"
    place.mkdir()
    os.chown(place, 1234, 1234)
    run = Run(new_id(), place)
    run.log_metric("loss", 0.5)
    run.log_text("text", "a.txt")
    run.close()
    every = [run.folder, *run.folder.rglob("*")]
    assert len(every) == 4
    assert {(path.stat().st_uid, path.stat().st_gid) for path in every} == {(1234, 1234)}
