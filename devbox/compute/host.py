"""This machine: what it has and how busy it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from devbox.compute.gpu import GpuDevice, Gpus

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Use:
    """How busy a machine is. ``cpu`` in cores, over the measured moment; memory and disk in
    bytes; network as bytes since the machine started; ``load`` as in uptime(1)."""

    time: float
    cpu: float
    memory_used: int
    memory: int
    disk_used: int
    disk: int
    network_rx: int
    network_tx: int
    load: tuple[float, float, float]
    gpus: tuple[GpuDevice, ...]


@dataclass(frozen=True)
class Host:
    """A machine. ``cpus`` are those that may be used, ``memory`` and ``disk`` are bytes;
    ``disk`` is that of the file system ``folder`` is on."""

    name: str
    os: str
    architecture: str
    cpus: float
    memory: int
    disk: int
    folder: str
    gpus: Gpus

    def use(self, seconds: float = 0.2) -> Use:
        """How busy the machine is, measured over so many seconds."""
        import psutil

        from devbox.compute.gpu import find

        cpu = psutil.cpu_percent(interval=seconds) / 100 * (psutil.cpu_count() or 1)
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(self.folder)
        network = psutil.net_io_counters()
        return Use(
            time=time.time(),
            cpu=cpu,
            memory_used=memory.total - memory.available,
            memory=memory.total,
            disk_used=disk.used,
            disk=disk.total,
            network_rx=network.bytes_recv if network else 0,
            network_tx=network.bytes_sent if network else 0,
            load=psutil.getloadavg(),
            gpus=find().devices,
        )


def local(folder: Path | None = None) -> Host:
    """This machine."""
    import platform

    import psutil

    from devbox.compute.gpu import find

    folder = folder or Path.home()
    while not folder.exists():
        folder = folder.parent
    return Host(
        name=platform.node(),
        os=_os(),
        architecture=platform.machine(),
        cpus=usable_cpus(),
        memory=min(psutil.virtual_memory().total, memory_limit()),
        disk=psutil.disk_usage(str(folder)).total,
        folder=str(folder),
        gpus=find(),
    )


def _os() -> str:
    import platform

    if platform.system() != "Linux":
        return f"{platform.system()} {platform.release()}"
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = "Linux"
    return f"{name}, kernel {platform.release()}"


def usable_cpus(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> float:
    """The CPUs that this process may use: its affinity, and the quota of its cgroup and those
    around it, in whole or fractional cores."""
    if hasattr(os, "sched_getaffinity"):
        count = float(len(os.sched_getaffinity(0)))
    else:
        count = float(os.cpu_count() or 1)
    for folder in _cgroups("cpu", root, own):
        version1 = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        for words in (_words(folder / "cpu.max"), version1):
            match words:
                case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
                    count = min(count, int(quota) / int(period))
    return count


def memory_limit(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """The memory limit of this process's cgroup and those around it in bytes; very large where
    there is none."""
    found: list[str] = []
    for folder in _cgroups("memory", root, own):
        found += _words(folder / "memory.max") + _words(folder / "memory.limit_in_bytes")
    return min((int(word) for word in found if word.isdigit()), default=1 << 63)


def _cgroups(controller: str, root: Path, own: Path) -> Iterator[Path]:
    """The folders of this process's cgroup and of all around it, of both cgroup versions: a
    limit on any of them holds. In a container some may not be there to see."""
    paths = {"": PurePosixPath("/"), controller: PurePosixPath("/")}
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, names, path = line.split(":", 2)
            paths |= {name: PurePosixPath(path) for name in names.split(",") if name in paths}
    for version, lowest in paths.items():
        for folder in (lowest, *lowest.parents):
            yield root / version / folder.relative_to("/")


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
