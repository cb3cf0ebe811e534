"""Does this machine have what devbox needs? Small checks that change nothing and never raise."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from devbox.errors import ConfigError, DevboxError
from devbox.state.check import Check

if TYPE_CHECKING:
    from devbox.compute import Hosts
    from devbox.compute.engine.facts import EngineInfo
    from devbox.compute.engine.types import Engine
    from devbox.config import Settings

ENGINE = (23, 0)
COMPOSE = (2, 20)
BUILDX = (0, 11)
GIB = 1 << 30
ENGINE_DISK = (2 * GIB, 10 * GIB)
"""Free bytes where images are kept: below the first a build fails, below the second it may."""
HOME_DISK = (GIB // 10, GIB)

CONTROLLERS = frozenset(("cpu", "memory", "pids"))
KERNEL = Path("/")
"""Where the kernel's files are looked for."""


class Door(Protocol):
    """What is checked. Each part may raise DevboxError when it is asked for."""

    @property
    def home(self) -> Path: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def hosts(self) -> Hosts: ...
    def project_root(self) -> Path: ...
    def project(self) -> Any: ...


def checks(door: Door) -> Iterator[Check]:
    """Every check, in the order in which a person would repair things."""
    look = _Doctor(door)
    for name, check in look.all().items():
        try:
            yield from check()
        except ConfigError as error:
            for problem in error.problems:
                yield Check(name, "fail", str(problem), error.hint)
        except DevboxError as error:
            yield Check(name, "fail", error.message, error.hint)
        except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
            message = f"the check itself failed: {type(error).__name__}: {error}"
            yield Check(name, "warn", message, "Please report this.")


class _Doctor:
    def __init__(self, door: Door) -> None:
        self._door = door

    def all(self) -> dict[str, Callable[[], Iterator[Check]]]:
        return {
            "python": self.python,
            "docker": self.docker,
            "engine": self.engine,
            "compose": self.compose,
            "buildx": self.buildx,
            "engine disk": self.engine_disk,
            "limits": self.limits,
            "gpu": self.gpu,
            "home disk": self.home_disk,
            "state": self.state,
            "settings": self.settings,
            "project": self.project,
        }

    @cached_property
    def _answer(self) -> EngineInfo | DevboxError:
        """What the engine says of itself, or why it does not: asked once, since one that hangs
        takes its time."""
        try:
            return self._door.engine.info()
        except DevboxError as error:
            return error

    @property
    def _info(self) -> EngineInfo | None:
        """None where the engine does not answer, which its own check tells."""
        return None if isinstance(self._answer, DevboxError) else self._answer

    def python(self) -> Iterator[Check]:
        from importlib.metadata import version

        versions = {
            "devbox": version("mldevbox"),
            "Python": platform.python_version(),
            "SQLite": sqlite3.sqlite_version,
        }
        text = ", ".join(f"{name} {number}" for name, number in versions.items())
        yield Check("python", "ok", f"{text}, {platform.system()} {platform.machine()}")

    def docker(self) -> Iterator[Check]:
        found = shutil.which("docker")
        if found:
            yield Check("docker", "ok", found)
        else:
            # devbox runs the plugins itself: the command is for the person.
            fix = "Install it (Debian: `sudo apt install docker-cli` or docker-ce-cli)."
            yield Check("docker", "warn", "there is no docker command on PATH", fix)

    def engine(self) -> Iterator[Check]:
        info = self._answer
        if isinstance(info, DevboxError):
            raise info
        text = f"{info.version} at {self._door.engine.address}, {info.os}, {info.architecture}"
        if info.rootless:
            text += ", rootless"
        yield _at_least("engine", info.version, ENGINE, text, "Upgrade Docker on that machine.")

    def compose(self) -> Iterator[Check]:
        yield _plugin("compose", COMPOSE)

    def buildx(self) -> Iterator[Check]:
        yield _plugin("buildx", BUILDX)

    def engine_disk(self) -> Iterator[Check]:
        info = self._info
        if info is None:
            yield _unasked("engine disk")
            return
        folder = Path(info.root_dir or "/")
        if not self._door.engine.address.startswith("unix://") or not folder.is_dir():
            text = f"{folder} is on the engine's own machine: not seen from here"
            yield Check("engine disk", "ok", text)
            return
        fix = "`devbox df` shows what takes it; `devbox image prune` frees some."
        yield _disk("engine disk", folder, ENGINE_DISK, fix)

    def limits(self) -> Iterator[Check]:
        info = self._info
        if info is None:
            yield _unasked("limits")
            return
        version = f"cgroup version {info.cgroup_version}"
        if info.rootless and info.cgroup_version != "2":
            fix = "Boot with systemd.unified_cgroup_hierarchy=1, or use an engine of root's."
            yield Check("limits", "warn", f"none hold: the engine is rootless, on {version}", fix)
            return
        fix = "Boot with cgroup_enable=memory cgroup_memory=1 on the kernel's command line."
        if info.rootless:
            fix = "Delegate them to user services: Delegate=cpu cpuset io memory pids in systemd."
        has = _controllers(info) if self._door.engine.address.startswith("unix://") else None
        missing = sorted(CONTROLLERS - has) if has is not None else []
        if missing:
            text = f"none on {', '.join(missing)}: the kernel's controller is off"
            yield Check("limits", "warn", text, fix)
        else:
            yield Check("limits", "ok", version)

    def gpu(self) -> Iterator[Check]:
        from devbox.compute.gpu import gpu_refusal

        gpus = self._door.hosts.gpus()
        names = ", ".join(device.name for device in gpus.devices)
        info = self._info
        if gpus.problem and not gpus.problem.startswith("no NVIDIA driver"):
            text = f"{names}; {gpus.problem}" if names else gpus.problem
            yield Check("gpu", "warn", text, "Repair the NVIDIA driver, if boxes need GPUs.")
        elif not names:
            yield Check("gpu", "ok", f"none: {gpus.problem or 'this machine has none'}")
        elif info is None:
            yield _unasked("gpu", f"{names}; ")
        elif refusal := gpu_refusal(info, gpus):
            fix = "Install the NVIDIA Container Toolkit and restart the engine."
            yield Check("gpu", "warn", f"{names}; {refusal}", fix)
        else:
            yield Check("gpu", "ok", names)

    def home_disk(self) -> Iterator[Check]:
        folder = self._door.home
        # os.path: a folder that we may not look into counts as missing.
        while not os.path.exists(folder):  # noqa: PTH110
            folder = folder.parent
        fix = "Free space there, or set DEVBOX_HOME to another disk."
        yield _disk("home disk", folder, HOME_DISK, fix)

    def state(self) -> Iterator[Check]:
        from devbox.state.check import check
        from devbox.state.places import state_file

        found = check(self._door.home)
        bad = [each for each in found if each.status != "ok"]
        for each in bad:
            yield Check("state", each.status, f"{each.name}: {each.message}", each.fix)
        if not bad:
            there = state_file(self._door.home).exists()
            yield Check("state", "ok", "sound" if there else found[-1].message)

    def settings(self) -> Iterator[Check]:
        settings = self._door.settings
        yield Check(
            "settings", "ok", f"{settings.file or 'none, defaults'}; you are {settings.owner}"
        )

    def project(self) -> Iterator[Check]:
        try:
            root = self._door.project_root()
        except DevboxError:
            yield Check("project", "ok", "none around this folder")
            return
        names = ", ".join(self._door.project().boxes)
        yield Check("project", "ok", f"{root / 'devbox.toml'}: {names}")


def _unasked(name: str, before: str = "") -> Check:
    return Check(name, "warn", f"{before}not checked: the engine does not answer")


def _controllers(info: EngineInfo) -> frozenset[str] | None:
    """The cgroup controllers that the engine here can use; None where that cannot be seen."""
    try:
        if info.cgroup_version != "2":
            # Name, hierarchy, number of cgroups, enabled: cgroups(7).
            lines = (KERNEL / "proc/cgroups").read_text().splitlines()
            return frozenset(line.split()[0] for line in lines if line.endswith("\t1"))
        folder = KERNEL / "sys/fs/cgroup"
        if info.rootless:
            user = os.getuid()
            folder = folder / f"user.slice/user-{user}.slice/user@{user}.service"
        return frozenset((folder / "cgroup.controllers").read_text().split())
    except OSError:
        return None


def _plugin(name: str, least: tuple[int, int]) -> Check:
    from devbox.compute.engine import plugins

    version = plugins.version(name)
    if not version:
        fix = plugins.INSTALL_HINTS[name]
        try:
            text = f"Docker's {name} plugin does not run: {plugins.find(name)[0]}"
            fix = f"Remove that one, then install it anew. {fix}"
        except DevboxError as error:
            text = error.message.rstrip(".")
        return Check(name, "fail", text, fix)
    return _at_least(name, version, least, version, f"Upgrade Docker's {name} plugin.")


def _at_least(name: str, version: str, least: tuple[int, int], text: str, fix: str) -> Check:
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if not numbers:
        return Check(name, "warn", f"{text}: a version that cannot be read", fix)
    if numbers < least:
        needed = ".".join(map(str, least))
        return Check(name, "fail", f"{text}: devbox needs {needed} or newer", fix)
    return Check(name, "ok", text)


def _disk(name: str, folder: Path, bounds: tuple[int, int], fix: str) -> Check:
    """Free space for who is not root, and free inodes, where the filesystem counts them."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    text = f"{free / GIB:.1f} GiB free in {folder}"
    if status.f_files and status.f_favail < status.f_files // 100:
        return Check(name, "warn", f"{text}, but hardly any file can be made (inodes)", fix)
    if free < bounds[0]:
        return Check(name, "fail", text, fix)
    if free < bounds[1]:
        return Check(name, "warn", text, fix)
    return Check(name, "ok", text)
