from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devbox import doctor
from devbox.compute.engine import plugins
from devbox.compute.engine.facts import EngineInfo
from devbox.compute.gpu import GpuDevice, Gpus
from devbox.config.spec import Settings
from devbox.doctor import checks
from devbox.errors import ConfigError, DevboxError, Problem, Unreachable
from devbox.state import State
from devbox.state.check import Check

INFO = EngineInfo(
    version="26.1.5+dfsg1",
    api_version="1.45",
    name="host",
    os="Debian GNU/Linux 12",
    architecture="x86_64",
    cpus=4,
    memory=8 << 30,
    rootless=False,
    cgroup_version="2",
    storage_driver="overlay2",
    root_dir="/nowhere/docker",
    runtimes=("runc",),
    cdi=(),
    registry_mirrors=(),
)
GPU = GpuDevice(0, "GPU-1", "NVIDIA H100", 80 << 30, None, None, None, None)
NO_DRIVER = Gpus((), "no NVIDIA driver is installed")


@dataclass
class Door:
    """A door whose parts answer, or fail, as a test says."""

    home: Path
    info: EngineInfo | Exception = INFO
    address: str = "unix:///run/docker.sock"
    found: Gpus | Exception = NO_DRIVER
    given: Settings | Exception = field(default_factory=lambda: Settings(owner="ada"))
    root: Path | Exception = field(default_factory=lambda: DevboxError("no devbox.toml"))
    boxes: Any = field(default_factory=dict)

    @property
    def engine(self) -> Any:
        return SimpleNamespace(address=self.address, info=lambda: answer(self.info))

    @property
    def hosts(self) -> Any:
        return SimpleNamespace(gpus=lambda: answer(self.found))

    @property
    def settings(self) -> Any:
        return answer(self.given)

    def project_root(self) -> Any:
        return answer(self.root)

    def project(self) -> Any:
        return SimpleNamespace(boxes=answer(self.boxes))


def answer(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@pytest.fixture
def door(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    """A machine where all is well."""
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")
    versions = {"compose": "2.26.1-4", "buildx": "0.13.1+ds1"}
    monkeypatch.setattr(plugins, "version", versions.__getitem__)
    monkeypatch.setattr(doctor, "KERNEL", tmp_path / "kernel")
    monkeypatch.setattr(doctor, "HOME_DISK", (0, 0))
    with State(home, actor="ada"):
        return Door(home)


def one(door: Door, name: str) -> Check:
    [found] = [check for check in checks(door) if check.name == name]
    return found


def test_all_is_well(door: Door) -> None:
    found = list(checks(door))
    assert [check for check in found if check.status != "ok"] == []
    assert [check.name for check in found] == [
        "python",
        "docker",
        "engine",
        "compose",
        "buildx",
        "engine disk",
        "limits",
        "gpu",
        "home disk",
        "state",
        "settings",
        "project",
    ]


def test_an_engine_that_does_not_answer_is_asked_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def info() -> EngineInfo:
        asked.append("info")
        raise Unreachable("The engine does not answer.")

    engine = SimpleNamespace(address=door.address, info=info)
    monkeypatch.setattr(Door, "engine", engine)
    door.found = Gpus((GPU,))
    assert one(door, "engine").status == "fail"
    assert asked == ["info"]


def test_a_plugin_that_does_not_run(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "version", lambda _: "")
    monkeypatch.setattr(plugins, "find", lambda name: [f"/x/docker-{name}"])
    found = one(door, "compose")
    assert found.message == "Docker's compose plugin does not run: /x/docker-compose"
    assert "install it anew" in found.fix


def test_without_an_engine_the_others_are_still_checked(door: Door) -> None:
    door.info = Unreachable("The engine is not running.", hint="Start it.")
    found = {check.name: check for check in checks(door)}
    assert found["engine"] == Check("engine", "fail", "The engine is not running.", "Start it.")
    for name in ("engine disk", "limits"):
        assert found[name].status == "warn"
        assert "does not answer" in found[name].message
    for name in ("compose", "buildx", "home disk", "state", "settings", "project", "gpu"):
        assert found[name].status == "ok"


@pytest.mark.parametrize("part", ["info", "found", "given", "root", "boxes"])
def test_a_broken_part_hides_nothing_and_raises_nothing(door: Door, part: str) -> None:
    door.root = door.home
    setattr(door, part, ZeroDivisionError("oh"))
    found = list(checks(door))
    assert len(found) == 12
    broken = [check for check in found if "ZeroDivisionError: oh" in check.message]
    assert broken
    assert {check.status for check in broken} == {"warn"}


@pytest.mark.parametrize(
    ("version", "status"),
    [("23.0.0", "ok"), ("22.9", "fail"), ("29.0-rc1", "ok"), ("dev", "warn"), ("9", "fail")],
)
def test_the_engine_version(door: Door, version: str, status: str) -> None:
    door.info = replace(INFO, version=version)
    assert one(door, "engine").status == status


@pytest.mark.parametrize(
    ("name", "version", "status"),
    [
        ("compose", "2.20.0", "ok"),
        ("compose", "2.19.9", "fail"),
        ("compose", "5.0", "ok"),
        ("compose", "", "fail"),
        ("buildx", "0.11", "ok"),
        ("buildx", "0.10.4", "fail"),
        ("buildx", "", "fail"),
    ],
)
def test_plugin_versions(
    door: Door, monkeypatch: pytest.MonkeyPatch, name: str, version: str, status: str
) -> None:
    monkeypatch.setattr(plugins, "version", lambda _: version)
    found = one(door, name)
    assert found.status == status
    assert bool(found.fix) == (status == "fail")


def test_no_docker_command(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = one(door, "docker")
    assert found.status == "warn"
    assert found.fix


def disk(free: int, *, files: int = 1000, files_free: int = 500) -> Callable[[object], Any]:
    return lambda _: SimpleNamespace(f_bavail=free, f_frsize=1, f_files=files, f_favail=files_free)


@pytest.mark.parametrize(
    ("free", "status"), [(50 << 30, "ok"), (5 << 30, "warn"), (1 << 30, "fail")]
)
def test_the_engine_disk(
    door: Door, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    door.info = replace(INFO, root_dir=str(door.home))
    monkeypatch.setattr(os, "statvfs", disk(free))
    assert one(door, "engine disk").status == status


def test_a_disk_without_room_for_another_file(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", disk(50 << 30, files_free=3))
    assert "inodes" in one(door, "home disk").message
    monkeypatch.setattr(os, "statvfs", disk(50 << 30, files=0, files_free=0))
    assert one(door, "home disk").status == "ok"


def test_the_disk_of_an_engine_elsewhere_is_not_looked_at(door: Door) -> None:
    door.address = "tcp://10.0.0.1:2375"
    door.info = replace(INFO, root_dir=str(door.home))
    assert "not seen from here" in one(door, "engine disk").message


def kernel(file: str, text: str) -> None:
    path = doctor.KERNEL / file
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_limits_need_their_controllers(door: Door) -> None:
    kernel("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n")
    found = one(door, "limits")
    assert found.status == "warn"
    assert "memory" in found.message
    assert "cgroup_enable=memory" in found.fix
    door.address = "tcp://10.0.0.1:2375"
    assert one(door, "limits").status == "ok"


def test_limits_of_the_first_cgroup_version(door: Door) -> None:
    door.info = replace(INFO, cgroup_version="1")
    lines = ["#subsys_name\thierarchy\tnum_cgroups\tenabled", "cpu\t1\t5\t1", "pids\t2\t5\t1"]
    kernel("proc/cgroups", "\n".join([*lines, "memory\t0\t5\t0"]))
    assert "memory" in one(door, "limits").message
    (doctor.KERNEL / "proc/cgroups").write_text("\n".join([*lines, "memory\t3\t5\t1"]))
    assert one(door, "limits").status == "ok"


def test_limits_of_a_rootless_engine(door: Door) -> None:
    door.info = replace(INFO, rootless=True, cgroup_version="1")
    assert "rootless" in one(door, "limits").message
    door.info = replace(INFO, rootless=True)
    user = os.getuid()
    folder = f"sys/fs/cgroup/user.slice/user-{user}.slice/user@{user}.service"
    kernel(f"{folder}/cgroup.controllers", "memory pids\n")
    found = one(door, "limits")
    assert "cpu" in found.message
    assert "Delegate" in found.fix


@pytest.mark.parametrize(
    ("gpus", "runtimes", "status"),
    [
        (Gpus((GPU,)), ("nvidia",), "ok"),
        (Gpus((GPU,)), ("runc",), "warn"),
        (Gpus((GPU,), "GPU 1: lost"), ("nvidia",), "warn"),
        (Gpus((), "the NVIDIA driver is installed but not loaded"), ("nvidia",), "warn"),
        (NO_DRIVER, ("nvidia",), "ok"),
    ],
)
def test_gpus(
    door: Door,
    monkeypatch: pytest.MonkeyPatch,
    gpus: Gpus,
    runtimes: tuple[str, ...],
    status: str,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    door.found = gpus
    door.info = replace(INFO, runtimes=runtimes)
    found = one(door, "gpu")
    assert found.status == status
    assert bool(found.fix) == (status == "warn")


def test_gpus_without_an_engine(door: Door) -> None:
    door.found = Gpus((GPU,))
    door.info = Unreachable("no")
    assert one(door, "gpu").message.startswith("NVIDIA H100; not checked")


def test_a_home_that_is_not_there_yet(door: Door, tmp_path: Path) -> None:
    door.home = tmp_path / "not" / "yet"
    assert one(door, "home disk").status == "ok"
    assert one(door, "state").message.endswith("the first command makes it")


def test_a_broken_state_file(door: Door) -> None:
    (door.home / "state.db").write_text("hello" * 100)
    found = one(door, "state")
    assert found.status == "fail"
    assert "not a devbox state file" in found.message


def test_every_problem_of_settings_and_project_is_told(door: Door) -> None:
    door.given = ConfigError(
        [Problem("config.toml", 1, "a", "no"), Problem("config.toml", 2, "b", "no")]
    )
    door.root = door.home
    door.boxes = ConfigError([Problem("devbox.toml", 3, "box.cpus", "is negative")])
    failed = [(check.name, check.message) for check in checks(door) if check.status == "fail"]
    assert failed == [
        ("settings", "config.toml:1: a: no"),
        ("settings", "config.toml:2: b: no"),
        ("project", "devbox.toml:3: box.cpus: is negative"),
    ]


def test_a_sound_project(door: Door) -> None:
    door.root = Path("/srv/churn")
    door.boxes = {"api": None, "web": None}
    assert one(door, "project").message == "/srv/churn/devbox.toml: api, web"
