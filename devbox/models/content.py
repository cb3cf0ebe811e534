"""What a version holds: what it was registered with, over what its run says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from devbox.errors import DevboxError
from devbox.journal.capture import DIFF
from devbox.journal.checks import LONGEST_KEY, checked_text
from devbox.journal.slots import DATA, DEPENDENCIES, EXPERIMENT, GENERATION, SLOTS, TAGS
from devbox.models.records import ModelFile
from devbox.models.slots import inputs, metrics, table
from devbox.runs.records import QUEUED, RUNNING, RunRecord

PLOTS = {".png", ".svg", ".jpg", ".jpeg", ".pdf", ".html"}
SYSTEM = "system/"
"""Metrics of the machine, which say nothing of a model."""
REGISTERED = "models/"
"""Where a run keeps the files of the versions that it registers: those of one are no other's."""
LONGEST_NUMBER = 40

Slots = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Given:
    """What a version was registered with."""

    slots: Slots
    files: tuple[ModelFile, ...]


@dataclass(frozen=True)
class Content:
    """What a version holds. ``metrics`` and ``params`` are what it is searched by."""

    slots: Slots
    files: tuple[ModelFile, ...]
    metrics: Mapping[str, float]
    params: Mapping[str, str]


def is_over(run: RunRecord | None) -> bool:
    """Whether nothing more is said of a version by its run."""
    return run is None or run.status not in {QUEUED, RUNNING}


def content_of(given: Given, run: RunRecord | None) -> Content:
    """The content of a version, as far as its run has come."""
    slots: dict[str, dict[str, Any]] = {}
    for slot in SLOTS:
        said = _SAYS[slot](run, given) if run and slot in _SAYS else {}
        if merged := _merged(said, given.slots.get(slot, {})):
            slots[slot] = merged
    slots.pop(TAGS, None)
    return Content(
        slots,
        (*given.files, *_more_files(given, run)),
        metrics(slots.get(EXPERIMENT, {})),
        _params(slots.get(GENERATION, {}), run),
    )


def in_order(slots: Slots, tags: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """The slots of which something is known, in their order, with what the version is tagged."""
    known = {**slots, TAGS: dict(tags)} if tags else slots
    return {slot: known[slot] for slot in SLOTS if slot in known}


def as_pairs(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as texts, as params and tags are kept; what is too long is left out."""
    found = {}
    for key, value in values.items():
        with suppress(DevboxError):
            if key and len(key) <= LONGEST_KEY and value is not None:
                found[key] = checked_text(key, value)
    return found


def number_of(text: str) -> float | None:
    """The number that a text stands for, if any."""
    with suppress(ValueError):
        return float(text) if len(text) <= LONGEST_NUMBER else None
    return None


def _merged(said: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """What was stated goes before what the run says, where it is not empty; lists and metrics of
    both are kept."""
    found = dict(said)
    for key, value in stated.items():
        before = found.get(key)
        if value in ("", None, [], {}) and key in found:
            continue
        if key == "metrics" and isinstance(before, dict) and isinstance(value, dict):
            found[key] = before | value
        elif key in {"inputs", "plots"} and isinstance(before, list) and isinstance(value, list):
            found[key] = [*value, *(item for item in before if item not in value)]
        else:
            found[key] = value
    return found


def _params(generation: Mapping[str, Any], run: RunRecord | None) -> dict[str, str]:
    return (dict(run.params) if run else {}) | as_pairs(table(generation, "hyperparameters"))


def _more_files(given: Given, run: RunRecord | None) -> list[ModelFile]:
    """What the run kept that belongs into a slot: the uncommitted changes, plots."""
    known = {file.path for file in given.files}
    found = []
    for artifact in run.artifacts if run else ():
        slot = _slot_of(artifact.path)
        if slot and artifact.path not in known:
            found.append(ModelFile(slot, artifact.path, artifact.digest, artifact.size))
    return found


def _slot_of(path: str) -> str:
    if path == DIFF:
        return GENERATION
    if path.startswith(REGISTERED):
        return ""
    pure = PurePosixPath(path)
    if pure.suffix.lower() in PLOTS:
        return EXPERIMENT
    return DEPENDENCIES if pure.name == "devbox.lock" else ""


def _dependencies(run: RunRecord, given: Given) -> dict[str, Any]:
    names = ("python", "platform", "packages", "image", "lock")
    found = {name: run.environment[name] for name in names if run.environment.get(name)}
    for file in (*_more_files(given, run), *given.files):
        if file.slot == DEPENDENCIES:
            found.setdefault("lock", file.path)
    if run.box:
        found["box"] = run.box
    return found


def _data(run: RunRecord, given: Given) -> dict[str, Any]:
    """The inputs of the run that were not named at registering."""
    stated = inputs(given.slots.get(DATA, {}))
    known = {(each.get("name"), str(each.get("version") or "")) for each in stated}
    more = [
        {"name": each.name, "version": each.version, "digest": each.digest, "uri": each.uri}
        for each in run.inputs
        if (each.name, each.version) not in known
    ]
    return {"inputs": more} if more else {}


def _generation(run: RunRecord, _: Given) -> dict[str, Any]:
    names = ("commit", "branch", "remote", "dirty", "root")
    found = {name: run.code[name] for name in names if name in run.code}
    if any(artifact.path == DIFF for artifact in run.artifacts):
        found["diff"] = DIFF
    if run.command:
        found |= {"command": list(run.command), "folder": run.folder}
    if run.params:
        found["hyperparameters"] = dict(run.params)
    return found


def _experiment(run: RunRecord, given: Given) -> dict[str, Any]:
    logged = {key: value for key, value in run.metrics.items() if not key.startswith(SYSTEM)}
    found: dict[str, Any] = {"run": run.id}
    plots = [file.path for file in _more_files(given, run) if file.slot == EXPERIMENT]
    if logged:
        found["metrics"] = logged
    if plots:
        found["plots"] = plots
    return found


_SAYS = {
    DEPENDENCIES: _dependencies,
    DATA: _data,
    GENERATION: _generation,
    EXPERIMENT: _experiment,
}
