"""What `up` would do and why: from what should be and what is. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devbox.boxes.compose import document_hash, summary
from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.compute.engine.types import Container
from devbox.config.spec import BoxSpec


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
class Plan:
    """The plan of one `up`.

    ``build`` lists the image tags that must be built first, in order. ``document`` is the Compose
    document that will hold afterwards.
    """

    id: BoxId
    act: Act
    reason: str
    changes: tuple[Change, ...]
    build: tuple[str, ...]
    document: Mapping[str, Any]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.act is Act.NOTHING and not self.build


def make_plan(
    box: BoxId,
    spec: BoxSpec,
    document: Mapping[str, Any],
    *,
    build: Sequence[str],
    containers: Sequence[Container],
    finished: bool,
) -> Plan:
    """Compare the document with the containers there are.

    ``finished`` tells whether an earlier `up` of the running container came to its end (hooks,
    files); where one was interrupted, it is finished now.
    """
    act, reason = _act(document, containers, finished=finished)
    old = next((c for c in containers if _service_of(c) == BOX_SERVICE), None)
    changes = tuple(_changes(old, spec, document)) if old and act is Act.RECREATE else ()
    return Plan(box, act, reason, changes, tuple(build), document)


def _changes(old: Container, spec: BoxSpec, document: Mapping[str, Any]) -> Iterator[Change]:
    yield from spec_changes(_stored(old), summary(spec))
    # Files that go into an image (requirements, a Dockerfile) change it without changing a key.
    image = document["services"][BOX_SERVICE]["image"]
    before = old.labels.get(Label.IMAGE, old.image)
    if before != image:
        yield Change("(image)", before, image)


def spec_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The settings that differ between two summaries, by dotted key, sorted."""
    old, new = dict(_flat(before)), dict(_flat(after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Change(key, old.get(key), new.get(key))


def _act(
    document: Mapping[str, Any], containers: Sequence[Container], *, finished: bool
) -> tuple[Act, str]:
    wanted = set(document["services"])
    found = {_service_of(container): container for container in containers}
    if not found:
        return Act.CREATE, "the box does not exist yet"
    digest = document_hash(document)
    stale = sorted(
        name for name, c in found.items() if name in wanted and c.labels.get(Label.CONFIG) != digest
    )
    if stale:
        return Act.RECREATE, "the configuration changed"
    if missing := sorted(wanted - found.keys()):
        return Act.RECREATE, f"missing: {', '.join(missing)}"
    if extra := sorted(found.keys() - wanted):
        return Act.RECREATE, f"no longer wanted: {', '.join(extra)}"
    if down := sorted(name for name in wanted if found[name].state != "running"):
        return Act.START, f"not running: {', '.join(down)}"
    if not finished:
        return Act.FINISH, "an earlier start was not finished"
    return Act.NOTHING, "up to date"


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "unset"
    if key.endswith(("memory", "shm_size")) and isinstance(value, int):
        return f"{value / (1 << 30):g} GiB"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _service_of(container: Container) -> str:
    return container.labels.get("com.docker.compose.service", "")


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
