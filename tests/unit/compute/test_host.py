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
    assert usable_cpus(tmp_path) == (cpus or 3)


def test_memory_limits(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) == 1 << 63
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path) == 1 << 63
    (tmp_path / "memory.max").write_text("1048576\n")
    assert memory_limit(tmp_path) == 1 << 20
