"""An engine in memory, for tests: it keeps containers, images and volumes, and runs nothing.

What a command in a container does is up to a function that the test gives.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from devbox.compute.engine.compose import ComposeFailed
from devbox.compute.engine.execs import KILLED
from devbox.compute.engine.facts import EngineInfo
from devbox.compute.engine.fakecompose import Service, read
from devbox.compute.engine.fakeexec import Executed, FakeExec, succeed
from devbox.compute.engine.fakefacts import INFO, usage
from devbox.compute.engine.fakeheld import FakeHeld, waiting_container
from devbox.compute.engine.faults import Conflict, NotFound
from devbox.compute.engine.pull import failure as pull_failure
from devbox.compute.engine.reports import (
    BuildRequest,
    EngineEvent,
    HeldRequest,
    Image,
    LogLine,
    Sample,
    Volume,
)
from devbox.compute.engine.types import Container, Exec, ExecResult, FileChange, Held
from devbox.progress import Progress, Report, silent

Script = Callable[[Sequence[str], bytes], ExecResult]

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
HASH = "com.docker.compose.config-hash"


class FakeEngine:
    """See :class:`devbox.compute.engine.types.Engine`.

    ``fail`` makes calls fail; ``calls`` notes, by name, what was asked of it; ``executed`` the
    commands; ``built`` and ``held`` the requests for images and held containers. A
    script that raises TimeoutError takes longer than any ``timeout``.
    """

    address = "fake://engine"

    def __init__(self, script: Script = succeed, info: EngineInfo = INFO) -> None:
        self.script = script
        self.calls: list[str] = []
        self.executed: list[Executed] = []
        self.built: list[BuildRequest] = []
        self.held: list[HeldRequest] = []
        self.registry: set[str] = set()
        self.health = "healthy"
        self._info = info
        self._failures: dict[str, deque[Exception]] = {}
        self._containers: dict[str, Container] = {}
        self._images: dict[str, Image] = {}
        self._volumes: dict[str, Volume] = {}
        self._events: list[EngineEvent] = []
        self._logs: dict[str, list[LogLine]] = {}
        self._archives: dict[tuple[str, str], bytes] = {}
        self._changes: dict[str, list[FileChange]] = {}
        self._number = 0

    # What tests do

    def fail(self, method: str, error: Exception, times: int = 1) -> None:
        """Let the next calls of a method raise."""
        self._failures.setdefault(method, deque()).extend([error] * times)

    def add_image(self, ref: str, labels: Mapping[str, str] | None = None, size: int = 1) -> Image:
        """Have an image."""
        number = self._next()
        image_id = f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"
        made = Image(image_id, (), dict(labels or {}), size, time.time(), "amd64")
        self._images[image_id] = made
        self.tag(image_id, ref)
        return self._images[image_id]

    def say(self, ref: str, text: str, stream: str = "stdout") -> None:
        """Let a container write a line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._logs.setdefault(self._found(ref).id, []).append(LogLine(stream, text, stamp))

    def set(self, ref: str, **changes: Any) -> None:
        """Change what the engine tells of a container: its state, health, ..."""
        container = self._found(ref)
        self._containers[container.id] = replace(container, **changes)

    def change(self, ref: str, path: str, kind: str = "added") -> None:
        """Let a file of a container differ from its image."""
        self._changes.setdefault(self._found(ref).id, []).append(FileChange(path, kind))

    # The engine

    def _asked(self, method: str) -> None:
        self.calls.append(method)
        if waiting := self._failures.get(method):
            raise waiting.popleft()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def fresh(self) -> FakeEngine:
        return self

    def abort(self) -> None:
        pass  # nothing waits

    def look_ahead(self) -> None:
        pass  # it answers at once

    def info(self) -> EngineInfo:
        self._asked("info")
        return self._info

    def ping(self) -> None:
        self._asked("ping")

    # Containers

    def _find(self, ref: str) -> Container | None:
        for container in self._containers.values():
            if ref and (container.name == ref or container.id.startswith(ref)):
                return container
        return None

    def _found(self, ref: str) -> Container:
        container = self._find(ref)
        if container is None:
            raise NotFound(f"No such container: {ref}", status=404)
        return container

    def _running(self, ref: str) -> Container:
        container = self._found(ref)
        if container.state != "running":
            raise Conflict(f"container {ref} is not running", status=409)
        return container

    def containers(self, labels: Mapping[str, str]) -> tuple[Container, ...]:
        self._asked("containers")
        return tuple(_listed(c) for c in self._containers.values() if _carries(c.labels, labels))

    def container(self, ref: str) -> Container | None:
        self._asked("container")
        return self._find(ref)

    def start(self, ref: str) -> None:
        self._asked("start")
        container = self._found(ref)
        if container.state == "running":
            return
        now = time.time()
        changes: dict[str, Any] = {"state": "running", "status": "Up", "exit_code": None}
        self.set(container.id, started=now, pid=1000 + self._next(), **changes)
        self._happened(container, "start")

    def stop(self, ref: str, timeout: int = 10) -> None:
        del timeout
        self._asked("stop")
        container = self._found(ref)
        if container.state not in {"running", "restarting", "paused"}:
            return
        self.set(
            container.id,
            state="exited",
            status="Exited (137)",
            exit_code=137,
            pid=0,
            finished=time.time(),
        )
        self._happened(container, "die")

    def unpause(self, ref: str) -> None:
        self._asked("unpause")
        self.set(ref, state="running")

    def remove(self, ref: str, *, force: bool = False) -> None:
        self._asked("remove")
        container = self._find(ref)
        if container is None:
            return
        if container.state == "running" and not force:
            raise Conflict(f"cannot remove container {ref}: container is running", status=409)
        del self._containers[container.id]
        self._happened(container, "destroy")

    def hold(self, request: HeldRequest) -> Held:
        self._asked("hold")
        image = self._image(request.image)
        if image is None:
            raise NotFound(f"No such image: {request.image}", status=404)
        if self._find(request.name):
            raise Conflict(f"The container name {request.name} is already in use", status=409)
        self.held.append(request)
        made = waiting_container(request, image, self._next())
        self._containers[made.id] = made
        self.start(made.id)
        return FakeHeld(made.id, lambda: self.remove(made.id, force=True))

    def commit(self, ref: str, tag: str, labels: Mapping[str, str]) -> None:
        self._asked("commit")
        image = self._images[self._found(ref).image_id]
        self.add_image(tag, {**image.labels, **labels}, image.size)

    def processes(self, ref: str) -> tuple[Mapping[str, str], ...]:
        self._asked("processes")
        return ({"PID": str(self._running(ref).pid), "UID": "root", "CMD": "sleep"},)

    # Commands in containers

    def exec(
        self,
        ref: str,
        argv: Sequence[str],
        *,
        user: str = "",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        tty: bool = False,
        stdin: bool = False,
        size: tuple[int, int] | None = None,
    ) -> Exec:
        self._asked("exec")
        name = self._running(ref).name
        self.executed.append(Executed(name, tuple(argv), user, cwd, dict(env or {}), tty))
        made = FakeExec(self._next(), lambda data: self.script(argv, data), stdin=stdin)
        made.size = size
        return made

    def call(
        self,
        ref: str,
        argv: Sequence[str],
        *,
        user: str = "",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        input: bytes | None = None,  # noqa: A002 - as subprocess calls it
        timeout: float | None = None,
    ) -> ExecResult:
        self._asked("call")
        name = self._running(ref).name
        self.executed.append(Executed(name, tuple(argv), user, cwd, dict(env or {}), tty=False))
        try:
            return self.script(argv, input or b"")
        except TimeoutError:
            if timeout is None:
                raise
            return ExecResult(KILLED, b"", b"")

    # What they do

    def logs(
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float = 0.0,
        timestamps: bool = False,
    ) -> Iterator[LogLine]:
        del follow, since
        self._asked("logs")
        lines = self._logs.get(self._found(ref).id, [])
        for line in lines[len(lines) - tail :] if tail is not None else lines:
            yield line if timestamps else replace(line, time="")

    def sample(self, ref: str) -> Sample:
        self._asked("sample")
        self._running(ref)
        return Sample(time.time(), 0.5, 64 << 20, 1 << 30, 0, 0, 0, 0, 1)

    def samples(self, ref: str) -> Iterator[Sample]:
        self._asked("samples")
        while self._found(ref).state == "running":
            yield self.sample(ref)

    def events(
        self, labels: Mapping[str, str], *, since: float = 0.0, until: float | None = None
    ) -> Iterator[EngineEvent]:
        self._asked("events")
        for event in list(self._events):
            if since <= event.time <= (until or event.time) and _carries(event.attributes, labels):
                yield event

    def _happened(self, container: Container, action: str) -> None:
        attributes = {**container.labels, "name": container.name, "image": container.image}
        event = EngineEvent(time.time(), "container", action, container.id, attributes)
        self._events.append(event)

    def put(self, ref: str, folder: str, archive: Iterator[bytes]) -> None:
        self._asked("put")
        self._archives[self._found(ref).id, folder] = data = b"".join(archive)
        with tarfile.open(fileobj=io.BytesIO(data)) as found:
            for name in found.getnames():
                self.change(ref, f"{folder.rstrip('/')}/{name}")

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        self._asked("get")
        container = self._found(ref)
        parent, _, _ = path.rpartition("/")
        for folder in (path, parent or "/"):
            if (container.id, folder) in self._archives:
                yield self._archives[container.id, folder]
                return
        raise NotFound(f"Could not find the file {path} in container {ref}", status=404)

    def changes(self, ref: str) -> tuple[FileChange, ...]:
        self._asked("changes")
        return tuple(self._changes.get(self._found(ref).id, ()))

    # Images

    def _image(self, ref: str) -> Image | None:
        ref = ref if ":" in ref.rpartition("/")[2] else f"{ref}:latest"
        found = (i for i in self._images.values() if ref == i.id or ref in i.tags)
        return next(found, None)

    def _users(self, image: Image) -> int:
        return sum(c.image_id == image.id for c in self._containers.values())

    def image(self, ref: str) -> Image | None:
        self._asked("image")
        return self._image(ref)

    def images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        self._asked("images")
        found = (image for image in self._images.values() if _carries(image.labels, labels))
        return tuple(replace(image, containers=self._users(image)) for image in found)

    def pull(self, ref: str, *, platform: str = "", report: Report = silent) -> None:
        del platform
        self._asked("pull")
        if ref not in self.registry:
            raise pull_failure(ref, "dial tcp: lookup registry: no such host")
        report(Progress("pull", ref, "pulling"))
        if self._image(ref) is None:
            made = self.add_image(ref)
            digest = hashlib.sha256(ref.encode()).hexdigest()
            known = ref if "@" in ref else f"{ref.rpartition(':')[0]}@sha256:{digest}"
            self._images[made.id] = replace(made, digests=(known,))

    def import_image(self, archive: Path, tag: str, changes: Sequence[str] = ()) -> str:
        self._asked("import_image")
        labels = dict(c.removeprefix("LABEL ").split("=", 1) for c in changes if c[:6] == "LABEL ")
        return self.add_image(tag, labels, archive.stat().st_size).id

    def tag(self, ref: str, tag: str) -> None:
        self._asked("tag")
        image = self._image(ref)
        if image is None:
            raise NotFound(f"No such image: {ref}", status=404)
        for other in list(self._images.values()):
            if tag in other.tags and other.id != image.id:
                rest = tuple(each for each in other.tags if each != tag)
                self._images[other.id] = replace(other, tags=rest)
        if tag not in image.tags:
            self._images[image.id] = replace(image, tags=(*image.tags, tag))

    def remove_image(self, ref: str) -> int:
        self._asked("remove_image")
        image = self._image(ref)
        if image is None:
            return 0
        rest = tuple(tag for tag in image.tags if tag != ref)
        if rest and ref != image.id:
            self._images[image.id] = replace(image, tags=rest)
            return 0
        if self._users(image):
            raise Conflict(f"conflict: unable to remove {ref}: it is in use", status=409)
        del self._images[image.id]
        return image.size

    def build(self, request: BuildRequest, report: Report = silent) -> None:
        self._asked("build")
        report(Progress("build", request.tag, "FROM", 1, 1))
        self.built.append(request)
        self.add_image(request.tag, request.labels)

    def prune_build_cache(self) -> int:
        self._asked("prune_build_cache")
        return 0

    # Volumes

    def volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        self._asked("volumes")
        return tuple(v for v in self._volumes.values() if _carries(v.labels, labels))

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self._asked("create_volume")
        self._volumes.setdefault(name, Volume(name, dict(labels), "2026-01-01T00:00:00Z"))

    def remove_volume(self, name: str) -> None:
        self._asked("remove_volume")
        for container in self._containers.values():
            if any(mount.get("Name") == name for mount in container.mounts):
                raise Conflict(f"remove {name}: volume is in use", status=409)
        self._volumes.pop(name, None)

    def usage(self) -> Mapping[str, Any]:
        self._asked("usage")
        return usage(self._images.values(), self._containers.values(), self._volumes.values())

    # Compose projects

    def compose_up(self, project: str, file: Path, *, report: Report = silent) -> None:
        self._asked("compose_up")
        document = read(file, project)
        for name, labels, external in document.volumes:
            if external and name not in self._volumes:
                raise ComposeFailed(f'external volume "{name}" not found')
            self._volumes.setdefault(name, Volume(name, labels, "2026-01-01T00:00:00Z"))
        for container in list(self._containers.values()):
            known = container.labels.get(SERVICE) in {s.name for s in document.services}
            if container.labels.get(PROJECT) == project and not known:
                self.remove(container.id, force=True)
        for service in document.services:
            self._match(project, service, report)

    def _match(self, project: str, service: Service, report: Report) -> None:
        name = service.container or f"{project}-{service.name}-1"
        there = self._find(name)
        image = self._image(service.image)
        if image is None:
            self.pull(service.image)
            image = self._image(service.image)
            assert image is not None
        same = there and there.labels.get(HASH) == service.hash and there.image_id == image.id
        if there and not same:
            report(Progress("start", project, f"Container {name} Recreate"))
            self.remove(there.id, force=True)
        if not same:
            report(Progress("start", project, f"Container {name} Created"))
            self._create(project, service, name, image)
        container = self._found(name)
        if container.state != "running":
            self._claim_ports(container)
            self.start(container.id)
            report(Progress("start", project, f"Container {name} Started"))

    def _create(self, project: str, service: Service, name: str, image: Image) -> None:
        number = self._next()
        labels = {**image.labels, **service.labels, PROJECT: project}
        labels |= {SERVICE: service.name, HASH: service.hash}
        container_id = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
        made = Container(
            id=container_id,
            name=name,
            image=service.image,
            image_id=image.id,
            state="created",
            status="Created",
            labels=labels,
            created=time.time(),
            ports=service.ports,
            health=self.health if service.checked else "",
            env=service.env,
            mounts=service.mounts,
            raw=service.raw,
        )
        self._containers[container_id] = made
        self._happened(made, "create")

    def _claim_ports(self, container: Container) -> None:
        wanted = {port.host_port for port in container.ports if port.host_port}
        for other in self._containers.values():
            if other.id == container.id or other.state != "running":
                continue
            for port in other.ports:
                if port.host_port in wanted and port.host_port is not None:
                    message = f"Port {port.host_port} is already in use on {port.address}."
                    raise ComposeFailed(message, port=port.host_port)

    def compose_down(self, project: str, *, report: Report = silent) -> None:
        self._asked("compose_down")
        for container in list(self._containers.values()):
            if container.labels.get(PROJECT) == project:
                report(Progress("stop", project, f"Container {container.name} Removed"))
                self.remove(container.id, force=True)


def _listed(container: Container) -> Container:
    """Without what only an inspection tells."""
    return replace(
        container,
        started=0.0,
        finished=0.0,
        pid=0,
        exit_code=None,
        oom_killed=False,
        mounts=(),
        env=(),
        raw={},
    )


def _carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(
        name in labels and (not value or labels[name] == value) for name, value in wanted.items()
    )
