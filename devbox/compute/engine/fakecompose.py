"""As much of a compose file as the fake engine understands. Pure but for reading the file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devbox.compute.engine.types import PublishedPort

EVERYWHERE = "0.0.0.0"  # noqa: S104 - Docker's default, nothing is bound here


@dataclass(frozen=True)
class Service:
    """A service; ``hash`` changes whenever its definition does."""

    name: str
    container: str
    image: str
    labels: Mapping[str, str]
    env: tuple[str, ...]
    ports: tuple[PublishedPort, ...]
    mounts: tuple[Mapping[str, Any], ...]
    healthcheck: Mapping[str, Any]
    limits: Mapping[str, Any]
    hash: str

    @property
    def checked(self) -> bool:
        """Whether the engine would look after its health."""
        return bool(self.healthcheck) and self.healthcheck["Test"] != ["NONE"]

    @property
    def raw(self) -> Mapping[str, Any]:
        """As much of an inspection as devbox reads: times in nanoseconds, sizes in bytes."""
        config = {"Healthcheck": dict(self.healthcheck)} if self.healthcheck else {}
        return {"Config": config, "HostConfig": dict(self.limits)}


@dataclass(frozen=True)
class Document:
    """A compose file: services, and volumes as (name, labels, external)."""

    services: tuple[Service, ...]
    volumes: tuple[tuple[str, Mapping[str, str], bool], ...]


def read(file: Path, project: str) -> Document:
    """Read a compose file, YAML or JSON."""
    import yaml

    data = _unescaped(yaml.safe_load(file.read_text()))
    names: dict[str, str] = {}
    volumes = []
    for key, found in (data.get("volumes") or {}).items():
        volume = found or {}
        names[key] = str(volume.get("name") or f"{project}_{key}")
        external = bool(volume.get("external"))
        volumes.append((names[key], _pairs(volume.get("labels")), external))
    services = [_service(name, found, names) for name, found in data["services"].items()]
    return Document(tuple(services), tuple(volumes))


def _unescaped(value: Any) -> Any:
    # Compose replaces variables; `$$` is a dollar.
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _unescaped(item) for key, item in value.items()}
    return [_unescaped(item) for item in value] if isinstance(value, list) else value


def _pairs(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {name: text for name, _, text in (str(each).partition("=") for each in value)}
    return {str(name): str(text) for name, text in (value or {}).items()}


def _service(name: str, data: Mapping[str, Any], volumes: Mapping[str, str]) -> Service:
    text = json.dumps(data, sort_keys=True, default=str)
    return Service(
        name=name,
        container=str(data.get("container_name", "")),
        image=str(data["image"]),
        labels=_pairs(data.get("labels")),
        env=tuple(f"{key}={value}" for key, value in _pairs(data.get("environment")).items()),
        ports=tuple(_port(port) for port in data.get("ports") or ()),
        mounts=tuple(_mount(mount, volumes) for mount in data.get("volumes") or ()),
        healthcheck=_healthcheck(data.get("healthcheck") or {}),
        limits=_limits(data),
        hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def _healthcheck(check: Mapping[str, Any]) -> dict[str, Any]:
    test = check.get("test")
    if check.get("disable") or test == ["NONE"]:
        return {"Test": ["NONE"]}
    if not test:
        return {}
    found: dict[str, Any] = {"Test": ["CMD-SHELL", test] if isinstance(test, str) else list(test)}
    for key, name in (("interval", "Interval"), ("timeout", "Timeout")):
        if key in check:
            found[name] = _nanoseconds(str(check[key]))
    return found | ({"Retries": int(check["retries"])} if "retries" in check else {})


def _nanoseconds(duration: str) -> int:
    units = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
    parts = re.findall(r"([\d.]+)(ms|s|m|h)", duration)
    return round(sum(float(number) * units[unit] for number, unit in parts))


def _limits(data: Mapping[str, Any]) -> dict[str, Any]:
    reserved = ((data.get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    return {
        "NanoCpus": round(float(data.get("cpus", 0)) * 1e9),
        "Memory": int(data.get("mem_limit", 0)),
        "ShmSize": int(data.get("shm_size", 64 << 20)),
        "DeviceRequests": [_device(device) for device in reserved.get("devices") or ()] or None,
    }


def _device(device: Mapping[str, Any]) -> dict[str, Any]:
    ids = list(device.get("device_ids") or ())
    count = device.get("count", 0 if ids else "all")
    return {
        "Driver": device.get("driver", ""),
        "Count": -1 if count == "all" else int(count),
        "DeviceIDs": ids or None,
        "Capabilities": [list(device.get("capabilities") or ())],
    }


def _port(port: Any) -> PublishedPort:
    if isinstance(port, Mapping):
        published = port.get("published")
        return PublishedPort(
            int(port["target"]),
            str(port.get("protocol", "tcp")),
            str(port.get("host_ip", EVERYWHERE)),
            int(published) if published else None,
        )
    rest, _, protocol = str(port).partition("/")
    words = rest.split(":")
    host = int(words[-2]) if len(words) > 1 and words[-2] else None
    address = ":".join(words[:-2]) or EVERYWHERE
    return PublishedPort(int(words[-1]), protocol or "tcp", address, host)


def _mount(mount: Any, volumes: Mapping[str, str]) -> Mapping[str, Any]:
    if not isinstance(mount, Mapping):
        source, target, *_ = str(mount).split(":")
        kind = "volume" if source in volumes else "bind"
        mount = {"type": kind, "source": source, "target": target}
    source = str(mount.get("source", ""))
    return {
        "Type": mount.get("type", "volume"),
        "Name": volumes.get(source, ""),
        "Source": source,
        "Destination": mount["target"],
        "RW": not mount.get("read_only", False),
    }
