"""The last step: merged values become a :class:`BoxSpec`, and are checked against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from devbox.config.keys import BOX, HOOKS, RESOURCES
from devbox.config.locate import Place
from devbox.config.merge import Merged
from devbox.config.names import clip
from devbox.config.profiles import Profile, ShippedImage
from devbox.config.source import Source
from devbox.config.spec import BoxSpec, Gpu, Hooks, Port, Resources, Service
from devbox.config.tables import unknown_key
from devbox.config.units import format_size
from devbox.errors import Problem

_INNER = {"resources": RESOURCES, "hooks": HOOKS}
DEFAULT_KEYS = tuple(
    f"{name}.{inner}" if inner else name
    for name, key in BOX.items()
    for inner in _INNER.get(name, ("",))
    if key.merge != "keyed" or name in _INNER
)


def build(
    places: Mapping[Place, Merged],
    chain: Sequence[Profile],
    name: str,
    root: Path,
    problems: list[Problem],
) -> BoxSpec:
    """The box that the merged values describe; what does not fit together is noted."""
    final = _Final(places, root, problems)
    plain = {
        key: final.value(key)
        for key in BOX
        if BOX[key].merge != "keyed" and key not in {"name", "profile"} and (key,) in places
    }
    if isinstance(plain.get("image"), ShippedImage):
        plain["profile_image"] = str(plain.pop("image"))
    elif not {"image", "build"} & plain.keys() and chain:
        final.problem(("profile",), f"profile {clip(chain[0].name)} names no image")
    spec = BoxSpec(
        name=final.value("name", default=name),
        project=root,
        profile=chain[0].name if chain else "",
        env=final.table("env"),
        data=tuple(final.table("data").values()),
        services=tuple(final.table("services").values()),
        resources=final.resources(),
        hooks=Hooks(**final.table("hooks")),
        **plain,
    )
    final.check_services(spec.services)
    final.check_ports(spec)
    final.check_targets(spec)
    return spec


class _Final:
    def __init__(self, places: Mapping[Place, Merged], root: Path, problems: list[Problem]) -> None:
        self._places = places
        self._root = root
        self._problems = problems

    def value(self, *place: str | int, default: Any = None) -> Any:
        merged = self._places.get(place)
        return default if merged is None else merged.value

    def table(self, name: str) -> dict[str, Any]:
        return {
            str(place[1]): merged.value
            for place, merged in self._places.items()
            if place[0] == name and len(place) > 1
        }

    def problem(self, place: Place, message: str, hint: str = "") -> None:
        source = Source("default", self._root)
        for end in (1, 2):
            if place[:end] in self._places:
                source = self._places[place[:end]].sources[0]
        self._problems.append(source.at_fault(place, message, hint))

    def resources(self) -> Resources:
        given = self.table("resources")
        gpus, count = given.pop("gpus", (Gpu.NONE, 0))
        memory = given.get("memory")
        shared = given.pop("shm_size", Resources.shm_size)
        if memory is not None and shared > memory:
            # A default or a profile gives way; who asks for both in one place is told.
            sources = self._places.get(("resources", "shm_size"))
            limits = self._places[("resources", "memory")].sources[0]
            if sources is not None and sources.sources[0].layer == limits.layer:
                sizes = f"{format_size(shared)} of {format_size(memory)}"
                message = f"shared memory is more than the memory: {sizes}"
                self.problem(("resources", "shm_size"), message)
            shared = memory
        return Resources(shm_size=shared, gpus=gpus, gpu_count=count, **given)

    def check_services(self, services: Sequence[Service]) -> None:
        after = {service.name: service.after for service in services}
        for name, others in after.items():
            for other in others:
                if other not in after:
                    wrong = unknown_key(other, after, "service")
                    self.problem(("services", name, "after"), wrong.message, wrong.hint)
        known = {name: [each for each in names if each in after] for name, names in after.items()}
        try:
            TopologicalSorter(known).prepare()
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            self.problem(
                ("services", error.args[1][0], "after"), f"services wait for each other: {circle}"
            )

    def check_ports(self, spec: BoxSpec) -> None:
        taken: dict[tuple[str, int, str], str] = {}
        places: list[tuple[Place, Sequence[Port]]] = [(("ports",), spec.ports)]
        places += [(("services", each.name, "ports"), each.ports) for each in spec.services]
        for place, ports in places:
            for port in ports:
                key = (port.address, port.host or 0, port.protocol)
                if port.host is not None and key in taken:
                    where = f"{port.address}:{port.host}/{port.protocol}"
                    self.problem(place, f"{where} is published twice, also by '{taken[key]}'")
                taken[key] = ".".join(map(str, place))

    def check_targets(self, spec: BoxSpec) -> None:
        seen: set[str] = set()
        for mount in (*spec.data, *spec.mounts):
            if mount.target in seen:
                self.problem(("mounts",), f"{mount.target} is mounted twice")
            seen.add(mount.target)
