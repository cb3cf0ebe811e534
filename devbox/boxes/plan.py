"""What `up` would do and why: from what should be and what is. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devbox.boxes.compose import DesiredBox, document_hash, summary
from devbox.boxes.containers import own_of, service_of
from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.compute.engine.types import Container


class Act(StrEnum):
    """What happens to a box as a whole."""

    NOTHING = "nothing"
    CREATE = "create"
    START = "start"
    RECREATE = "recreate"
    FINISH = "finish"


@dataclass(frozen=True)
class Change:
    """One setting that differs; ``before`` or ``after`` is None where it was or becomes unset."""

    key: str
    before: Any
    after: Any

    @property
    def text(self) -> str:
        """Both values for a person."""
        return f"{_shown(self.key, self.before)} -> {_shown(self.key, self.after)}"


@dataclass(frozen=True)
class Found:
    """What there is of a box: its containers, the image tags that are not built yet, and whether
    an earlier `up` brought this very start to its end (hooks, files)."""

    containers: tuple[Container, ...] = ()
    missing: tuple[str, ...] = ()
    finished: bool = True
    stopping: bool = False


@dataclass(frozen=True)
class Plan:
    """The plan of one `up`.

    ``build`` lists the image tags that are built first, in order; ``rebuild`` says that they are
    built from scratch. ``found`` is what it was made for.
    """

    desired: DesiredBox
    found: Found
    act: Act
    reason: str
    changes: tuple[Change, ...]
    build: tuple[str, ...]
    rebuild: bool = False

    @property
    def id(self) -> BoxId:
        """The box that is planned for."""
        return self.desired.id

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.act is Act.NOTHING


def make_plan(desired: DesiredBox, found: Found, *, rebuild: bool = False) -> Plan:
    """Hold what is desired against what there is."""
    act, reason = _act(desired.document, found)
    build = found.missing
    if rebuild:
        build = tuple(step.tag for recipe in desired.recipes for step in recipe.steps)
        if act is not Act.CREATE:
            act, reason = Act.RECREATE, "its images are built again"
    changes = tuple(_changes(desired, found)) if act is Act.RECREATE else ()
    return Plan(desired, found, act, reason, changes, build, rebuild)


def _changes(desired: DesiredBox, found: Found) -> Iterator[Change]:
    old = own_of(found.containers)
    if old is None:
        return
    yield from spec_changes(_stored(old), summary(desired.spec))
    # Files that go into an image (requirements, a Dockerfile) change it without changing a key.
    image = desired.document["services"][BOX_SERVICE]["image"]
    before = old.labels.get(Label.IMAGE, old.image)
    if before != image:
        yield Change("(image)", before, image)


def spec_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The settings that differ between two summaries, by dotted key, sorted."""
    old, new = dict(_flat(before)), dict(_flat(after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Change(key, old.get(key), new.get(key))


def _act(document: Mapping[str, Any], now: Found) -> tuple[Act, str]:
    wanted = set(document["services"])
    found = {service_of(container): container for container in now.containers}
    if not found:
        return Act.CREATE, "the box does not exist yet"
    digest = document_hash(document)
    if any(c.labels.get(Label.CONFIG) != digest for name, c in found.items() if name in wanted):
        return Act.RECREATE, "the configuration changed"
    if missing := sorted(wanted - found.keys()):
        return Act.RECREATE, f"missing: {', '.join(missing)}"
    if extra := sorted(found.keys() - wanted):
        return Act.RECREATE, f"no longer wanted: {', '.join(extra)}"
    if down := sorted(name for name in wanted if found[name].state != "running"):
        return Act.START, f"not running: {', '.join(down)}"
    if now.stopping:
        return Act.START, "an earlier stop was not finished"
    if not now.finished:
        return Act.FINISH, "an earlier start was not finished"
    return Act.NOTHING, "up to date"


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "unset"
    if key.endswith(("memory", "shm_size")) and isinstance(value, int):
        return f"{value / (1 << 30):g} GiB"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _stored(container: Container) -> Mapping[str, Any]:
    try:
        stored = json.loads(container.labels.get(Label.SPEC, "{}"))
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item
