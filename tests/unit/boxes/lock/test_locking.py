"""Making a lock on a scripted engine: when it is written, and what it says changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.boxes.lock.file import load, place
from devbox.boxes.lock.locking import Locked
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError
from devbox.progress import Progress

BASE = "debian:bookworm-slim"


class Engine(FakeEngine):
    """Every image holds the same packages."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.debs = b"installed libc6 1 amd64\n"
        self.registry.add(BASE)

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        return ExecResult(0, self.debs if "dpkg-query" in argv[2] else b"", b"")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def door(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Devbox:
    project = tmp_path / "main"
    project.mkdir()
    (project / "devbox.toml").write_text('[box]\nname = "main"\nprofile = "base"\n')
    monkeypatch.chdir(project)
    return Devbox(home, engine=engine)


def lock(door: Devbox, *, upgrade: bool = False, said: list[Progress] | None = None) -> Locked:
    spec = door.project().box().spec
    report = (said if said is not None else []).append
    return door.boxes.lock(spec, ["main"], upgrade=upgrade, report=report)


def test_a_lock_is_written_once_and_renewed_when_asked(door: Devbox, engine: Engine) -> None:
    first = lock(door)
    assert (first.written, first.debian, first.python, first.changes) == (True, 1, 0, ())
    found = load(Path.cwd())
    assert found is not None
    digest = hashlib.sha256(BASE.encode()).hexdigest()
    assert found.boxes[0].base.digest == f"sha256:{digest}"
    assert [image.name for image in found.boxes[0].images] == ["base", "box"]
    built = len(engine.built)
    engine.debs = b"installed libc6 2 amd64\n"
    again = lock(door)
    assert not again.written
    assert len(engine.built) == built
    upgraded = lock(door, upgrade=True)
    assert upgraded.changes == ("- deb libc6 1 amd64", "+ deb libc6 2 amd64")
    assert [request.no_cache for request in engine.built[built:]] == [True, True]
    assert [event.kind for event in door.state.events.ls(subject="box/main")] == ["box.lock"] * 2
    assert engine.containers({}) == ()


def test_a_lock_that_cannot_be_read_is_written_anew(door: Devbox) -> None:
    place(Path.cwd()).write_text("version = 1\n=======\n")
    said: list[Progress] = []
    assert lock(door, said=said).written
    assert "merge conflict" in said[0].text
    assert load(Path.cwd()) is not None


def test_a_changed_box_is_locked_again(door: Devbox) -> None:
    lock(door)
    toml = Path("devbox.toml")
    toml.write_text(toml.read_text() + "[box.env]\nA = '1'\n")
    assert not lock(door).written
    toml.write_text('[boxes.main]\nprofile = "base"\n[boxes.other]\nimage = "debian:12"\n')
    boxes = door.project().boxes
    door.images.engine.registry.add("debian:12")  # type: ignore[attr-defined]
    assert door.boxes.lock(boxes["other"].spec, list(boxes)).written
    found = load(Path.cwd())
    assert found is not None
    assert [box.name for box in found.boxes] == ["main", "other"]


def test_an_image_of_this_machine_alone_cannot_be_locked(door: Devbox, engine: Engine) -> None:
    Path("devbox.toml").write_text('[box]\nname = "main"\nimage = "mine:1"\n')
    engine.add_image("mine:1")
    with pytest.raises(DevboxError, match="mine:1 has no digest of a registry") as caught:
        lock(door)
    assert "Push it" in caught.value.hint
    assert load(Path.cwd()) is None


def test_packages_that_no_list_has_are_named(door: Devbox, engine: Engine) -> None:
    engine.registry.clear()
    engine.add_image(BASE)
    engine.debs += b"installed old 9 all\n"
    with pytest.raises(DevboxError) as caught:
        lock(door)
    assert caught.value.message.startswith("libc6 1 and 1 more cannot be locked")
    assert caught.value.detail == ("libc6 1", "old 9")
    assert "--upgrade" in caught.value.hint
