"""The locks of projects that were seen on this machine: storage keeps what they name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from devbox.boxes.lock.file import load, place
from devbox.boxes.lock.records import Lock
from devbox.errors import ConfigError
from devbox.storage.store import StorageStore


def remember(store: StorageStore, project: Path) -> None:
    """Keep what the lock of a project names, as far as it has one that can be read."""
    try:
        lock = load(project)
    except ConfigError:
        return  # what it named before is kept
    if lock is not None or place(project) in store.locked():
        store.saw_lock(place(project), named(lock or Lock()))


def kept(store: StorageStore, projects: Iterable[Path]) -> set[str]:
    """The blobs that the locks of these projects and of those seen before name, as they are now.

    Where the folder of a project is not there (a disk that is not mounted), what its lock named
    when it was last seen.
    """
    for project in {*projects, *(file.parent for file in store.locked())}:
        if project.is_dir():
            remember(store, project)
    return {digest for digests in store.locked().values() for digest in digests}


def named(lock: Lock) -> set[str]:
    """The digests of all files that a lock names."""
    found: set[str] = set()
    for box in lock.boxes:
        debs = [*box.base.apt, *(deb for image in box.images for deb in image.apt)]
        wheels = [*box.base.python, *(wheel for image in box.images for wheel in image.python)]
        found.update(deb.sha256 for deb in debs)
        found.update(wheel.sha256 for wheel in wheels)
        found.update([box.uv.sha256] if box.uv else [])
    return found - {""}
