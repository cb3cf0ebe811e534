"""What a store of MLflow holds, as we read it. Times in milliseconds since the epoch, 0 for
none; ``artifacts`` is where files are, as it was written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"
STATUSES = ("RUNNING", "SCHEDULED", FINISHED, FAILED, KILLED)
"""In the order in which folders number them, from 1 on (RunStatus of MLflow)."""
ACTIVE = "active"


@dataclass(frozen=True)
class MlInput:
    """A dataset that a run read; ``source`` is JSON, ``context`` such as "train"."""

    name: str
    digest: str
    source: str
    context: str = ""


@dataclass(frozen=True)
class MlRun:
    """A run, but for its metrics. ``models`` are the ids of those that it has logged."""

    id: str
    experiment: str
    name: str
    user: str
    status: str
    started: int
    ended: int
    artifacts: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[MlInput, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class MlPoint:
    """One point of a metric."""

    key: str
    time: int
    step: int
    value: float


@dataclass(frozen=True)
class MlLoggedModel:
    """A model that a run has logged (MLflow 3)."""

    id: str
    name: str
    run: str
    artifacts: str


@dataclass(frozen=True)
class MlVersion:
    """A version of a registered model. ``source`` is where it comes from: runs:/RUN/PATH,
    models:/ID or a place of files; ``place`` where its files were found to be, "" for unknown."""

    number: int
    created: int
    user: str
    run: str
    source: str
    place: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class MlModel:
    """A registered model; ``aliases`` name version numbers."""

    name: str
    created: int
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: tuple[MlVersion, ...]


class Store(Protocol):
    """A store, of whatever kind. What was deleted in it is not given. ``root`` is the folder that
    its files are in, unless they are elsewhere altogether."""

    root: Path

    def runs(self) -> Iterator[MlRun]:
        """Every run."""

    def points(self, run: MlRun) -> Iterator[MlPoint]:
        """Every point of a run, those of one metric in their order."""

    def logged_models(self) -> Iterator[MlLoggedModel]:
        """Every model that a run has logged."""

    def models(self) -> Iterator[MlModel]:
        """Every registered model."""
