"""What a sweep has done so far, where whoever resumes it finds it: a file beside the runs, a line
for each trial that is over."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.journal.ids import is_id
from devbox.journal.places import spool

FOLDER = "sweeps"
FINISHED = "succeeded"


@dataclass(frozen=True)
class Trial:
    """One point that was tried: its number from 0, its run, what it was made with, the metric in
    the end (None where there is none), and how its run ended."""

    number: int
    run: str
    params: Mapping[str, Any]
    value: float | None
    status: str
    error: str = ""


@dataclass
class SweepFile:
    """A sweep on disk. ``plan`` is what it searches and how, as JSON; ``trials`` those that are
    over."""

    id: str
    plan: dict[str, Any]
    trials: list[Trial] = field(default_factory=list)

    def make(self) -> None:
        """Begin the file."""
        self._append(self.plan)

    def add(self, trial: Trial) -> None:
        """Keep a trial that is over."""
        self.trials.append(trial)
        self._append({**vars(trial), "params": dict(trial.params)})

    def _append(self, line: Mapping[str, Any]) -> None:
        path = _path(self.id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DevboxError(f"The sweep can't be written to {path}: {error.strerror}.") from error


def load(start: str) -> SweepFile:
    """A sweep by its id or the beginning of one. Raises UsageError where there is none, or
    several begin so."""
    folder = _path("").parent
    found = [path.stem for path in folder.glob("*.jsonl") if is_id(path.stem)]
    found = sorted(each for each in found if start and each.startswith(start.lower()))
    if len(found) != 1:
        what = f"Several sweeps begin with {start}." if found else f"No sweep {start[:40]} here."
        raise UsageError(what, hint="A sweep is resumed by the id of its run, where it ran.")
    plan, *rest = _lines(_path(found[0])) or [{}]
    made = SweepFile(found[0], plan)
    for line in rest:
        if line.keys() >= {"number", "run", "params", "value", "status"}:
            made.trials.append(Trial(**{key: line[key] for key in _FIELDS if key in line}))
    return made


_FIELDS = tuple(Trial.__dataclass_fields__)


def _path(sweep: str) -> Path:
    return spool() / FOLDER / f"{sweep}.jsonl"


def _lines(path: Path) -> list[dict[str, Any]]:
    return list(_parsed(path.read_text(encoding="utf-8")))


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:  # the last one, cut off
            continue
        if isinstance(value, dict):
            yield value
