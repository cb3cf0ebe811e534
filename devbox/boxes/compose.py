"""From a resolved box to its Compose document. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes.cache import CACHE, CACHE_ENV, cache_volume
from devbox.boxes.identity import BOX_SERVICE, LIBRARY, RUN, BoxId, Label, User
from devbox.boxes.ports import stored_ports
from devbox.config.spec import HOME, WORKSPACE, BoxSpec, Gpu, Mount, Port, Resources, Service
from devbox.journal.places import IN_BOX

if TYPE_CHECKING:
    from devbox.boxes.images.recipe import Recipe
    from devbox.boxes.lock.keep import Fit

STOP_GRACE = 10


@dataclass(frozen=True)
class Surroundings:
    """What a machine adds to a spec.

    ``environment`` and ``mounts`` are how it reaches the network (proxies, wheel folders),
    ``service_images`` the tags of services whose images devbox builds. ``spool`` is the folder
    that takes what runs in the box write down, "" for none.
    """

    image: str
    user: User
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    service_images: Mapping[str, str] = field(default_factory=dict)
    cdi: bool = False
    spool: str = ""


@dataclass(frozen=True)
class DesiredBox:
    """A box as it should be on a machine, before looking at what there is.

    ``spec`` is resolved for the machine: every published port has a number, an optional GPU is
    there or not. ``recipes`` are those of the box's image and then of its services' own ones.
    ``lock`` says whether the first is the one of the project's lock, None where there is none, and
    ``lock_note`` what a person should know where it is not.
    """

    id: BoxId
    spec: BoxSpec
    user: User
    recipes: tuple[Recipe, ...]
    document: Mapping[str, Any]
    lock: Fit | None = None
    lock_note: str = ""


def document(box: BoxId, spec: BoxSpec, around: Surroundings) -> dict[str, Any]:
    """The Compose document of a box, with every ``$`` of a value escaped.

    The labels carry a hash over all the rest, so an unchanged box is recognised by one call.
    """
    services: dict[str, Any] = {BOX_SERVICE: _box(box, spec, around)}
    volumes = {
        "home": {"name": box.home_volume, "external": True},
        "cache": {"name": cache_volume(box.owner, around.user.uid), "external": True},
    }
    for service in spec.services:
        services[service.name] = _service(service, spec, around)
    for volume in _named_volumes(spec):
        volumes[_volume(volume)] = {"name": box.volume(volume), "external": True}
    body: dict[str, Any] = {"name": box.project, "services": services, "volumes": volumes}
    # The spec too: a changed hook is no part of a container, and still has to run.
    digest = config_hash({**body, "spec": summary(spec)})
    for name, entry in services.items():
        entry["labels"] = _labels(box, spec, around, name, digest)
    return _escaped(body)  # type: ignore[no-any-return]


def config_hash(body: Mapping[str, Any]) -> str:
    """The first 16 hex digits of the SHA-256 of the canonical document without labels."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def document_hash(doc: Mapping[str, Any]) -> str:
    """The hash that a document's own labels carry."""
    return str(doc["services"][BOX_SERVICE]["labels"][Label.CONFIG])


def volume_names(doc: Mapping[str, Any]) -> tuple[str, ...]:
    """The names, on the engine, of all volumes that a document uses."""
    return tuple(entry["name"] for entry in doc["volumes"].values())


def summary(spec: BoxSpec) -> dict[str, Any]:
    """The spec as plain JSON without what is empty: kept as a label, to show later changes."""

    def strip(value: Any) -> Any:
        if isinstance(value, Mapping):
            items = {key: strip(item) for key, item in value.items()}
            return {key: item for key, item in items.items() if item not in (None, "", {}, [], ())}
        if isinstance(value, (list, tuple)):
            return [strip(item) for item in value]
        return str(value) if isinstance(value, Path) else value

    return strip(asdict(spec))  # type: ignore[no-any-return]


def _box(box: BoxId, spec: BoxSpec, around: Surroundings) -> dict[str, Any]:
    user = around.user
    environment = {
        "HOME": HOME,
        "USER": "dev",
        "DEVBOX_BOX": spec.name,
        "DEVBOX_OWNER": box.owner,
        "DEVBOX_UID": str(user.uid),
        "DEVBOX_GID": str(user.gid),
        **CACHE_ENV,
        **around.environment,
        **spec.env,
    }
    if spec.stop_after:
        environment["DEVBOX_STOP_AFTER"] = str(math.ceil(spec.stop_after))
    mounts: list[dict[str, Any]] = [
        _bind(str(spec.project), WORKSPACE, read_only=False),
        {"type": "volume", "source": "home", "target": HOME},
        {"type": "volume", "source": "cache", "target": CACHE},
        *([_bind(around.spool, str(IN_BOX), read_only=False)] if around.spool else ()),
        *(_mount(mount) for mount in (*around.mounts, *spec.mounts, *spec.data)),
    ]
    entry: dict[str, Any] = {
        "image": around.image,
        "pull_policy": "never",
        "entrypoint": [f"{LIBRARY}/init"],
        "command": [],
        "init": True,
        "user": "0:0",
        "hostname": spec.name,
        "working_dir": WORKSPACE,
        "environment": environment,
        "volumes": mounts,
        "tmpfs": [f"{RUN}:mode=0755"],
        "stop_grace_period": f"{STOP_GRACE}s",
        "logging": _logging(),
        **_limits(spec.resources, cdi=around.cdi),
    }
    if not spec.services:
        # A network of its own is for finding services by name. Without any, the engine's own
        # does, which starts faster; and an engine has addresses for only some 30 networks.
        entry["network_mode"] = "bridge"
    if spec.platform:
        entry["platform"] = spec.platform
    if spec.ports:
        entry["ports"] = [_port(port) for port in spec.ports]
    return entry


def _service(service: Service, spec: BoxSpec, around: Surroundings) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "image": around.service_images.get(service.name, service.image),
        "init": True,
        "environment": dict(service.env),
        "volumes": [_mount(mount) for mount in service.volumes],
        "stop_grace_period": f"{STOP_GRACE}s",
        "logging": _logging(),
    }
    if service.name in around.service_images:
        entry["pull_policy"] = "never"
    if service.command:
        entry["command"] = list(service.command)
    if service.ports:
        entry["ports"] = [_port(port) for port in service.ports]
    if service.healthcheck:
        check = service.healthcheck
        entry["healthcheck"] = {
            "test": ["CMD-SHELL", check.command],
            "interval": f"{round(check.interval * 1000)}ms",
            "timeout": f"{round(check.timeout * 1000)}ms",
            "retries": check.retries,
        }
    if service.after:
        checked = {other.name for other in spec.services if other.healthcheck}
        entry["depends_on"] = {
            name: {"condition": "service_healthy" if name in checked else "service_started"}
            for name in service.after
        }
    return entry


def _limits(resources: Resources, *, cdi: bool) -> dict[str, Any]:
    limits: dict[str, Any] = {"shm_size": resources.shm_size}
    if resources.cpus is not None:
        limits["cpus"] = resources.cpus
    if resources.memory is not None:
        limits["mem_limit"] = resources.memory
    if resources.gpus in {Gpu.COUNT, Gpu.ALL}:
        device: dict[str, Any] = {"capabilities": ["gpu"]}
        if cdi:
            names = range(resources.gpu_count) if resources.gpus is Gpu.COUNT else ["all"]
            device |= {"driver": "cdi", "device_ids": [f"nvidia.com/gpu={name}" for name in names]}
        else:
            count: int | str = resources.gpu_count if resources.gpus is Gpu.COUNT else "all"
            device |= {"driver": "nvidia", "count": count}
        limits["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    return limits


def _labels(
    box: BoxId, spec: BoxSpec, around: Surroundings, service: str, digest: str
) -> dict[str, str]:
    labels = {
        **box.labels,
        Label.PROJECT: str(spec.project),
        Label.ROLE: "box" if service == BOX_SERVICE else "service",
        Label.CONFIG: digest,
    }
    if service == BOX_SERVICE:
        labels |= {
            Label.PROFILE: spec.profile,
            Label.USER: str(around.user),
            # A listing shows only an id for an image whose tag has moved on.
            Label.IMAGE: around.image,
            Label.PORTS: stored_ports(spec),
            Label.SPEC: json.dumps(summary(spec), sort_keys=True, ensure_ascii=False),
        }
        if spec.stop_after:
            labels[Label.STOP_AFTER] = str(math.ceil(spec.stop_after))
    return labels


def _named_volumes(spec: BoxSpec) -> list[str]:
    every = [*spec.mounts, *spec.data, *(v for service in spec.services for v in service.volumes)]
    return sorted({mount.source for mount in every if mount.volume})


def _volume(name: str) -> str:
    # Apart from `home` and `cache`, which the box has itself.
    return f"volume-{name}"


def _mount(mount: Mount) -> dict[str, Any]:
    if mount.volume:
        entry = {"type": "volume", "source": _volume(mount.source), "target": mount.target}
        return entry | ({"read_only": True} if mount.read_only else {})
    return _bind(mount.source, mount.target, read_only=mount.read_only)


def _bind(source: str, target: str, *, read_only: bool) -> dict[str, Any]:
    # The engine would create a missing source as an empty folder of root's: an error is better.
    entry = {
        "type": "bind",
        "source": source,
        "target": target,
        "bind": {"create_host_path": False},
    }
    return entry | ({"read_only": True} if read_only else {})


def _port(port: Port) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "target": port.container,
        "host_ip": port.address,
        "protocol": port.protocol,
    }
    return entry | ({"published": str(port.host)} if port.host is not None else {})


def _logging() -> dict[str, Any]:
    # A driver that can be read back (the box says there that it is ready), and never fills a disk.
    return {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def _escaped(value: Any) -> Any:
    """Compose interpolates ``$NAME`` in every value; nothing of ours is meant so."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value
