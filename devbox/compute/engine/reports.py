"""What an engine reports and is asked for, beside its containers.

A module of their own, because making a dataclass takes half a millisecond, and `devbox exec`
needs none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devbox.compute.engine.times import seconds


@dataclass(frozen=True)
class Image:
    """A local image; ``size`` in bytes, ``created`` in seconds since the epoch; ``digests`` are
    its references in the registries that gave it, as ``REPOSITORY@sha256:...``."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    size: int
    created: float
    architecture: str = ""
    env: tuple[str, ...] = ()
    containers: int = 0
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """A named volume; ``size`` in bytes, -1 where the engine was not asked to measure it."""

    name: str
    labels: Mapping[str, str]
    created: str
    size: int = -1
    containers: int = -1


@dataclass(frozen=True)
class EngineEvent:
    """Something the engine did: ``kind`` container, image, ...; ``action`` start, die, ..."""

    time: float
    kind: str
    action: str
    id: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Sample:
    """Live use of one container. ``cpu`` is in cores (1.0 = one core busy); ``memory`` in bytes
    without the page cache; the counters are bytes since the container started."""

    time: float
    cpu: float
    memory: int
    memory_limit: int
    network_rx: int
    network_tx: int
    block_read: int
    block_write: int
    processes: int


@dataclass(frozen=True)
class LogLine:
    """One line of a container's output; ``stream`` is stdout or stderr, ``time`` RFC 3339."""

    stream: str
    text: str
    time: str = ""


@dataclass(frozen=True)
class BuildRequest:
    """One image to build with BuildKit.

    ``dockerfile`` is the text of the Dockerfile. ``secrets`` maps ids to contents, which never
    reach a layer or the cache key; ``contexts`` are named build contexts (a folder, or
    ``docker-image://REF``). ``proxies`` are Docker's predefined proxy arguments, which leave no
    trace in the image either.
    """

    tag: str
    context: Path
    dockerfile: str
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    target: str = ""
    no_cache: bool = False


@dataclass(frozen=True)
class HeldMount:
    """A path of the host or, with ``volume``, a named volume, in a held container."""

    source: str
    target: str
    read_only: bool = False
    volume: bool = False


@dataclass(frozen=True)
class HeldRequest:
    """A container to hold. ``tmpfs`` maps folders in memory to their mount options; ``network``
    is the engine's default one, or "none"."""

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[HeldMount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    network: str = ""


def image(data: Mapping[str, Any], containers: int = 0) -> Image:
    """An image of ``GET /images/json`` or ``GET /images/REF/json``."""
    config = data.get("Config") or {}
    created = data.get("Created")
    return Image(
        id=data["Id"],
        tags=tuple(tag for tag in data.get("RepoTags") or () if tag != "<none>:<none>"),
        labels=data.get("Labels") or config.get("Labels") or {},
        size=int(data.get("Size") or 0),
        created=seconds(created) if isinstance(created, str) else float(created or 0),
        architecture=data.get("Architecture", ""),
        env=tuple(config.get("Env") or ()),
        containers=containers,
        digests=tuple(data.get("RepoDigests") or ()),
    )


def volume(data: Mapping[str, Any]) -> Volume:
    """A volume of ``GET /volumes`` or ``GET /system/df``."""
    usage = data.get("UsageData") or {}
    return Volume(
        name=data["Name"],
        labels=data.get("Labels") or {},
        created=data.get("CreatedAt", ""),
        size=int(usage.get("Size", -1)),
        containers=int(usage.get("RefCount", -1)),
    )


def event(data: Mapping[str, Any]) -> EngineEvent:
    """One object of ``GET /events``."""
    actor = data.get("Actor") or {}
    nanoseconds = data.get("timeNano")
    return EngineEvent(
        time=nanoseconds / 1e9 if nanoseconds else float(data.get("time", 0)),
        kind=data.get("Type", ""),
        action=data.get("Action", ""),
        id=actor.get("ID", ""),
        attributes=actor.get("Attributes") or {},
    )


def sample(data: Mapping[str, Any]) -> Sample:
    """One object of ``GET /containers/ID/stats``.

    CPU and memory are computed as ``docker stats`` does (calculateCPUPercentUnix and
    calculateMemUsageUnixNoCache in cli/command/container/stats_helpers.go of docker/cli):
    the share of the host's CPU time between two readings times the CPUs online; the memory
    without the page cache that can be dropped, ``total_inactive_file`` on cgroup v1 and
    ``inactive_file`` on v2.
    """
    cpu, before = data.get("cpu_stats") or {}, data.get("precpu_stats") or {}
    memory = data.get("memory_stats") or {}
    networks = (data.get("networks") or {}).values()
    blocks = (data.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return Sample(
        time=seconds(data.get("read", "")),
        cpu=_cores(cpu, before),
        memory=_memory(memory),
        memory_limit=int(memory.get("limit") or 0),
        network_rx=sum(network["rx_bytes"] for network in networks),
        network_tx=sum(network["tx_bytes"] for network in networks),
        block_read=sum(entry["value"] for entry in blocks if entry["op"].lower() == "read"),
        block_write=sum(entry["value"] for entry in blocks if entry["op"].lower() == "write"),
        processes=int((data.get("pids_stats") or {}).get("current") or 0),
    )


def _cores(cpu: Mapping[str, Any], before: Mapping[str, Any]) -> float:
    def used(stats: Mapping[str, Any]) -> int:
        return int((stats.get("cpu_usage") or {}).get("total_usage") or 0)

    busy = used(cpu) - used(before)
    elapsed = int(cpu.get("system_cpu_usage") or 0) - int(before.get("system_cpu_usage") or 0)
    if busy <= 0 or elapsed <= 0 or not before.get("system_cpu_usage"):
        return 0.0
    per_cpu = (cpu.get("cpu_usage") or {}).get("percpu_usage") or ()
    online = int(cpu.get("online_cpus") or 0) or len(per_cpu) or 1
    return busy / elapsed * online


def _memory(memory: Mapping[str, Any]) -> int:
    usage = int(memory.get("usage") or 0)
    details = memory.get("stats") or {}
    key = "total_inactive_file" if "total_inactive_file" in details else "inactive_file"
    cache = int(details.get(key) or 0)
    return usage - cache if cache < usage else usage
