"""The parts of a box that are records: ports, mounts, data, builds, services."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from devbox.config import values
from devbox.config.kinds import (
    MISSING,
    At,
    Kind,
    Wrong,
    attempt,
    by_type,
    flag,
    items,
    mapping,
    number,
    pattern,
    plain_text,
    text,
)
from devbox.config.names import clip, safe_name
from devbox.config.source import is_file, is_folder
from devbox.config.spec import HOME, WORKSPACE, Build, HealthCheck, Mount, Port, Service
from devbox.config.tables import Key, table

_PORT = (
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+):)??"
    r"(?:(?P<host>[0-9]{1,5}):)?(?P<container>[0-9]{1,5})(?:/(?P<protocol>tcp|udp))?"
)
_port_number = number(1, 65535, whole=True)


def _address(line: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(line.strip("[]")))
    except ValueError as error:
        raise Wrong(f"{clip(line)} is not an IP address") from error


def _short_port(line: str, at: At) -> Port:
    match = re.fullmatch(_PORT, line)
    if match is None or (match["address"] and not match["host"]):
        raise Wrong(f"{clip(line)} is not a port", "write 8080, '8080:80' or '127.0.0.1:8080:80'")
    return Port(
        _port_number.parse(int(match["container"]), at),
        _port_number.parse(int(match["host"]), at) if match["host"] else None,
        _address(match["address"]) if match["address"] else "127.0.0.1",
        match["protocol"] or "tcp",
    )


def _long_port(parsed: dict[str, Any], _: At) -> Port:
    if "container" not in parsed:
        raise Wrong("'container' is missing: the port inside the box")
    return Port(**parsed)


_PORT_KEYS = {
    "container": Key(_port_number, "The port inside the box."),
    "host": Key(_port_number, "The port on the host; a free one where left out."),
    "address": Key(text(_address), "The address on the host.", "127.0.0.1"),
    "protocol": Key(pattern("tcp|udp", "'tcp' or 'udp'"), "tcp or udp.", "tcp"),
}
port = by_type(
    {
        int: Kind(lambda value, at: Port(_port_number.parse(value, at)), _port_number.schema),
        str: Kind(lambda value, at: _short_port(plain_text(value), at), {"type": "string"}),
        dict: table(_PORT_KEYS, _long_port),
    },
    "a port number, text or a table",
)

_OWN = {WORKSPACE, HOME, "/cache", "/data", "/opt/venv", "/run", "/usr", "/etc", "/bin", "/lib"}
_OWN_BELOW = ("/run/devbox", "/usr/local/lib/devbox", "/proc", "/sys", "/dev")
_VOLUME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,60}"
_volume_name = pattern(_VOLUME, "the name of a volume")


def _forbidden(path: str) -> bool:
    return path in _OWN or any(path == own or path.startswith(f"{own}/") for own in _OWN_BELOW)


def _short_mount(line: str, at: At, *, service: bool) -> Mount:
    source, target, *mode = [*line.split(":"), ""] if line.count(":") == 1 else line.split(":")
    if not source or not target or len(mode) != 1 or mode[0] not in {"", "ro", "rw"}:
        raise Wrong(f"{clip(line)} is not a mount", "write 'source:target' or 'source:target:ro'")
    target = values.in_box(target) if service else values.in_box(target, _forbidden)
    if service and re.fullmatch(_VOLUME, source):
        return Mount(source, target, mode == ["ro"], volume=True)
    return Mount(values.absolute(source, at), target, mode == ["ro"])


def _mount(*, service: bool) -> Kind:
    def short(value: object, at: At) -> Mount:
        line = plain_text(value)
        if ":" not in line:
            raise Wrong(f"{clip(line)} is not a mount", "write 'source:target'")
        return _short_mount(line, at, service=service)

    def build(parsed: dict[str, Any], at: At) -> Mount:
        if missing := {"source", "target"} - parsed.keys():
            raise Wrong(f"'{min(missing)}' is missing")
        source = parsed["source"]
        volume = parsed.get("volume", False)
        source = _volume_name.parse(source, at) if volume else values.absolute(source, at)
        target = values.in_box(parsed["target"], _forbidden if not service else lambda _: False)
        return Mount(source, target, parsed.get("read_only", False), volume)

    keys = {
        "source": Key(text(), "A path of the host, or with 'volume' the name of a volume."),
        "target": Key(text(), "The absolute path inside the box."),
        "read_only": Key(flag(), "Whether the box may only read it.", default=False),
        "volume": Key(flag(), "Whether 'source' is a named volume.", default=False),
    }
    return by_type(
        {str: Kind(short, {"type": "string"}), dict: table(keys, build)}, "text or a table"
    )


mount = _mount(service=False)


def _data_table(value: Any, at: At) -> dict[str, Mount]:
    return {
        name: Mount(values.absolute(path, at / name), f"/data/{name}", read_only=True)
        for name, path in _data_paths.parse(value, at).items()
    }


_data_paths = mapping(values.name, text())


def _data_list(value: Any, at: At) -> dict[str, Mount]:
    found: dict[str, Mount] = {}
    for index, each in enumerate(value):
        path = attempt(text(), each, at / index)
        if path is MISSING:
            continue
        source = values.absolute(path, at / index)
        name = safe_name(Path(source).name, fallback="data")
        if name in found:
            hint = 'give them names: data = { one = "...", two = "..." }'
            (at / index).problem(f"/data/{name} is taken by {found[name].source}", hint)
        found[name] = Mount(source, f"/data/{name}", read_only=True)
    return found


data = by_type(
    {
        list: Kind(_data_list, {"type": "array", "items": {"type": "string"}}),
        dict: Kind(_data_table, _data_paths.schema),
    },
    "a list or a table",
)

environment = mapping(values.env_name, values.env_value)


def _build(parsed: dict[str, Any], at: At) -> Build:
    context = Path(values.absolute(parsed.get("context", "."), at))
    dockerfile = os.path.normpath(parsed.get("dockerfile", "Dockerfile"))
    if Path(dockerfile).is_absolute() or dockerfile.startswith(".."):
        raise Wrong(f"the dockerfile {clip(dockerfile)} is outside the build context")
    inside = at.source.inside
    if inside and not context.is_relative_to(inside):
        raise Wrong(f"the build context {context} is outside the team's folder")
    if not is_folder(context):
        raise Wrong(f"the build context {context} is not a folder")
    if not is_file(context / dockerfile):
        raise Wrong(f"there is no {clip(dockerfile)} in {context}")
    return Build(context, dockerfile, parsed.get("target", ""), parsed.get("args", {}))


_BUILD_KEYS = {
    "context": Key(text(), "The folder that the build sees.", "."),
    "dockerfile": Key(text(), "The Dockerfile, relative to the context.", "Dockerfile"),
    "target": Key(pattern(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", "a stage name"), "The stage to build."),
    "args": Key(environment, "Build arguments."),
}
build = table(_BUILD_KEYS, _build)


def _health(parsed: dict[str, Any], _: At) -> HealthCheck:
    if "command" not in parsed:
        raise Wrong("'command' is missing")
    return HealthCheck(**parsed)


_HEALTH_KEYS = {
    "command": Key(text(), "A shell command that succeeds when the service is ready."),
    "interval": Key(values.some_time, "Time between two checks.", "2s"),
    "timeout": Key(values.some_time, "How long one check may take.", "5s"),
    "retries": Key(number(1, 10000, whole=True), "Failures in a row that mean broken.", 15),
}
_health_kind = by_type(
    {str: text(HealthCheck), dict: table(_HEALTH_KEYS, _health)},
    "text or a table",
)


def _service(parsed: dict[str, Any], at: At) -> Service:
    name = str(at.place[-1])
    if name == "box":
        raise Wrong("is the box itself: choose another name")
    if ("image" in parsed) == ("build" in parsed):
        raise Wrong("needs exactly one of 'image' and 'build'")
    return Service(name=name, **parsed)


SERVICE_KEYS = {
    "image": Key(values.image, "The image it runs."),
    "build": Key(build, "Or: what to build it from."),
    "command": Key(values.command, "What it runs; the image's own where left out."),
    "env": Key(environment, "Environment variables."),
    "ports": Key(items(port), "Ports to publish on the host; the box reaches all without."),
    "volumes": Key(items(_mount(service=True)), "'name:/path' (a volume) or './folder:/path'."),
    "healthcheck": Key(_health_kind, "A command that succeeds when it is ready."),
    "after": Key(items(values.name), "Services that must be ready first."),
}
services = mapping(values.name, table(SERVICE_KEYS, _service))
