"""What a box should be on this machine: the spec, plus what only the machine knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.compose import Desired
from devbox.boxes.identity import BoxId, User
from devbox.boxes.ports import Taken, check_ports, taken_ports, with_ports
from devbox.compute.engine.reports import EngineInfo
from devbox.compute.engine.types import Container, Engine
from devbox.config.spec import BoxSpec, Gpu, Settings
from devbox.errors import DevboxError
from devbox.progress import Report

if TYPE_CHECKING:
    from devbox.boxes.images import Images, Recipe
    from devbox.compute import Hosts


class Wanted:
    """Adds the image's tag, the user, GPUs and the network settings to a spec."""

    def __init__(self, engine: Engine, images: Images, hosts: Hosts, settings: Settings) -> None:
        self._engine = engine
        self._images = images
        self._hosts = hosts
        self._settings = settings

    @cached_property
    def _info(self) -> EngineInfo:
        return self._engine.info()

    def id(self, spec: BoxSpec) -> BoxId:
        """What the box of a spec is called on an engine."""
        return BoxId(self._settings.owner, spec.name)

    def of(self, spec: BoxSpec, own: Sequence[Container]) -> Desired:
        """Everything that the Compose document is made from; ``own`` are the box's containers."""
        from devbox.boxes.images.network import box_env, box_mounts

        resolved = self._with_gpus(spec)
        if spec.ports or any(service.ports for service in spec.services):
            resolved = with_ports(resolved, own, self._taken_ports(self.id(spec)))
        network = self._settings.network
        mounts = box_mounts(network)
        return Desired(
            id=self.id(spec),
            spec=resolved,
            image=self._images.recipe(spec).tag,
            user=self.user(spec.project),
            environment=box_env(network, [mount.target for mount in mounts]),
            mounts=mounts,
            service_images={
                service.name: self._images.service_recipe(service.build).tag
                for service in spec.services
                if service.build
            },
            cdi=self._uses_cdi(resolved),
        )

    def missing(self, spec: BoxSpec) -> tuple[str, ...]:
        """The tags of images that have to be built for the box and its services."""
        recipes = self._recipes(spec)
        return tuple(step.tag for recipe in recipes for step in self._images.missing(recipe))

    def build(
        self, spec: BoxSpec, report: Report, offer: Callable[[str], bool], *, again: bool
    ) -> None:
        """Build what is missing of them; with ``again`` all, from scratch."""
        for recipe in self._recipes(spec):
            self._images.ensure(recipe, report, offer=offer, no_cache=again)

    def _recipes(self, spec: BoxSpec) -> list[Recipe]:
        own = self._images.recipe(spec)
        builds = [service.build for service in spec.services if service.build]
        return [own, *(self._images.service_recipe(build) for build in builds)]

    def files(self) -> Mapping[str, bytes]:
        """The files that every box gets at each start."""
        from devbox.boxes.images.network import box_files, box_mounts

        network = self._settings.network
        return box_files(network, [mount.target for mount in box_mounts(network)])

    def user(self, project: Path) -> User:
        """Who owns the workspace; root where the engine is rootless, since its root is us."""
        if self._info.rootless:
            return User(0, 0)
        owner = project.stat()
        return User(owner.st_uid, owner.st_gid)

    def check(self, spec: BoxSpec, resolved: BoxSpec, own: Sequence[Container]) -> None:
        """Raise DevboxError where this machine can't run the box: GPUs, CPUs, ports, folders."""
        cpus = spec.resources.cpus
        if cpus is not None and cpus > self._info.cpus:
            raise DevboxError(
                f"Box {spec.name} asks for {cpus:g} CPUs, and the engine has {self._info.cpus}.",
                hint="Lower `resources.cpus` in devbox.toml, or for this time:"
                f" `devbox up --set resources.cpus={self._info.cpus}`.",
            )
        check_ports(resolved, own, self._taken_ports(self.id(spec)))
        if spec.resources.gpus in {Gpu.COUNT, Gpu.ALL}:
            self._check_gpus(spec)
        for mount in (*spec.mounts, *spec.data):
            if not mount.volume and not Path(mount.source).exists():
                raise DevboxError(
                    f"{mount.source} does not exist, and should be {mount.target} in the box.",
                    hint="Create it, or change `mounts` or `data` in devbox.toml.",
                )

    def notes(self, spec: BoxSpec) -> tuple[str, ...]:
        """What a person should know about the box on this machine."""
        notes = []
        if self._info.rootless:
            notes.append("The engine is rootless: root in the box is you, so it works as root.")
        elif not self.user(spec.project).uid:
            notes.append(f"{spec.project} belongs to root, so the box works as root.")
        ahead = [
            name
            for name, value in (("secrets", spec.secrets), ("stop_after", spec.stop_after))
            if value
        ]
        memory = spec.resources.memory
        if memory is not None and memory > self._info.memory:
            notes.append("The memory limit is more than this machine has: it limits nothing.")
        if ahead:
            notes.append(f"Not acted on yet by this version: {', '.join(ahead)}.")
        return tuple(notes)

    def _taken_ports(self, box: BoxId) -> Taken:
        return taken_ports(self._engine.containers({}), box)

    def _check_gpus(self, spec: BoxSpec) -> None:
        from devbox.compute import gpu_refusal

        gpus = self._hosts.gpus()
        refusal = gpu_refusal(self._info, gpus)
        wanted = spec.resources.gpu_count
        if not refusal and len(gpus.devices) < wanted:
            refusal = f"it has {len(gpus.devices)} of the {wanted} GPUs that the box asks for"
        if refusal:
            raise DevboxError(
                f"This machine can't give box {spec.name} a GPU: {refusal}.",
                hint='`gpus = "optional"` in devbox.toml takes one only where there is one.',
            )

    def _with_gpus(self, spec: BoxSpec) -> BoxSpec:
        if spec.resources.gpus is not Gpu.OPTIONAL:
            return spec
        from devbox.compute import gpu_refusal

        refused = gpu_refusal(self._info, self._hosts.gpus())
        gpus = Gpu.NONE if refused else Gpu.ALL
        return dataclasses.replace(spec, resources=dataclasses.replace(spec.resources, gpus=gpus))

    def _uses_cdi(self, spec: BoxSpec) -> bool:
        if spec.resources.gpus is Gpu.NONE:
            return False
        info = self._info
        return bool(info.cdi) and "nvidia" not in info.runtimes
