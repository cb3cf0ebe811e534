"""Taking runs of MLflow in: each is written as a journal, whole, and goes the way of all runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from devbox.errors import DevboxError
from devbox.journal import artifacts
from devbox.journal.checks import LONGEST_KEY, checked_key, checked_step
from devbox.journal.ids import new_id
from devbox.journal.run import CANCELLED, FAILED, SUCCEEDED, Run
from devbox.journal.writer import Journal
from devbox.runs.mlflow import records
from devbox.runs.mlflow.places import Places
from devbox.runs.mlflow.records import MlLoggedModel, MlPoint, MlRun, Store

RUN_TAG = "mlflow.run_id"
PARENT = "mlflow.parentRunId"
LOGGED = "models"
"""The folder, among the files of a run, of the models that it has logged (MLflow 3)."""
BATCH = 2000
_ENDS = {records.FINISHED: SUCCEEDED, records.FAILED: FAILED, records.KILLED: CANCELLED}
_CODE = {"commit": "commit", "branch": "branch", "repoURL": "remote"}


@dataclass
class Taken:
    """What became of the runs of a store: ``ids`` ours for theirs, ids of those that came, of those
    that were here, and what could not be taken of them."""

    ids: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def our_id(run: str, started: int) -> str:
    """The id that a run of MLflow has here, always the same: a UUID of version 7 with the time of
    its start (ms), and a part of the digest of its own id in place of what is random. Pure."""
    random = int.from_bytes(hashlib.sha256(f"mlflow:{run}".encode()).digest()[:10], "big")
    time = min(max(started, 0), (1 << 48) - 1)
    low, high = random & ((1 << 62) - 1), random >> 62 & 4095
    return f"{time << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"


class Taking:
    """Takes the runs of one store in. ``spool`` is where runs come in, ``known`` tells which of
    some ids are here or were removed, ``arrived`` is told of each that was put into the spool."""

    def __init__(
        self,
        store: Store,
        spool: Path,
        places: Places,
        known: Callable[[Sequence[str]], set[str]],
        arrived: Callable[[str], object],
    ) -> None:
        self._store = store
        self._spool = spool
        self._places = places
        self._known = known
        self._arrived = arrived

    def runs(self, *, dry_run: bool = False) -> Taken:
        """Take in all that are not here yet; with ``dry_run`` only tell which."""
        found = list(self._store.runs())
        ids = {run.id: our_id(run.id, run.started) for run in found}
        taken = Taken(ids)
        here = self._known(list(ids.values()))
        logged: dict[str, list[MlLoggedModel]] = {}
        for model in self._store.logged_models():
            logged.setdefault(model.run, []).append(model)
        for run in found:
            if ids[run.id] in here:
                taken.known.append(ids[run.id])
                continue
            taken.new.append(ids[run.id])
            if not dry_run:
                parent = ids.get(run.tags.get(PARENT, ""), "")
                taken.problems += self._take(run, ids[run.id], parent, logged.get(run.id, ()))
        return taken

    def _take(
        self, run: MlRun, number: str, parent: str, logged: Sequence[MlLoggedModel]
    ) -> list[str]:
        # Written aside, as who looks into the spool shall find all of it or nothing.
        draft = self._spool.parent / "importing" / new_id()
        try:
            made = Run(number, draft)
            try:
                problems = [
                    f"Run {run.id}: {problem}" for problem in self._write(made, run, parent, logged)
                ]
            finally:
                made.close()
            self._spool.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # somebody else imports it as well
                made.folder.rename(self._spool / number)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._arrived(number)
        return problems

    def _write(
        self, made: Run, run: MlRun, parent: str, logged: Sequence[MlLoggedModel]
    ) -> Iterator[str]:
        journal = Journal(made.folder, made.id)
        source = run.tags.get("mlflow.source.name", "")
        journal.note(
            "start",
            time=run.started * 1_000_000,
            parent=parent,
            name=run.name,
            experiment=_key(run.experiment),
            command=[source] if source else [],
            folder="",
            user=run.user,
            host="",
            box="",
        )
        code = {ours: run.tags.get(f"mlflow.source.git.{theirs}") for theirs, ours in _CODE.items()}
        if any(code.values()):
            journal.note("code", **{key: value for key, value in code.items() if value})
        for log, pairs in ((made.log_param, run.params), (made.set_tag, run.tags)):
            for key, value in pairs.items():
                yield from _tried(lambda log=log, key=key, value=value: log(key, value))  # type: ignore[misc]
        made.set_tag(RUN_TAG, run.id)
        for read in run.inputs:
            uri = _uri(read.source)
            yield from _tried(
                lambda read=read, uri=uri: made.log_input(read.name, digest=read.digest, uri=uri)  # type: ignore[misc]
            )
            if read.context:
                yield from _tried(
                    lambda read=read: made.set_tag(f"input/{read.name}", read.context)  # type: ignore[misc]
                )
        yield from _points(journal, self._store.points(run))
        yield from self._files(made, run.artifacts, "")
        for model in logged:
            yield from self._files(made, model.artifacts, f"{LOGGED}/{model.id}/")
        if run.status in _ENDS:
            ended = (run.ended or run.started) * 1_000_000
            journal.note("end", time=ended, status=_ENDS[run.status], error="")
        journal.close()

    def _files(self, made: Run, said: str, below: str) -> Iterator[str]:
        try:
            folder = self._places.folder(said)
            if folder is None:
                return
            for place, file in self._places.files(folder):
                for kept in artifacts.keep(file, below + place, made.folder):
                    made.note("artifact", **kept)
        except DevboxError as error:
            yield f"{error.message} {error.hint}".strip()


def _points(journal: Journal, points: Iterator[MlPoint]) -> Iterator[str]:
    lines: list[str] = []
    bad: set[str] = set()
    for point in points:
        try:
            key, step = checked_key(point.key), checked_step(point.key, point.step)
        except DevboxError as error:
            if point.key not in bad:
                bad.add(point.key)
                yield error.message
            continue
        lines.append(f"m {max(point.time, 0) * 1_000_000} {step} {point.value!r} {key}\n")
        if len(lines) >= BATCH:
            journal.write("".join(lines).encode())
            lines.clear()
    if lines:
        journal.write("".join(lines).encode())


def _tried(act: Callable[[], None]) -> Iterator[str]:
    """What is wrong with what can't be logged here, if anything."""
    try:
        act()
    except DevboxError as error:
        yield error.message


def _key(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()[:LONGEST_KEY]


def _uri(source: str) -> str:
    """Where a dataset is, of what MLflow says about it as JSON."""
    with suppress(ValueError):
        said = json.loads(source)
        if isinstance(said, dict):
            for field_ in ("uri", "url", "path", "table_name"):
                if isinstance(said.get(field_), str):
                    return str(said[field_])
    return source[:1000]
