"""A resolved box as it would be written in devbox.toml, each line with where it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from devbox.config.keys import BOX
from devbox.config.project import Resolved
from devbox.config.source import Origin
from devbox.config.spec import (
    BoxSpec,
    Build,
    Gpu,
    HealthCheck,
    Hooks,
    Mount,
    Port,
    Resources,
    Service,
)
from devbox.config.units import format_duration, format_size

_TIMES = {"stop_after", "interval", "timeout"}
_SIZES = {"memory", "shm_size"}


def written_lines(resolved: Resolved, header: str = "[box]") -> Iterator[str]:
    """A valid devbox.toml: ``key = value    # from LAYER FILE:LINE``."""
    values = {key: toml(value) for key, value in written(resolved.spec).items()}
    history = resolved.history
    width = min(max(len(f"{key} = {value}") for key, value in values.items()), 60)
    yield header
    for key, value in values.items():
        yield f"{f'{key} = {value}':<{width}}    # from {_from(key, history)}"
    image = resolved.spec.profile_image
    if image:
        yield f"{f'# image: {image}, shipped':<{width}}    # from {_from('image', history)}"


def _from(key: str, history: Mapping[str, tuple[Origin, ...]]) -> str:
    """The places that a value was made of: several only for a list that was extended."""
    places = history[key] if key in BOX and BOX[key].merge == "extend" else history[key][:1]
    return ", ".join(map(str, places))


def written(spec: BoxSpec) -> dict[str, Any]:
    """The dotted keys that matter, with values as a person would write them."""
    limits = spec.resources
    found: dict[str, Any] = {"name": spec.name, "profile": spec.profile}
    found |= {name: _plain(name, getattr(spec, name)) for name in _TOP}
    found |= {f"data.{_data_name(mount)}": mount.source for mount in spec.data}
    found |= {f"services.{service.name}": _service(service) for service in spec.services}
    found |= {
        "resources.cpus": limits.cpus,
        "resources.memory": _plain("memory", limits.memory),
        "resources.gpus": _gpus(limits),
        "resources.shm_size": _plain("shm_size", limits.shm_size),
    }
    found |= {f"hooks.{key}": item for key, item in _hooks(spec.hooks).items()}
    said = {key: item for key, item in found.items() if item not in _EMPTY}
    return said | {f"env.{key}": item for key, item in spec.env.items()}


_TOP = (
    *("image", "build", "platform", "python", "pip", "requirements"),
    *("apt", "secrets", "ports", "mounts", "stop_after"),
)
_EMPTY: tuple[Any, ...] = (None, "", [], {}, ())


def _hooks(hooks: Hooks) -> dict[str, Any]:
    table: dict[str, Any] = {each.name: getattr(hooks, each.name) for each in fields(Hooks)}
    limited = any((hooks.on_create, hooks.on_start, hooks.on_attach))
    return table | {"timeout": format_duration(hooks.timeout) if limited else None}


def _data_name(mount: Mount) -> str:
    return mount.target.rpartition("/")[2]


def _gpus(limits: Resources) -> int | str | None:
    if limits.gpus is Gpu.COUNT:
        return limits.gpu_count
    return None if limits.gpus is Gpu.NONE else limits.gpus.value


def _plain(name: str, value: Any) -> Any:
    """A value in the short form that devbox.toml takes."""
    if isinstance(value, (tuple, list)):
        return [_plain("", item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Port):
        return _port(value)
    if isinstance(value, Mount):
        return _mount(value)
    if isinstance(value, (Build, HealthCheck)):
        return _table(value)
    if name in _TIMES:
        return format_duration(value) if value else None
    if name in _SIZES and value is not None:
        return format_size(value)
    return value


def _table(record: Build | HealthCheck | Service) -> dict[str, Any]:
    pairs = {each.name: _plain(each.name, getattr(record, each.name)) for each in fields(record)}
    return {key: item for key, item in pairs.items() if item not in _EMPTY}


def _service(service: Service) -> dict[str, Any]:
    table = _table(service)
    del table["name"]
    return table


def _port(port: Port) -> int | str | dict[str, Any]:
    if port.host is None:
        table = {"container": port.container, "address": port.address, "protocol": port.protocol}
        if port.address != "127.0.0.1":
            return table
        return port.container if port.protocol == "tcp" else f"{port.container}/{port.protocol}"
    address = f"[{port.address}]" if ":" in port.address else port.address
    return f"{address}:{port.host}:{port.container}/{port.protocol}"


def _mount(mount: Mount) -> str | dict[str, Any]:
    if mount.volume or ":" in mount.source + mount.target:
        table: dict[str, Any] = {"source": mount.source, "target": mount.target}
        flags = {"read_only": mount.read_only, "volume": mount.volume}
        return table | {name: True for name, value in flags.items() if value}
    return f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}"


def toml(value: Any) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    return str(value)


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
