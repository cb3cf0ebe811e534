"""What a box should be on this machine: the spec, plus what only the machine knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.compose import DesiredBox, Surroundings, document
from devbox.boxes.identity import BoxId, User
from devbox.boxes.images.network import box_env, box_mounts, for_build
from devbox.boxes.ports import Taken, check_ports, taken_ports, with_ports
from devbox.boxes.private import Private
from devbox.compute.engine.types import Container, Engine
from devbox.config.shipped import shipped
from devbox.config.spec import BoxSpec, Gpu, Settings
from devbox.errors import DevboxError
from devbox.journal.places import box_spool

if TYPE_CHECKING:
    from devbox.boxes.images import Images
    from devbox.compute import Hosts
    from devbox.compute.engine.facts import EngineInfo


class ThisMachine:
    """Resolves specs for one engine and one person's settings. ``home`` is devbox's own folder."""

    def __init__(
        self, engine: Engine, images: Images, hosts: Hosts, settings: Settings, home: Path
    ) -> None:
        self._engine = engine
        self._images = images
        self._hosts = hosts
        self._home = home
        self.settings = settings
        self.private = Private(settings)

    def desired(
        self, box: BoxId, spec: BoxSpec, own: Sequence[Container], *, locked: bool = False
    ) -> DesiredBox:
        """The box as it should be here; ``own`` are the containers that it has now.

        Every file that goes into its images is read here and only here, and so is the lock.
        Raises Refused where the box is to be ``locked`` and the lock does not fit.
        """
        resolved = self._images.with_gpus(spec)
        if spec.ports or any(service.ports for service in spec.services):
            resolved = with_ports(resolved, own, self._taken_ports(box))
        kept = self._images.kept(resolved)
        if locked:
            kept.required(spec.name)
        services = {
            service.name: made
            for service in spec.services
            if (made := self._images.service_recipe(service))
        }
        network = self.settings.network
        mounts = box_mounts(network)
        around = Surroundings(
            image=kept.recipe.tag,
            user=self.user(spec.project),
            environment=box_env(network, [mount.target for mount in mounts]),
            mounts=mounts,
            service_images={name: made.tag for name, made in services.items()},
            cdi=self._uses_cdi(resolved),
            spool=str(box_spool(self._home, box.owner, box.name)),
        )
        recipes = (kept.recipe, *services.values())
        composed = document(box, resolved, around)
        return DesiredBox(box, resolved, around.user, recipes, composed, kept.fit, kept.note)

    def check(self, desired: DesiredBox, own: Sequence[Container]) -> None:
        """Raise DevboxError where this machine can't run the box: secrets, GPUs, CPUs, ports,
        folders."""
        spec = desired.spec
        self.private.check(spec.secrets)
        cpus = spec.resources.cpus
        if cpus is not None and cpus > self._info.cpus:
            raise DevboxError(
                f"Box {spec.name} asks for {cpus:g} CPUs, and the engine has {self._info.cpus}.",
                hint="Lower `resources.cpus` in devbox.toml, or for this time:"
                f" `devbox up --set resources.cpus={self._info.cpus}`.",
            )
        if any(port for port in (spec.ports, *(s.ports for s in spec.services))):
            check_ports(spec, own, self._taken_ports(desired.id))
        if spec.resources.gpus in {Gpu.COUNT, Gpu.ALL}:
            self._check_gpus(spec)
        for mount in (*spec.mounts, *spec.data):
            if not mount.volume and not Path(mount.source).exists():
                raise DevboxError(
                    f"{mount.source} does not exist, and should be {mount.target} in the box.",
                    hint="Create it, or change `mounts` or `data` in devbox.toml.",
                )

    def notes(self, desired: DesiredBox) -> tuple[str, ...]:
        """What a person should know about the box on this machine."""
        spec, notes = desired.spec, []
        if self._info.rootless:
            notes.append("The engine is rootless: root in the box is you, so it works as root.")
        elif not desired.user.uid:
            notes.append(f"{spec.project} belongs to root, so the box works as root.")
        memory = spec.resources.memory
        if memory is not None and memory > self._info.memory:
            notes.append("The memory limit is more than this machine has: it limits nothing.")
        if desired.lock_note:
            notes.append(desired.lock_note)
        return tuple(notes)

    def install_files(self) -> Mapping[str, bytes]:
        """What a box needs to install packages as its image would: the script that does it, and
        how Debian's are reached."""
        secrets = for_build(self.settings.network).secrets
        given = {name: secrets[name] for name in ("devbox-apt", "devbox-ca") if name in secrets}
        return {**given, "prelude.sh": (shipped("images") / "build/prelude.sh").read_bytes()}

    def user(self, project: Path) -> User:
        """Who owns the workspace; root where the engine is rootless, since its root is us."""
        if self._info.rootless:
            return User(0, 0)
        owner = project.stat()
        return User(owner.st_uid, owner.st_gid)

    @cached_property
    def _info(self) -> EngineInfo:
        return self._engine.info()

    def _taken_ports(self, box: BoxId) -> Taken:
        return taken_ports(self._engine.containers({}), box)

    def _check_gpus(self, spec: BoxSpec) -> None:
        from devbox.compute import gpu_refusal

        gpus = self._hosts.gpus()
        refusal = gpu_refusal(self._info, gpus)
        wanted = spec.resources.gpu_count
        if not refusal and len(gpus.devices) < wanted:
            refusal = f"it has {len(gpus.devices)} of the {wanted} GPUs that the box asks for"
        # An optional GPU that is here has become "all"; it is never refused.
        if refusal:
            raise DevboxError(
                f"This machine can't give box {spec.name} a GPU: {refusal}.",
                hint='`gpus = "optional"` in devbox.toml takes one only where there is one.',
            )

    def _uses_cdi(self, spec: BoxSpec) -> bool:
        if spec.resources.gpus is Gpu.NONE:
            return False
        return bool(self._info.cdi) and "nvidia" not in self._info.runtimes
