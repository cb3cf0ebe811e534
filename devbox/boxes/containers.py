"""Which container of a box is which."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from devbox.boxes.identity import BoxId, Label
from devbox.compute.engine.types import Container


def service_of(container: Container) -> str:
    """The name that a container has in devbox.toml; the box's own is "box"."""
    return container.labels.get("com.docker.compose.service", container.name)


def own_of(containers: Sequence[Container]) -> Container | None:
    """The box's own container, the one that people work in."""
    return next((c for c in containers if c.labels.get(Label.ROLE) == "box"), None)


def box_first(containers: Sequence[Container]) -> list[Container]:
    """The box's own container, then its services by name."""
    return sorted(containers, key=lambda c: (c.labels.get(Label.ROLE) != "box", c.name))


def spec_of(labels: Mapping[str, str]) -> Mapping[str, Any]:
    """What a box was made from, as far as its label can be read."""
    try:
        stored = json.loads(labels.get(Label.SPEC, "{}"))
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}


def id_of(container: Container) -> BoxId:
    """The box that a container belongs to."""
    return BoxId(container.labels[Label.OWNER], container.labels[Label.BOX])
