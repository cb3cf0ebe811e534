"""What models and their versions are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Model:
    """A named line of versions. ``aliases`` say which version each names, ``versions`` how many
    there are, ``latest`` the newest one's number (0 without any). Times in seconds since the
    epoch."""

    name: str
    created: float
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: int
    latest: int


@dataclass(frozen=True)
class ModelFile:
    """A file of a version: the slot it belongs to, its path there, content digest (SHA-256) and
    bytes. The digest is "" where the file was promised and never came."""

    slot: str
    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class VersionSummary:
    """A version without what is long. ``recorded`` are the slots that are complete; ``open``:
    its run goes on, and what the run says of it still grows. ``tags`` are its own over those of
    its model. NaN is a metric's value where that was logged."""

    model: str
    version: int
    id: str
    created: float
    user: str
    run: str
    description: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    open: bool
    recorded: tuple[str, ...]
    metrics: Mapping[str, float]

    @property
    def ref(self) -> str:
        """What names this version and no other: churn@3."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True)
class ModelVersion(VersionSummary):
    """One version in full. ``slots`` hold what is known of each of the eight kinds of artifact;
    one of which nothing is known is missing."""

    params: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: tuple[ModelFile, ...] = ()

    def files_of(self, slot: str) -> tuple[ModelFile, ...]:
        """The files of one slot."""
        return tuple(file for file in self.files if file.slot == slot)


@dataclass(frozen=True)
class Moved:
    """An alias that names a version now: ``before`` is the number of the one that it named, None
    where it named none."""

    model: str
    alias: str
    version: int
    before: int | None


@dataclass(frozen=True)
class Removal:
    """What removing a model (``whole``) or some of its versions takes away: numbers of versions,
    the aliases that name them, and their files. The files' content stays until nothing else
    needs it and storage is cleaned up."""

    model: str
    whole: bool
    versions: tuple[int, ...]
    aliases: Mapping[str, int]
    files: int
    size: int


@dataclass(frozen=True)
class Checked:
    """One file that was read again: ``state`` is ok, missing or damaged."""

    slot: str
    path: str
    digest: str
    size: int
    state: str


@dataclass(frozen=True)
class Verification:
    """What reading all files of a version again found."""

    model: str
    version: int
    files: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether every file is there and what it was."""
        return all(file.state == "ok" for file in self.files)


@dataclass(frozen=True)
class Policy:
    """Which slots a version needs to be given an alias; ``model`` is "*" for all models."""

    model: str
    alias: str
    required: tuple[str, ...]
