"""What a locked build is given: files from storage, and no other way to get packages.

The build sees the locked Debian packages below /run/build/locked, the locked wheels at
/run/wheels, and neither mirror nor index. Only where a Python package has to be built from its
source, the index stays, for what builds it; the hashes say what may be installed all the same.
"""

from __future__ import annotations

import dataclasses
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devbox.boxes.images.network import for_build
from devbox.boxes.images.recipe import Step
from devbox.boxes.lock import installed
from devbox.boxes.lock.archive import file_name
from devbox.boxes.lock.chain import from_source, requirements
from devbox.boxes.lock.records import LockedStep, Wheel
from devbox.boxes.lock.store import Store, place_files
from devbox.config.spec import Network
from devbox.errors import DevboxError, Refused
from devbox.progress import Report

UNLIKE = "not the packages of the lock"
LISTING = Path(installed.__file__)
_UV = ("uv", "uvx")


@dataclass(frozen=True)
class Supply:
    """Named contexts and secrets of a build, in the place of those of an unlocked one."""

    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict)


class Supplies:
    """Brings here what locked steps need. All raise Refused naming the packages that can't be
    had."""

    def __init__(self, store: Store, report: Report) -> None:
        self._store = store
        self._report = report

    def build(self, step: Step, locked: LockedStep, scripts: Path, folder: Path) -> Supply:
        """What a step of BuildKit's gets, below ``folder``; ``scripts`` holds the shared one."""
        store = self._store
        store.debs(locked.debs, locked.archives, self._report)
        build = folder / "build"
        shutil.copytree(scripts, build)
        debs = [(file_name(deb), deb.sha256) for deb in locked.debs if deb.sha256]
        place_files(store.blobs, debs, build / "locked" / "debs")
        (build / "locked" / "python.txt").write_bytes(requirements(locked.wheels))
        (build / "locked" / "packages").write_text("".join(f"{line}\n" for line in locked.expected))
        shutil.copyfile(LISTING, build / "locked" / "installed.py")
        network = self.network(locked, folder)
        contexts = {"devbox-build": str(build), "devbox-wheels": str(network.wheels[0])}
        if step.kind == "base" and locked.uv:
            store.wheels([locked.uv], self._report)
            contexts["uv"] = str(_unpacked_uv(store, locked.uv, folder / "uv"))
        secrets = dict(for_build(network).secrets)
        secrets.pop("devbox-apt", None)
        if not from_source(locked.wheels):
            secrets["devbox-pip"] += b"no-index = true\n"
            secrets["devbox-uv"] = b"no-index = true\n" + secrets["devbox-uv"]
        return Supply(contexts, secrets)

    def network(self, locked: LockedStep, folder: Path) -> Network:
        """The network of a step: a folder with its wheels, and an index only for what has to be
        built."""
        network = dataclasses.replace(self._store.network, wheels=(self._wheels(locked, folder),))
        if from_source(locked.wheels):
            return network
        return dataclasses.replace(network, index="", extra_index=())

    def _wheels(self, locked: LockedStep, folder: Path) -> Path:
        wheels = [wheel for wheel in locked.wheels if wheel.file]
        self._store.wheels(wheels, self._report)
        files = [(wheel.file, wheel.sha256) for wheel in wheels]
        return place_files(self._store.blobs, files, folder / "locked-wheels")


def refused(error: DevboxError) -> DevboxError:
    """The failure of a locked build: a refusal where the outcome was not the lock's."""
    if not error.message.startswith(UNLIKE):
        return error
    return Refused(error.message, hint=error.hint, detail=error.detail)


def _unpacked_uv(store: Store, wheel: Wheel, folder: Path) -> Path:
    """uv's programs as the build of the base image looks for them."""
    programs = folder / "uv" / "bin"
    programs.mkdir(parents=True)
    try:
        with zipfile.ZipFile(store.blobs.path(wheel.sha256)) as archive:
            for name in archive.namelist():
                program = name.rpartition("/")[2]
                if ".data/scripts/" in name and program in _UV:
                    with archive.open(name) as source, (programs / program).open("wb") as target:
                        shutil.copyfileobj(source, target)
    except (OSError, zipfile.BadZipFile) as error:
        raise DevboxError(f"{wheel.file} cannot be unpacked: {error}.") from error
    if {file.name for file in programs.iterdir()} != set(_UV):
        raise Refused(f"uv {wheel.version} is locked, and its file {wheel.file} holds no uv.")
    return folder
