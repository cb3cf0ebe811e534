"""What a person sees of a box: one record from its containers and what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.compute.engine.types import Container, PublishedPort

if TYPE_CHECKING:
    from devbox.boxes.idle import Idle
    from devbox.boxes.store import Record


@dataclass(frozen=True)
class ServiceView:
    """One container of a box; ``state`` and ``health`` as Docker names them."""

    name: str
    container: str
    image: str
    state: str
    status: str
    health: str


@dataclass(frozen=True)
class BoxView:
    """A box as listed.

    ``state`` is running, stopped, unfinished (an `up` is under way, was interrupted or failed),
    partial (some of its containers don't run), down (no containers; volumes and settings are
    kept) or unknown (remembered, but the engine does not answer). ``idle`` is there for a box
    that stops by itself, where it was asked.
    """

    name: str
    owner: str
    state: str
    profile: str
    host: str
    project: str
    image: str
    config: str
    status: str
    user: str
    ports: tuple[PublishedPort, ...]
    services: tuple[ServiceView, ...]
    idle: Idle | None = None

    @property
    def container(self) -> str:
        """The id of the box's own container, "" where there is none."""
        return next((s.container for s in self.services if s.name == BOX_SERVICE), "")


def view(box: BoxId, containers: Sequence[Container], record: Record | None) -> BoxView:
    """One box from its containers; without any it is down."""
    parts = tuple(sorted((_service(c) for c in containers), key=_box_first))
    own = next((c for c in containers if c.labels.get(Label.ROLE) == "box"), None)
    labels = own.labels if own else {}
    return BoxView(
        name=box.name,
        owner=box.owner,
        state=_state(parts, record),
        profile=labels.get(Label.PROFILE) or (record.profile if record else ""),
        host="local",
        project=labels.get(Label.PROJECT) or (record.project if record else ""),
        image=labels.get(Label.IMAGE) or (record.image if record else ""),
        config=labels.get(Label.CONFIG) or (record.config if record else ""),
        status=own.status if own else "",
        user=labels.get(Label.USER, ""),
        ports=_published(containers),
        services=parts,
    )


def last_known(records: Iterable[Record]) -> tuple[BoxView, ...]:
    """Boxes whose engine does not answer, as they are remembered."""
    return tuple(_remembered(record) for record in records)


def _remembered(record: Record) -> BoxView:
    return BoxView(
        name=record.id.name,
        owner=record.id.owner,
        state="unknown",
        profile=record.profile,
        host="local",
        project=record.project,
        image=record.image,
        config=record.config,
        status="",
        user="",
        ports=(),
        services=(),
    )


def by_box(containers: Iterable[Container]) -> dict[BoxId, list[Container]]:
    """Containers grouped by the box that their labels name."""
    boxes: dict[BoxId, list[Container]] = {}
    for container in containers:
        box = BoxId(container.labels[Label.OWNER], container.labels[Label.BOX])
        boxes.setdefault(box, []).append(container)
    return boxes


def _published(containers: Sequence[Container]) -> tuple[PublishedPort, ...]:
    # The engine lists them in no order.
    ports = [port for container in containers for port in container.ports if port.host_port]
    return tuple(sorted(ports, key=lambda port: (port.port, port.protocol, port.address)))


def _service(container: Container) -> ServiceView:
    return ServiceView(
        name=container.labels.get("com.docker.compose.service", container.name),
        container=container.id,
        image=container.image,
        state=container.state,
        status=container.status,
        health=container.health,
    )


def _box_first(part: ServiceView) -> tuple[bool, str]:
    return part.name != BOX_SERVICE, part.name


def _state(parts: Sequence[ServiceView], record: Record | None) -> str:
    if not parts:
        return "down"
    running = [part.state == "running" for part in parts]
    if not any(running):
        return "stopped"
    if not all(running):
        return "partial"
    if record and record.phase != "ready":
        return "unfinished"
    return "running"
