"""From started containers to a box that is ready: init done, services healthy, files, hooks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

from devbox.boxes.containers import id_of, own_of, service_of
from devbox.boxes.files import give_files
from devbox.boxes.hooks import run_hooks, run_on_create
from devbox.boxes.identity import Label, User
from devbox.boxes.ready import wait_healthy, wait_ready
from devbox.boxes.store import READY, BoxStore, Record
from devbox.compute.engine.types import Container, Engine
from devbox.config.spec import Hooks
from devbox.errors import DevboxError
from devbox.progress import Report


class Starter:
    """Finishes starts, and knows which one it has finished."""

    def __init__(
        self, engine: Engine, store: BoxStore, files: Callable[[], Mapping[str, bytes]]
    ) -> None:
        self._engine = engine
        self._store = store
        self._files = files

    def finished(self, containers: Sequence[Container], record: Record | None) -> bool:
        """Whether this very start of the box's container was brought to its end."""
        own = own_of(containers)
        if own is None or record is None or record.phase != READY or own.id != record.container:
            return False
        current = self._engine.container(own.id)
        return current is not None and current.started == record.started

    def finish(self, containers: Sequence[Container], report: Report) -> None:
        """Wait until all is ready, give the box its files, run its hooks and remember that.

        The hooks are those that the box was made with. Raises DevboxError where the box or a
        service ends or stays unhealthy, HookFailed where a hook fails; the next `up` goes on.
        """
        own = own_of(containers)
        current = self._engine.container(own.id) if own else None
        if current is None or current.state != "running":
            raise DevboxError("The box stopped while it was starting.", hint="See `devbox logs`.")
        for service in containers:
            if service.id != current.id and (inspected := self._engine.container(service.id)):
                wait_healthy(self._engine, service_of(service), inspected, report)
        wait_ready(self._engine, current, report)
        user = User.of(current.labels)
        hooks = hooks_of(current)
        give_files(self._engine, current.id, user, self._files())
        run_on_create(self._engine, current.id, user, hooks.on_create, report)
        run_hooks(self._engine, current.id, user, "on_start", hooks.on_start, report)
        self._store.put(_ready(current, self._store.get(id_of(current))))


def hooks_of(container: Container) -> Hooks:
    """The hooks that a box was made with."""
    try:
        stored = json.loads(container.labels.get(Label.SPEC, "{}")).get("hooks", {})
        return Hooks(**{name: tuple(commands) for name, commands in stored.items()})
    except (ValueError, TypeError, AttributeError):
        return Hooks()


def _ready(container: Container, record: Record | None) -> Record:
    labels = container.labels
    known = record or Record(
        id=id_of(container),
        project=labels.get(Label.PROJECT, ""),
        profile=labels.get(Label.PROFILE, ""),
        config=labels.get(Label.CONFIG, ""),
        image=container.image,
        container="",
        started=0.0,
        phase="",
    )
    return dataclasses.replace(
        known, container=container.id, started=container.started, phase=READY
    )
