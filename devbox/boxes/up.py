"""`up`: from a spec to a plan, and from the plan to a box that is ready."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devbox.boxes.compose import document, document_hash, volume_names
from devbox.boxes.desire import Wanted
from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.boxes.plan import Act, Plan, make_plan
from devbox.boxes.start import Starter
from devbox.boxes.store import BoxStore, Record
from devbox.compute.engine.types import Container, Engine
from devbox.config.spec import BoxSpec
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report

Offer = Callable[[str], bool]


class Bringer:
    """Plans and does `up` on one engine. Needs to be the only one at work on a box."""

    def __init__(
        self, engine: Engine, wanted: Wanted, store: BoxStore, starter: Starter, home: Path
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._store = store
        self._starter = starter
        self._home = home

    def plan(self, spec: BoxSpec) -> Plan:
        """What `up` would do: what is wanted on this machine, held against what there is."""
        box = self._wanted.id(spec)
        containers = self._engine.containers(box.labels)
        record = self._store.get(box)
        _check_project(box, spec, containers, record)
        desired = self._wanted.of(spec, containers)
        doc = document(desired)
        missing = self._missing_images(spec, doc, containers)
        finished = self._starter.finished(containers, record)
        return make_plan(
            box, desired.spec, doc, build=missing, containers=containers, finished=finished
        )

    def check(self, plan: Plan, spec: BoxSpec) -> None:
        """Raise DevboxError where this machine can't do what a plan says."""
        containers = self._engine.containers(plan.id.labels)
        self._wanted.check(spec, self._wanted.of(spec, containers).spec, containers)

    def apply(
        self, plan: Plan, spec: BoxSpec, report: Report, offer: Offer, *, rebuild: bool
    ) -> None:
        """Do what a plan says. What exists stays as it is until its images are there."""
        box = plan.id
        self.check(plan, spec)
        if plan.build or rebuild:
            self._wanted.build(spec, report, offer, again=rebuild)
        self._store.put(_starting(plan, spec, self._store.get(box)))
        self._make_volumes(plan)
        file = write_compose(folder_of(self._home, box), plan.document)
        report(Progress("start", box.name, plan.reason))
        for change in plan.changes:
            report(Progress("change", change.key, change.text))
        try:
            self._engine.compose_up(box.project, file, report=_as_log(report))
        except DevboxError:
            # A box that never was is not left half-made; one that was keeps what it has.
            if plan.act is Act.CREATE:
                self._engine.compose_down(box.project)
                self._store.forget(box)
            raise
        self._starter.finish(self._engine.containers(box.labels), report)

    def _missing_images(
        self, spec: BoxSpec, doc: Mapping[str, Any], containers: Sequence[Container]
    ) -> tuple[str, ...]:
        image = doc["services"][BOX_SERVICE]["image"]
        if any(c.image == image and c.state == "running" for c in containers):
            return ()  # what runs is there: saves a call where nothing changed
        return self._wanted.missing(spec)

    def _make_volumes(self, plan: Plan) -> None:
        # Made here and external to Compose, which would not share the cache between projects.
        cache = plan.document["volumes"]["cache"]["name"]
        for name in volume_names(plan.document):
            labels = {Label.OWNER: plan.id.owner} if name == cache else plan.id.labels
            self._engine.create_volume(name, labels)


def _as_log(report: Report) -> Report:
    """What Compose says of each container is output of the work, not a step of ours."""
    return lambda progress: report(dataclasses.replace(progress, log=True))


def folder_of(home: Path, box: BoxId) -> Path:
    """devbox's own folder of a box."""
    return home / "boxes" / f"{box.owner}-{box.name}"


def compose_yaml(doc: Mapping[str, Any]) -> str:
    """A Compose document as a file."""
    import yaml

    # Without allow_unicode: PyYAML leaves U+0085 as it is, which a reader takes for a line break.
    return yaml.safe_dump(dict(doc), sort_keys=False, width=100)


def write_compose(folder: Path, doc: Mapping[str, Any]) -> Path:
    """Write a box's Compose file, whole or not at all: as JSON, which is YAML and ten times
    faster to write."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "compose.json"
    draft = folder / "compose.json.new"
    draft.write_text(json.dumps(doc, indent=2))
    draft.replace(file)
    return file


def _check_project(
    box: BoxId, spec: BoxSpec, containers: Sequence[Container], record: Record | None
) -> None:
    paths = {c.labels.get(Label.PROJECT, "") for c in containers}
    paths |= {record.project} if record else set()
    other = sorted(paths - {str(spec.project), ""})
    if other:
        raise UsageError(
            f"The name {box.name} belongs to the box of {other[0]}.",
            hint="Give this one another `name` in devbox.toml,"
            f" or remove that one: `devbox rm {box.name}`.",
        )


def _starting(plan: Plan, spec: BoxSpec, known: Record | None) -> Record:
    record = Record(
        id=plan.id,
        project=str(spec.project),
        profile=spec.profile,
        config=document_hash(plan.document),
        image=plan.document["services"][BOX_SERVICE]["image"],
        container="",
        started=0.0,
        phase="starting",
    )
    return dataclasses.replace(record, container=known.container) if known else record
