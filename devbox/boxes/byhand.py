"""What was installed or changed by hand in a container, and is lost with it.

The engine knows every path of a container that differs from its image. Packages are told from
the names of their own metadata; what hooks installed comes back by itself and does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from devbox.boxes.files import read_file
from devbox.boxes.hooks import CREATED
from devbox.compute.engine.faults import EngineError
from devbox.compute.engine.types import Container, Engine, FileChange

APT_STATES = "/var/lib/apt/extended_states"
SHOWN_FILES = 5
MOST_READ = 40
MOST_BYTES = 4 << 20
_DEBIAN = r"/var/lib/dpkg/info/([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9]+)?\.list"
_PYTHON = (
    r"/(?!usr/lib/).*/(?:site|dist)-packages/"
    r"([A-Za-z0-9._]+)-([^/-]+)(?:-[^/]+)?\.(?:dist|egg)-info"
)
_OWN = (
    # of the engine, the init script, devbox, and what programs write for themselves
    r"/(?:dev|proc|sys|run|tmp|var/(?:run|tmp|log|cache|lib/(?:apt|dpkg|devbox|sudo|systemd)))(?:/.*)?"
    r"|/etc/(?:hostname|gitconfig|hosts|resolv\.conf|mtab|environment|ld\.so\.cache|\.pwd\.lock"
    r"|(?:passwd|group|shadow|gshadow|subuid|subgid)(?:-|\.devbox)?)"
    r"|/root/\.(?:cache|local/share/uv|bash_history|python_history|viminfo|lesshst|wget-hsts)(?:/.*)?"
    r"|/etc/profile\.d/devbox\.sh|/(?:usr/)?sbin/docker-init|/root|(?:.*/)?__pycache__(?:/.*)?|.*\.pyc|/etc/ssh/ssh_host_.*|/opt/venv/\.lock"
)
_OF_DEBIAN = (
    r"/(?:usr/(?!local/)|bin|sbin|lib|lib64|var/)(?:.*)?"
    r"|/etc/(?:alternatives|systemd|init\.d|rc.\.d|ssl|apt|default|mailcap|shells)(?:/.*)?"
)
_OF_PYTHON = r".*/(?:site|dist)-packages(?:/.*)?|/opt/venv(?:/.*)?|/usr/local/bin/[^/]+"


@dataclass(frozen=True)
class Package:
    """A package that differs from the image: ``before`` and ``after`` are versions, "" where it
    was not there, or is not any more. Debian's are not known: they are "?"."""

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.before and self.after:
            return f"{self.name} {self.before} -> {self.after}"
        return f"{self.name} {self.after}".removesuffix(" ?") if self.after else f"no {self.name}"


def normal(name: str) -> str:
    """The name of a Python distribution as all spellings of it compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class ByHand:
    """What is only in a container: ``files`` are the first few other paths, ``more`` is how many
    there are beside them."""

    apt: tuple[Package, ...] = ()
    pip: tuple[Package, ...] = ()
    files: tuple[str, ...] = ()
    more: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for a person about each kind."""
        return tuple(self._lines())

    def without(self, apt: Iterable[str], pip: Iterable[str]) -> ByHand:
        """Without the packages of these names."""
        debian, python = frozenset(apt), frozenset(map(normal, pip))
        return replace(
            self,
            apt=tuple(package for package in self.apt if package.name not in debian),
            pip=tuple(package for package in self.pip if normal(package.name) not in python),
        )

    def _lines(self) -> Iterator[str]:
        if self.apt:
            yield f"Debian packages: {_listed(self.apt)} (`devbox add --apt` keeps them)"
        if self.pip:
            yield f"Python packages: {_listed(self.pip)} (`devbox add` keeps them)"
        if self.files:
            more = f" and {self.more} more" if self.more else ""
            yield f"files: {', '.join(self.files)}{more}"


NOTHING = ByHand()


def by_hand(engine: Engine, container: Container) -> ByHand:
    """What was changed by hand in an inspected container, running or not."""
    try:
        changes = engine.changes(container.id)
    except EngineError:
        return NOTHING  # it is going, or its storage driver can't tell
    mounts = [str(mount.get("Destination", "")) for mount in container.mounts]
    if not any(re.fullmatch(_DEBIAN, c.path) or re.fullmatch(_PYTHON, c.path) for c in changes):
        return judge(changes, mounts)
    hooked = _read(engine, container, CREATED).split("\n")
    found = judge(changes, mounts, hooked, _automatic(_read(engine, container, APT_STATES)))
    return replace(found, pip=_wanted(engine, container, found.pip, changes))


def judge(
    changes: Sequence[FileChange],
    mounts: Iterable[str] = (),
    hooked: Iterable[str] = (),
    automatic: Iterable[str] = (),
) -> ByHand:
    """Tell packages from files. ``hooked`` are metadata paths that hooks made, ``automatic`` the
    Debian packages that came as dependencies of others."""
    made_by_hooks, dependencies = frozenset(hooked), frozenset(automatic)
    debian = {m[1]: c for c in changes if (m := re.fullmatch(_DEBIAN, c.path))}
    apt = [
        Package(name, "" if change.kind == "added" else "?", _version(change))
        for name, change in sorted(debian.items())
        if change.kind != "modified" and change.path not in made_by_hooks
        if name not in dependencies
    ]
    pip = tuple(_python(changes, made_by_hooks))
    # Which file belongs to which package is not worth reading all their lists.
    python = any(re.fullmatch(_PYTHON, change.path) for change in changes)
    files = [
        path
        for path in _tops(changes, mounts)
        if not (debian and re.fullmatch(_OF_DEBIAN, path))
        and not (python and re.fullmatch(_OF_PYTHON, path))
    ]
    return ByHand(tuple(apt), pip, tuple(files[:SHOWN_FILES]), len(files[SHOWN_FILES:]))


def _version(change: FileChange) -> str:
    return "" if change.kind == "deleted" else "?"


def _python(changes: Sequence[FileChange], hooked: frozenset[str]) -> Iterator[Package]:
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    names: dict[str, str] = {}
    for change in changes:
        match = re.fullmatch(_PYTHON, change.path)
        if match is None or change.kind == "modified" or change.path in hooked:
            continue
        key = normal(match[1])
        names[key] = match[1].replace("_", "-")
        (after if change.kind == "added" else before)[key] = match[2]
    for key in sorted(names):
        yield Package(names[key], before.get(key, ""), after.get(key, ""))


def _wanted(
    engine: Engine, container: Container, packages: Sequence[Package], changes: Sequence[FileChange]
) -> tuple[Package, ...]:
    """Those that no other of them requires: somebody asked for these, they brought the others."""
    required: set[str] = set()
    for change in changes:
        match = re.fullmatch(_PYTHON, change.path)
        if match and change.kind == "added" and len(packages) <= MOST_READ:
            text = _read(engine, container, f"{change.path}/METADATA")
            required |= set(_requires(text)) - {normal(match[1])}
    return tuple(p for p in packages if normal(p.name) not in required) or tuple(packages)


def _requires(metadata: str) -> Iterator[str]:
    for line in metadata.partition("\n\n")[0].split("\n"):
        match = re.match(r"Requires-Dist:\s*([A-Za-z0-9._-]+)(?!.*extra\s*==)", line)
        if match:
            yield normal(match[1])


def _tops(changes: Sequence[FileChange], mounts: Iterable[str]) -> list[str]:
    """Paths that say all: not what lies in a new folder, not a folder for what changed in it."""
    kinds = {change.path: change.kind for change in changes}
    ways = {str(parent) for path in kinds for parent in PurePosixPath(path).parents}
    points = frozenset(mounts)
    ways_to_points = {str(parent) for path in points for parent in PurePosixPath(path).parents}
    found = []
    for path, kind in sorted(kinds.items()):
        # A whole folder that is new is listed; one that only holds changes is not.
        if path in ways and (kind != "added" or path in ways_to_points):
            continue
        parent = str(PurePosixPath(path).parent)
        if kinds.get(parent) == "added" and parent not in ways_to_points:
            continue
        if path in points or path in ways_to_points or re.fullmatch(_OWN, path):
            continue
        found.append(path)
    return found


def _automatic(text: str) -> Iterator[str]:
    """The names in apt's own list of what was installed as a dependency."""
    for stanza in text.split("\n\n"):
        fields: dict[str, Any] = dict(
            line.split(": ", 1) for line in stanza.split("\n") if ": " in line
        )
        if fields.get("Auto-Installed") == "1" and "Package" in fields:
            yield fields["Package"]


def _read(engine: Engine, container: Container, path: str) -> str:
    """A small file of a container, "" where there is none."""
    return read_file(engine, container.id, path, MOST_BYTES) or ""


def _listed(packages: Sequence[Package]) -> str:
    shown = ", ".join(map(str, packages[:20]))
    return shown if len(packages) <= 20 else f"{shown} and {len(packages) - 20} more"
