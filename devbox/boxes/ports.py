"""Which ports of the host a box gets.

A port of the host that is not named in devbox.toml is chosen once and kept: a bookmark survives a
restart and a change of the box. The box's own number is taken where it is free.
"""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Collection, Mapping, Sequence

from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.compute.engine.types import Container
from devbox.config.spec import BoxSpec, Port
from devbox.errors import DevboxError, UsageError

Taken = Mapping[tuple[int, str], str]
EVERY = {"0.0.0.0", "::"}  # noqa: S104 - told apart, not bound


def taken_ports(
    containers: Sequence[Container], but: BoxId | None = None
) -> dict[tuple[int, str], str]:
    """The ports of the host that containers of others publish, and the name of who does."""
    return {
        (port.host_port, port.protocol): container.labels.get(Label.BOX, container.name)
        for container in containers
        for port in container.ports
        if port.host_port is not None and not (but and _is_of(container, but))
    }


def with_ports(spec: BoxSpec, own: Sequence[Container], taken: Taken) -> BoxSpec:
    """The spec with a number of the host for every published port.

    ``own`` are the containers that the box has now: what they publish is kept.
    """
    kept = _kept(own)
    used = {number for number, _ in taken}

    def assigned(service: str, ports: tuple[Port, ...]) -> tuple[Port, ...]:
        given = []
        for port in ports:
            number = port.host or kept.get(_key(service, port)) or free_port(port, used)
            used.add(number)
            given.append(dataclasses.replace(port, host=number))
        return tuple(given)

    return dataclasses.replace(
        spec,
        ports=assigned(BOX_SERVICE, spec.ports),
        services=tuple(
            dataclasses.replace(service, ports=assigned(service.name, service.ports))
            for service in spec.services
        ),
    )


def check_ports(spec: BoxSpec, own: Sequence[Container], taken: Taken) -> None:
    """Raise DevboxError for a port that something else has, before anything is touched."""
    held = {(p.host_port, p.protocol) for c in own if c.state == "running" for p in c.ports}
    for port in (*spec.ports, *(p for service in spec.services for p in service.ports)):
        if port.host is None or (port.host, port.protocol) in held:
            continue
        holder = taken.get((port.host, port.protocol), "")
        if holder or not is_free(port, port.host):
            by = f" by box {holder}" if holder else ""
            raise DevboxError(
                f"Port {port.host} of this machine is in use{by}.",
                hint=f"Free it, or publish port {port.container} on another one in devbox.toml.",
            )


def check_apart(specs: Sequence[BoxSpec]) -> None:
    """Raise UsageError where two boxes that are to run together name one port of the host."""
    seen: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for spec in specs:
        for port in (*spec.ports, *(p for service in spec.services for p in service.ports)):
            if port.host is None:
                continue
            others = seen.setdefault((port.host, port.protocol), [])
            for address, other in others:
                same = address == port.address or EVERY & {address, port.address}
                if same and other != spec.name:
                    raise UsageError(
                        f"Boxes {other} and {spec.name} both publish port {port.host}.",
                        hint=f"Publish port {port.container} of one of them on another one, or"
                        " leave the number out: ports = [PORT] takes a free one.",
                    )
            others.append((port.address, spec.name))


def is_free(port: Port, number: int) -> bool:
    """Whether this machine could listen there. Says yes where it can't know."""
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        # Connections of a listener that is gone already are no hindrance for the next one.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, number))
        except OSError as error:
            import errno

            return error.errno != errno.EADDRINUSE
    return True


def free_port(port: Port, used: Collection[int] = ()) -> int:
    """A free number of this machine: the box's own where an ordinary user may have it."""
    if port.container >= 1024 and port.container not in used and is_free(port, port.container):
        return port.container
    while True:
        with socket.socket() as probe:
            probe.bind(("", 0))
            number = int(probe.getsockname()[1])
        if number not in used:
            return number


def _kept(own: Sequence[Container]) -> dict[str, int]:
    for container in own:
        if container.labels.get(Label.ROLE) == "box":
            try:
                stored = json.loads(container.labels.get(Label.PORTS, "{}"))
                return {str(key): int(number) for key, number in stored.items()}
            except (ValueError, AttributeError, TypeError):
                return {}
    return {}


def stored_ports(spec: BoxSpec) -> str:
    """What a later `up` needs to keep the ports, as a label."""
    every = [(BOX_SERVICE, spec.ports), *((s.name, s.ports) for s in spec.services)]
    return json.dumps({_key(name, port): port.host for name, ports in every for port in ports})


def _key(service: str, port: Port) -> str:
    return f"{service}/{port.container}/{port.protocol}"


def _is_of(container: Container, box: BoxId) -> bool:
    labels = container.labels
    return labels.get(Label.OWNER) == box.owner and labels.get(Label.BOX) == box.name
