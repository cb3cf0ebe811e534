"""What the rest of devbox knows of a Docker engine: records and the protocol they come through.

:class:`Engine` is implemented by :class:`devbox.compute.engine.docker.DockerEngine` and by
:class:`devbox.compute.engine.fake.FakeEngine`; both pass the same tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from devbox.progress import Report, silent

if TYPE_CHECKING:
    from devbox.compute.engine.facts import EngineInfo
    from devbox.compute.engine.reports import (
        BuildRequest,
        EngineEvent,
        HeldRequest,
        Image,
        LogLine,
        Sample,
        Volume,
    )


@dataclass(frozen=True)
class PublishedPort:
    """A container's port and where the host publishes it (``host_port`` None: not published)."""

    port: int
    protocol: str
    address: str = ""
    host_port: int | None = None


@dataclass(frozen=True)
class Container:
    """A container as the engine reports it.

    ``state`` is Docker's: created, running, paused, restarting, removing, exited, dead.
    ``created``, ``started`` and ``finished`` (the end of the run before, where it runs again) are
    seconds since the epoch, 0.0 where not known. A listing does not tell the latter two, nor
    ``pid``, ``exit_code``, ``oom_killed``, ``mounts`` and ``env``; an inspection does.
    ``health`` is starting, healthy, unhealthy or "".
    """

    id: str
    name: str
    image: str
    image_id: str
    state: str
    status: str
    labels: Mapping[str, str]
    created: float
    ports: tuple[PublishedPort, ...] = ()
    started: float = 0.0
    finished: float = 0.0
    exit_code: int | None = None
    oom_killed: bool = False
    health: str = ""
    pid: int = 0
    env: tuple[str, ...] = ()
    mounts: tuple[Mapping[str, Any], ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class ExecResult:
    """A finished command: its exit code and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class FileChange:
    """A path in which a container differs from its image; ``kind`` is added, modified (of a
    folder: something in it) or deleted."""

    path: str
    kind: str


class Exec(Protocol):
    """A command running in a container, its streams attached.

    With a terminal everything arrives on stream 1. ``fileno`` is the attached connection's, for
    ``select``; data may already be buffered, so call ``read`` until it returns None-less.
    """

    id: str

    def fileno(self) -> int: ...
    def read(self) -> tuple[int, bytes] | None:
        """The next chunk as (stream, data): 1 stdout, 2 stderr; None at the end."""

    def write(self, data: bytes) -> None: ...
    def close_stdin(self) -> None: ...
    def resize(self, rows: int, columns: int) -> None: ...
    def exit_code(self) -> int:
        """Wait for the end of the command and return its exit code."""

    def abort(self) -> None:
        """Break the connection off, which ends a ``write`` or ``read`` of another thread."""

    def close(self) -> None: ...


class Held(Protocol):
    """A container that lives as long as this process holds it. Close it, or end: either way it
    and all that runs in it are gone a moment later."""

    id: str

    def close(self) -> None: ...


class Engine(Protocol):
    """A Docker engine on some host. Every method raises Unreachable where it does not answer.

    A ``labels`` filter maps a label to the value it must have ("" : any value).
    """

    address: str

    def fresh(self) -> Engine:
        """The same engine through connections of its own, for another process."""

    def abort(self) -> None:
        """Break off every answer that another thread reads from these connections: it gets
        Unreachable."""

    def look_ahead(self) -> None:
        """Begin to ask for what the next :meth:`info` answers: it takes an engine a while."""

    def info(self) -> EngineInfo: ...
    def ping(self) -> None: ...

    def containers(self, labels: Mapping[str, str]) -> tuple[Container, ...]:
        """Running and stopped containers that carry all the labels."""

    def container(self, ref: str) -> Container | None:
        """Inspect one container by id or name; None where there is none."""

    def start(self, ref: str) -> None: ...
    def stop(self, ref: str, timeout: int = 10) -> None: ...
    def unpause(self, ref: str) -> None: ...
    def remove(self, ref: str, *, force: bool = False) -> None: ...
    def hold(self, request: HeldRequest) -> Held:
        """Start a container of an image at hand that only waits, for commands to run in it.

        Raises Conflict where the name is taken, NotFound where there is no such image.
        """

    def commit(self, ref: str, tag: str, labels: Mapping[str, str]) -> None:
        """Make an image of what a container has changed in its own. It has that image's settings
        (command, user, variables, ...) and labels, with ``labels`` over them; mounts and tmpfs
        are no part of it. The tag moves to it in one step, when it is complete."""

    def processes(self, ref: str) -> tuple[Mapping[str, str], ...]:
        """``ps`` of a running container: PID, USER, TIME, COMMAND, ... by column title."""

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
    ) -> Exec: ...
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
        """Run a command to its end.

        One that takes longer than ``timeout`` seconds is given up: its code is 137, its output
        what came so far. The engine cannot kill it; in the container it goes on.
        """

    def logs(
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float = 0.0,
        timestamps: bool = False,
    ) -> Iterator[LogLine]: ...
    def sample(self, ref: str) -> Sample:
        """Live use over the last second or so."""

    def samples(self, ref: str) -> Iterator[Sample]:
        """Live use, about once a second, until the container stops."""

    def events(
        self, labels: Mapping[str, str], *, since: float = 0.0, until: float | None = None
    ) -> Iterator[EngineEvent]: ...

    def put(self, ref: str, folder: str, archive: Iterator[bytes]) -> None:
        """Unpack a tar stream into an existing folder of a container. (The engine does one
        archive at a time for a container: don't feed this from ``get`` of the same one.)"""

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        """A file or folder of a container as a tar stream."""

    def changes(self, ref: str) -> tuple[FileChange, ...]:
        """Where a container's own files differ from its image; volumes and mounts don't count."""

    def image(self, ref: str) -> Image | None: ...
    def images(self, labels: Mapping[str, str]) -> tuple[Image, ...]: ...
    def pull(self, ref: str, *, platform: str = "", report: Report = silent) -> None: ...
    def import_image(self, archive: Path, tag: str, changes: Sequence[str] = ()) -> str:
        """Make an image from the tar of a root file system; returns its id."""

    def tag(self, ref: str, tag: str) -> None: ...
    def remove_image(self, ref: str) -> int:
        """Untag or delete; returns the bytes that the engine says it freed, 0 if unknown."""

    def build(self, request: BuildRequest, report: Report = silent) -> None:
        """Build with BuildKit and load the result under its tag; a failing step raises
        :class:`devbox.compute.engine.build.BuildFailed` with the step and its last lines."""

    def prune_build_cache(self) -> int:
        """Drop BuildKit's cache; returns the bytes freed."""

    def volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]: ...
    def create_volume(self, name: str, labels: Mapping[str, str]) -> None: ...
    def remove_volume(self, name: str) -> None: ...
    def usage(self) -> Mapping[str, Any]:
        """The engine's ``/system/df``: images, containers, volumes, build cache, with sizes."""

    def compose_up(self, project: str, file: Path, *, report: Report = silent) -> None:
        """Create or change the project's containers to match the file, and start them."""

    def compose_down(self, project: str, *, report: Report = silent) -> None:
        """Remove the project's containers and networks; volumes stay."""
