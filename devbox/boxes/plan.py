"""What `up` would do and why: from what should be and what is. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devbox.boxes.byhand import NOTHING, ByHand
from devbox.boxes.compose import DesiredBox, document_hash, summary
from devbox.boxes.containers import own_of, service_of, spec_of
from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.boxes.work import Ending, Work
from devbox.compute.engine.types import Container
from devbox.config.units import format_duration, format_size


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
    def lines(self) -> tuple[str, ...]:
        """The difference for a person: of lists what comes and what goes, else both values."""
        if not (_is_list(self.before) and _is_list(self.after)):
            return (f"{_shown(self.key, self.before)} -> {_shown(self.key, self.after)}",)
        old = [_shown(self.key, item) for item in self.before or ()]
        new = [_shown(self.key, item) for item in self.after or ()]
        gone = [f"- {item}" for item in old if item not in new]
        come = [f"+ {item}" for item in new if item not in old]
        return (*gone, *come) or (f"in another order: {', '.join(new)}",)


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
    built from scratch. ``found`` is what it was made for. ``work`` is what runs in the box and
    would end, ``lost`` what was installed in it by hand and would be gone.
    """

    desired: DesiredBox
    found: Found
    act: Act
    reason: str
    changes: tuple[Change, ...]
    build: tuple[str, ...]
    rebuild: bool = False
    work: tuple[Work, ...] = ()
    lost: ByHand = NOTHING

    @property
    def replaces(self) -> Container | None:
        """The box's own container where there is one and another takes its place."""
        own = own_of(self.found.containers)
        if self.act is not Act.RECREATE or own is None:
            return None
        same = own.labels.get(Label.CONFIG) == document_hash(self.desired.document)
        return None if same and not self.rebuild else own

    @property
    def ending(self) -> Ending:
        """What it ends in the box."""
        return Ending(self.id.name, "up", self.work, self.lost)

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
    yield from spec_changes(spec_of(old.labels), summary(desired.spec))
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


def _are_named(items: Any) -> bool:
    return isinstance(items, Sequence) and all(
        isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in items
    )


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, list)


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "unset"
    if key.endswith(("memory", "shm_size")) and isinstance(value, int):
        return format_size(value)
    if key == "stop_after" and isinstance(value, (int, float)):
        return format_duration(value)
    if key.endswith("ports") and isinstance(value, Mapping) and "container" in value:
        outside = f"{value.get('address', '')}:{value.get('host', '')}:".lstrip(":")
        return f"{outside}{value['container']}/{value.get('protocol', 'tcp')}"
    if isinstance(value, Mapping) and {"source", "target"} <= value.keys():
        return f"{value['source']}:{value['target']}" + (":ro" if value.get("read_only") else "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        elif key == "services" and _are_named(item):
            yield from _flat({each["name"]: each for each in item}, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item
