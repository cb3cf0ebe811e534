"""This machine's inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbox.compute import Hosts
from devbox.compute.host import memory_limit, usable_cpus


def test_the_local_host_and_its_use() -> None:
    host = Hosts().local()
    assert host.name
    assert host.cpus > 0
    assert host.memory > 0
    assert host.disk > 0
    use = host.use(0.01)
    assert use.cpu >= 0
    assert 0 < use.memory_used <= use.memory
    assert 0 < use.disk_used <= use.disk


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_cpus_that_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cpus: float | None
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    own = tmp_path / "own"
    own.write_text("1:cpu,cpuacct:/\n0::/\n")
    assert usable_cpus(tmp_path, own) == (cpus or 3)


def test_cpus_of_a_cgroup_and_those_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    own = tmp_path / "own"
    own.write_text("3:memory:/else\n1:cpu,cpuacct:/a/b\n0::/user/shell\n")
    (tmp_path / "user/shell").mkdir(parents=True)
    (tmp_path / "user/shell/cpu.max").write_text("400000 100000\n")
    assert usable_cpus(tmp_path, own) == 4
    (tmp_path / "user/cpu.max").write_text("300000 100000\n")
    assert usable_cpus(tmp_path, own) == 3
    (tmp_path / "cpu/a/b").mkdir(parents=True)
    (tmp_path / "cpu/a/b/cpu.cfs_quota_us").write_text("200000\n")
    (tmp_path / "cpu/a/b/cpu.cfs_period_us").write_text("100000\n")
    assert usable_cpus(tmp_path, own) == 2


def test_memory_limits(tmp_path: Path) -> None:
    own = tmp_path / "own"
    assert memory_limit(tmp_path, own) == 1 << 63
    own.write_text("4:memory:/a:b/c\n2:name=systemd:/x\n0::/user/shell\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path, own) == 1 << 63
    for below, limit in (("", 1 << 40), ("user", 1 << 30), ("user/shell", 1 << 20)):
        (tmp_path / below).mkdir(exist_ok=True)
        (tmp_path / below / "memory.max").write_text(f"{limit}\n")
        assert memory_limit(tmp_path, own) == limit
    (tmp_path / "memory/a:b/c").mkdir(parents=True)
    (tmp_path / "memory/a:b/c/memory.limit_in_bytes").write_text("4096\n")
    assert memory_limit(tmp_path, own) == 4096
