"""What a box is: the resolved configuration as frozen dataclasses.

Built by :func:`devbox.config.load` from devbox.toml, the profile and the user settings;
everything here is already checked, with units resolved (bytes, seconds) and paths absolute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from devbox.config.credentials import credentials_of

WORKSPACE = "/workspace"
HOME = "/home/dev"


class Gpu(StrEnum):
    """How a box asks for GPUs; with ``COUNT`` the number is in ``Resources.gpu_count``."""

    NONE = "none"
    COUNT = "count"
    ALL = "all"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class Port:
    """A TCP or UDP port of the box, published on ``address`` of the host.

    ``host`` is None where the engine picks a free one.
    """

    container: int
    host: int | None = None
    address: str = "127.0.0.1"
    protocol: str = "tcp"


@dataclass(frozen=True)
class Mount:
    """A host path (absolute) or, with ``volume``, a named volume, seen in the box at ``target``."""

    source: str
    target: str
    read_only: bool = False
    volume: bool = False


@dataclass(frozen=True)
class Resources:
    """Limits of a box. ``cpus`` in cores, memory and shared memory in bytes; None: no limit."""

    cpus: float | None = None
    memory: int | None = None
    shm_size: int = 2 << 30
    gpus: Gpu = Gpu.NONE
    gpu_count: int = 0


@dataclass(frozen=True)
class Hooks:
    """Shell commands run in the box: once per container, at each start, at each attach.

    ``timeout`` is how long one command may take, in seconds, 0 for as long as it likes.
    """

    on_create: tuple[str, ...] = ()
    on_start: tuple[str, ...] = ()
    on_attach: tuple[str, ...] = ()
    timeout: float = 3600.0


@dataclass(frozen=True)
class Build:
    """An own Dockerfile: ``context`` is an absolute folder, ``dockerfile`` lies inside it."""

    context: Path
    dockerfile: str = "Dockerfile"
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HealthCheck:
    """A shell command that succeeds when a service is ready; times in seconds."""

    command: str
    interval: float = 2.0
    timeout: float = 5.0
    retries: int = 15


@dataclass(frozen=True)
class Service:
    """A container beside the box (a database, say), reachable in the box by its name."""

    name: str
    image: str = ""
    build: Build | None = None
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    volumes: tuple[Mount, ...] = ()
    healthcheck: HealthCheck | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoxSpec:
    """One box of a project, resolved.

    Exactly one of ``profile_image`` (a folder of images/), ``image`` (a reference) and
    ``build`` says what it is built from. ``python`` is "" where the image's own is taken.
    ``requirements`` are absolute paths of requirements.txt, pyproject.toml or lock files.
    ``stop_after`` is in seconds, 0 never stops an idle box. ``locked_as`` is what devbox.lock calls
    it, "" where that is its name.
    """

    name: str
    project: Path
    profile: str
    profile_image: str = ""
    image: str = ""
    build: Build | None = None
    platform: str = ""
    python: str = ""
    pip: tuple[str, ...] = ()
    requirements: tuple[Path, ...] = ()
    apt: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    data: tuple[Mount, ...] = ()
    services: tuple[Service, ...] = ()
    resources: Resources = Resources()
    hooks: Hooks = Hooks()
    stop_after: float = 0.0
    locked_as: str = ""


@dataclass(frozen=True)
class Network:
    """How this machine reaches package indexes and registries; all of it may be unset.

    These belong to the person and the machine, never to the project: they reach builds as
    BuildKit secrets and named contexts, and the box at start, but no image layer.
    ``ca`` is a PEM file, ``wheels`` local folders of wheels, ``python_mirror`` where uv finds
    Python builds, ``python_downloads`` a list of builds in the place of uv's own,
    ``apt_mirror`` the base address of a Debian archive.
    """

    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    ca: Path | None = None
    index: str = ""
    extra_index: tuple[str, ...] = ()
    wheels: tuple[Path, ...] = ()
    python_mirror: str = ""
    python_downloads: str = ""
    apt_mirror: str = ""
    registry_mirrors: tuple[str, ...] = ()

    @property
    def passwords(self) -> tuple[str, ...]:
        """The passwords and tokens in all of these addresses."""
        values = (getattr(self, each.name) for each in fields(self))
        lines = (line for value in values for line in _each(value) if isinstance(line, str))
        return tuple(dict.fromkeys(found for line in lines for found in credentials_of(line)))


def _each(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True)
class SecretSource:
    """Where the value of a secret is on this machine: in an environment variable, in a file, or
    what a command prints. Exactly one of them is given."""

    env: str = ""
    file: Path | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dotfiles:
    """A person's git repository for the home of every box.

    ``ref`` is a branch, tag or commit, "" for the repository's own branch. ``install`` is the
    script to run, relative to the repository, "" for the usual names.
    """

    repository: str
    ref: str = ""
    install: str = ""


@dataclass(frozen=True)
class Tui:
    """How the terminal UI looks and what its keys are: a theme ("" for its own), and other keys
    for acts, by the act's name."""

    theme: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """The person's own settings (config.toml in the settings folder) and environment.

    ``base_image`` is what images/base starts from; ``defaults`` are [box] keys that apply to
    every box of this person unless the project says otherwise. ``secrets`` says, by name, where
    values come from. ``git_credentials`` and ``ssh_agent`` let boxes use those of this machine.
    ``tui`` is about the terminal UI. ``trusted`` are the types that models' files may hold beyond
    those that are known to be harmless. ``daemon_idle`` is in seconds: so long the daemon stays
    without anything to do.
    ``file`` is where all this was read, None where there is no such file.
    """

    owner: str
    network: Network = Network()
    base_image: str = "debian:bookworm-slim"
    defaults: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    git_credentials: bool = False
    ssh_agent: bool = False
    daemon_idle: float = 600.0
    dotfiles: Dotfiles | None = None
    tui: Tui = Tui()
    trusted: tuple[str, ...] = ()
    file: Path | None = None
