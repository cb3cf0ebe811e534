"""The engine's JSON answers about containers as records. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from devbox.compute.engine.times import seconds
from devbox.compute.engine.types import Container, PublishedPort

_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")


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
        finished=seconds(state.get("FinishedAt", "")),
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
