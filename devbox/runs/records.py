"""What a run is, seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

QUEUED, RUNNING = "queued", "running"
SUCCEEDED, FAILED, CANCELLED, LOST = "succeeded", "failed", "cancelled", "lost"
ENDS = (SUCCEEDED, FAILED, CANCELLED)
STATUSES = (QUEUED, RUNNING, *ENDS, LOST)


@dataclass(frozen=True)
class Experiment:
    """A named group of runs. Times in seconds since the epoch; ``last`` is the newest start, 0.0
    without runs."""

    name: str
    created: float
    runs: int
    last: float


@dataclass(frozen=True)
class Range:
    """The lowest and highest last value of a metric, and of how many runs."""

    key: str
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class Artifact:
    """A file that a run kept: its relative path, content digest (SHA-256) and bytes."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class Input:
    """Data that a run read."""

    name: str
    version: str
    digest: str
    uri: str


@dataclass(frozen=True)
class Registration:
    """What a run asks to be made a model version: ``tags`` as (key, text, number that it stands
    for), ``files`` as (slot, path among the run's artifacts)."""

    id: str
    name: str
    description: str
    tags: tuple[tuple[str, str, float | None], ...]
    slots: Mapping[str, Mapping[str, Any]]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunRecord:
    """One run. ``metrics`` are the last values (NaN where that was logged), ``code``,
    ``environment``, ``command`` and ``folder`` what was captured at its start. Times in seconds
    since the epoch; ``ended`` is None until it has ended."""

    id: str
    parent: str
    experiment: str
    name: str
    status: str
    started: float
    ended: float | None
    user: str
    host: str
    box: str
    error: str
    command: tuple[str, ...] = ()
    folder: str = ""
    code: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    inputs: tuple[Input, ...] = ()
    damaged: int = 0


@dataclass(frozen=True)
class Overview:
    """An experiment at a glance: its runs, children included, by status, the ranges of what they
    measured, and the newest of them."""

    experiment: Experiment
    statuses: Mapping[str, int]
    metrics: tuple[Range, ...]
    newest: tuple[RunRecord, ...]
