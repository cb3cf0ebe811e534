"""What a lock holds, as records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Deb:
    """A Debian package. ``file`` is its path in an archive, ``size`` in bytes; both and the hash
    are empty where it comes with an image that is locked by its digest."""

    name: str
    version: str
    architecture: str
    sha256: str = ""
    size: int = 0
    file: str = ""

    @property
    def line(self) -> str:
        """As the lock has it."""
        known = (self.name, self.version, self.architecture)
        return " ".join((*known, self.sha256, str(self.size), self.file) if self.file else known)


@dataclass(frozen=True)
class Wheel:
    """A Python package: a wheel, or the source that it is built from. Without a ``file`` it is
    what a Python of the image's own brings along."""

    name: str
    version: str
    sha256: str = ""
    size: int = 0
    file: str = ""

    @property
    def line(self) -> str:
        """As the lock has it."""
        known = (self.name, self.version)
        return " ".join((*known, self.sha256, str(self.size), self.file) if self.file else known)


@dataclass(frozen=True)
class Base:
    """The image that a chain starts from: by ``digest`` where a registry gave it, else made from
    the packages of a Debian ``release``. Both are empty for a project's own Dockerfile.

    ``apt`` and ``python`` are what it holds."""

    reference: str
    digest: str = ""
    release: str = ""
    apt: tuple[Deb, ...] = ()
    python: tuple[Wheel, ...] = ()


@dataclass(frozen=True)
class LockedImage:
    """What one image of a chain adds to its parent: packages that are new or of another version,
    and the names of Debian packages that are gone."""

    name: str
    apt: tuple[Deb, ...] = ()
    python: tuple[Wheel, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class LockedBox:
    """One box on one platform. ``inputs`` is what of devbox.toml it was made for; ``python`` the
    full version of a Python that uv installed; ``archives`` are where Debian packages came from.
    """

    name: str
    platform: str
    inputs: Mapping[str, tuple[str, ...]]
    base: Base
    images: tuple[LockedImage, ...]
    python: str = ""
    uv: Wheel | None = None
    archives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """A whole devbox.lock."""

    boxes: tuple[LockedBox, ...] = field(default=())

    def of(self, name: str) -> tuple[LockedBox, ...]:
        """What is locked of a box: an entry for each platform."""
        return tuple(box for box in self.boxes if box.name == name)

    def with_box(self, box: LockedBox, known: Iterable[str]) -> Lock:
        """This lock with ``box`` in the place of its old entry; boxes not in ``known`` go."""
        names = {*known, box.name}
        kept = [
            other
            for other in self.boxes
            if other.name in names and (other.name, other.platform) != (box.name, box.platform)
        ]
        return replace(self, boxes=tuple(sorted([*kept, box], key=lambda b: (b.name, b.platform))))


@dataclass(frozen=True)
class LockedStep:
    """What a lock says of one build: the packages it installs, the uv that it uses, where Debian
    packages came from, and ``expected``: all packages afterwards, a line each."""

    debs: tuple[Deb, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    uv: Wheel | None = None
    archives: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
