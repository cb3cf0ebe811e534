"""The engine's JSON answers as records. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from devbox.compute.engine.types import (
    Container,
    EngineEvent,
    Image,
    PublishedPort,
    Sample,
    Volume,
)

_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
NEVER = "0001-01-01T00:00:00Z"


def seconds(time: str) -> float:
    """An RFC 3339 time as seconds since the epoch; 0.0 for none and for Go's zero time."""
    if not time or time == NEVER:
        return 0.0
    from datetime import datetime

    return datetime.fromisoformat(time).timestamp()


def listed(data: Mapping[str, Any]) -> Container:
    """A container of ``GET /containers/json``."""
    status = str(data.get("Status", ""))
    health = _HEALTH.search(status)
    return Container(
        id=data["Id"],
        name=_name(data["Names"]),
        image=data["Image"],
        image_id=data["ImageID"],
        state=data["State"],
        status=status,
        labels=data.get("Labels") or {},
        created=float(data["Created"]),
        ports=tuple(
            PublishedPort(
                port["PrivatePort"], port["Type"], port.get("IP", ""), port.get("PublicPort")
            )
            for port in data.get("Ports") or ()
        ),
        health=health[1] if health else "",
        raw=data,
    )


def _name(names: list[str] | None) -> str:
    # A link shows as /other/alias; the container's own name has one slash.
    own = [name for name in names or () if name.count("/") == 1]
    return own[0].removeprefix("/") if own else ""


def inspected(data: Mapping[str, Any]) -> Container:
    """A container of ``GET /containers/ID/json``."""
    state, config = data["State"], data["Config"]
    status = str(state["Status"])
    ended = status in ("exited", "dead")
    health = str((state.get("Health") or {}).get("Status", ""))
    return Container(
        id=data["Id"],
        name=data["Name"].removeprefix("/"),
        image=config["Image"],
        image_id=data["Image"],
        state=status,
        status=f"{status} ({state['ExitCode']})" if ended else status,
        labels=config.get("Labels") or {},
        created=seconds(data["Created"]),
        ports=_ports(data),
        started=seconds(state.get("StartedAt", "")),
        exit_code=int(state["ExitCode"]) if ended else None,
        oom_killed=bool(state.get("OOMKilled")),
        health="" if health == "none" else health,
        pid=int(state.get("Pid") or 0),
        env=tuple(config.get("Env") or ()),
        mounts=tuple(data.get("Mounts") or ()),
        raw=data,
    )


def _ports(data: Mapping[str, Any]) -> tuple[PublishedPort, ...]:
    live = (data.get("NetworkSettings") or {}).get("Ports") or {}
    wanted = (data.get("HostConfig") or {}).get("PortBindings") or {}
    exposed = data["Config"].get("ExposedPorts") or {}
    ports = []
    for key in sorted({*live, *wanted, *exposed}):
        number, _, protocol = key.partition("/")
        bindings: Sequence[Mapping[str, str]] = live.get(key) or wanted.get(key) or ({},)
        for binding in bindings:
            host = binding.get("HostPort")
            ports.append(
                PublishedPort(
                    int(number),
                    protocol or "tcp",
                    binding.get("HostIp", ""),
                    int(host) if host else None,
                )
            )
    return tuple(ports)


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
