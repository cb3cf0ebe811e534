from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.boxes.lock.file import save
from devbox.boxes.lock.records import Base, Deb, Lock, LockedBox, LockedImage, Wheel
from devbox.boxes.lock.seen import kept, named, remember
from devbox.state import State
from devbox.storage import Blobs
from devbox.storage.store import StorageStore

ONE, TWO, THREE, FOUR = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)


@pytest.fixture
def store(home: Path) -> Iterator[StorageStore]:
    with State(home, actor="tester") as state:
        yield StorageStore(state)


def lock(*digests: str) -> Lock:
    """A lock whose packages are files of these digests."""
    debs = tuple(
        Deb("curl", "7.88.1-10", "amd64", digest, 1, "pool/main/c/curl/curl.deb")
        for digest in digests[:1]
    )
    wheels = tuple(
        Wheel("rich", "13.9.4", digest, 1, "rich-13.9.4-py3-none-any.whl") for digest in digests[1:]
    )
    base = Base("debian:bookworm", release="bookworm", apt=debs)
    image = LockedImage("python", python=wheels)
    inputs = {"python": ("3.12",)}
    return Lock((LockedBox("b", "linux/amd64", inputs, base, (image,)),))


def test_every_file_is_named() -> None:
    assert named(lock(ONE, TWO, THREE)) == {ONE, TWO, THREE}
    assert named(Lock()) == set()


def test_what_locks_name_now_is_kept(store: StorageStore, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for project in (mine, other):
        project.mkdir()
    save(lock(ONE), mine)
    save(lock(TWO), other)
    remember(store, mine)
    assert kept(store, []) == {ONE}
    assert kept(store, [other]) == {ONE, TWO}
    assert kept(store, []) == {ONE, TWO}, "a project that was seen is remembered"
    save(lock(THREE, FOUR), mine)
    assert kept(store, []) == {THREE, FOUR, TWO}
    (mine / "devbox.lock").unlink()
    assert kept(store, []) == {TWO}


def test_a_project_that_is_away_keeps_its_files(store: StorageStore, tmp_path: Path) -> None:
    project = tmp_path / "disk" / "project"
    project.mkdir(parents=True)
    save(lock(ONE), project)
    remember(store, project)
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    assert kept(store, []) == {ONE}


def test_a_lock_that_cannot_be_read_keeps_its_files(store: StorageStore, tmp_path: Path) -> None:
    save(lock(ONE), tmp_path)
    remember(store, tmp_path)
    (tmp_path / "devbox.lock").write_text("<<<<<<< conflict")
    assert kept(store, []) == {ONE}


def test_the_door_keeps_what_locks_name(home: Path, tmp_path: Path) -> None:
    from devbox.api import Devbox
    from devbox.storage.gc import collect

    digest = Blobs(home / "blobs").put(io.BytesIO(b"a wheel"))
    other = Blobs(home / "blobs").put(io.BytesIO(b"garbage"))
    save(lock(digest), tmp_path)
    with Devbox(home) as door:
        remember(StorageStore(door.state), tmp_path)
        assert collect(door.storage, delete=True, grace=-3600)[0].digests == (other,)
