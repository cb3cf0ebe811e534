"""Reaching what listens in a box: the list of its ports, and forwards on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.containers import own_of
from devbox.boxes.forward import LOOPBACK, Forward, Forwards
from devbox.boxes.identity import BoxId, User
from devbox.boxes.listening import Listening, listening
from devbox.boxes.ports import taken_ports
from devbox.compute.engine.types import Container, Engine

if TYPE_CHECKING:
    from devbox.boxes.ssh import SshAccess

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class BoxPort:
    """A port of a box. ``how`` is published or forwarded, and then ``address`` and ``host_port``
    are where this machine has it; or listening, and then ``address`` is the box's and
    ``host_port`` None. ``process`` (a command line) and ``pid`` in the box: "" and 0 if nothing
    listens there or nobody may look."""

    box: str
    port: int
    protocol: str
    address: str
    host_port: int | None
    process: str
    pid: int
    how: str


class Reach:
    """The ports of one box. ``folder`` is devbox's own of the box; ``ssh`` gives access to it."""

    def __init__(
        self, engine: Engine, home: Path, box: BoxId, folder: Path, ssh: Callable[[], SshAccess]
    ) -> None:
        self._engine = engine
        self._box = box
        self._folder = folder
        self._ssh = ssh
        self._forwards = Forwards(folder, home / "locks" / "forwards.lock")

    def ports(self) -> tuple[BoxPort, ...]:
        """Published ports of the box and its services, forwarded ones, and those that something
        in the box listens on."""
        containers = self._engine.containers(self._box.labels)
        own = own_of(containers)
        found: Sequence[Listening] = ()
        if own and own.state == "running":
            found = listening(self._engine, own.id, User.of(own.labels))
        return listed(self._box.name, containers, found, self._forwards.ls())

    def forward(self, port: int, host_port: int | None = None) -> Forward:
        """Carry a port of the box to this machine's loopback, in the background. See
        :meth:`devbox.boxes.forward.Forwards.start`."""

        def command(*options: str) -> Sequence[str]:
            return self._ssh().command(*options)

        return self._forwards.start(command, port, host_port, self._holder)

    def stop(self, port: int | None = None) -> tuple[Forward, ...]:
        """End the forward of a port, or all."""
        return self._forwards.stop(port)

    def _holder(self, number: int) -> str:
        """Who has a port of this machine, in words."""
        for folder in self._folder.parent.glob("*/"):
            if any(f.host_port == number for f in Forwards(folder, Path()).ls()):
                return f"a forward of box {folder.name.partition('_')[2]}"
        published = taken_ports(self._engine.containers({}))
        if name := published.get((number, "tcp")):
            return f"box {name}"
        return _program(number)


def listed(
    name: str,
    containers: Sequence[Container],
    found: Sequence[Listening],
    forwards: Sequence[Forward],
) -> tuple[BoxPort, ...]:
    """The list of a box's ports, by number; what is published or forwarded stands there as that."""
    own = own_of(containers)
    first = {each.port: each for each in reversed(found)}

    def row(number: int, how: str, address: str, host: int | None, *, seen: bool) -> BoxPort:
        at = first.get(number) if seen else None
        process, pid = (at.process, at.pid) if at else ("", 0)
        return BoxPort(name, number, "tcp", address, host, process, pid, how)

    rows, reached = [], set()
    for container in containers:
        for port in container.ports:
            if port.host_port:
                ours = container is own and port.protocol == "tcp"
                reached |= {port.port} if ours else set()
                made = row(port.port, "published", port.address, port.host_port, seen=ours)
                rows.append(replace(made, protocol=port.protocol))
    for forward in forwards:
        reached.add(forward.port)
        rows.append(row(forward.port, "forwarded", LOOPBACK, forward.host_port, seen=True))
    rows += [
        BoxPort(name, each.port, "tcp", each.address, None, each.process, each.pid, "listening")
        for each in found
        if each.port not in reached
    ]
    return tuple(sorted(rows, key=lambda row: (row.port, row.protocol, row.how, row.address)))


def _program(number: int) -> str:
    import psutil

    try:
        for each in psutil.net_connections("tcp"):
            listens = each.status == psutil.CONN_LISTEN and each.laddr[1:2] == (number,)
            if listens and each.pid:
                return f"{psutil.Process(each.pid).name()} (process {each.pid})"
    except psutil.Error:  # only root may look on some systems
        pass
    return "another program"
