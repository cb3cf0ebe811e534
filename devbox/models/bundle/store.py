"""What a bundle holds of the state, and what it becomes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devbox.models.bundle.manifest import Manifest
from devbox.models.bundle.out import ALIASES
from devbox.models.content import Given
from devbox.models.records import ModelVersion
from devbox.models.refs import Ref
from devbox.models.store import ModelStore
from devbox.models.store.registering import New
from devbox.runs.store import RunStore
from devbox.state import State


class BundleStore:
    """Runs and versions of one state file, as bundles have them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.runs = RunStore(state)
        self._models = ModelStore(state)

    def add(self, manifest: Manifest, model: str) -> tuple[ModelVersion, bool]:
        """Make the version of a bundle the next one of a model, in a transaction of the caller's;
        the version, and whether it is new."""
        told = manifest.version
        first = not self._models.models(model)
        new = self._models.add(
            New(
                name=model,
                id=told.id,
                created=told.created,
                user=told.user,
                run=told.run,
                description=told.description,
                tags=told.tags,
                given=Given(told.slots, told.files),
            )
        )
        made = new or self._models.by_id(told.id)
        assert made is not None
        if new:
            if first and manifest.model.description:
                self._models.describe(Ref(model), manifest.model.description)
            self._state.events.append(
                f"model/{model}",
                "model.imported",
                version=made.version,
                was=f"{manifest.model.name}@{told.number}",
            )
        return made, new is not None

    def history(self, version: ModelVersion) -> Sequence[Mapping[str, Any]]:
        """What became of the aliases of a version, oldest first."""
        found = []
        for event in self._state.events.ls(subject=f"model/{version.model}", kind="model.*alias"):
            if event.kind in ALIASES and version.version in {
                event.data.get("version"),
                event.data.get("before"),
            }:
                told = {"time": event.time, "actor": event.actor, "kind": event.kind}
                found.append({**told, "data": dict(event.data)})
        return found
