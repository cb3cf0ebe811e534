"""From started containers to a box that is ready: init done, services healthy, files, hooks."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.containers import id_of, own_of, service_of, spec_of
from devbox.boxes.files import give_files
from devbox.boxes.hooks import Inside, run_hooks, run_on_create
from devbox.boxes.identity import Label, User
from devbox.boxes.ready import wait_healthy, wait_ready
from devbox.boxes.store import READY, BoxStore, Record
from devbox.compute.engine.types import Container, Engine
from devbox.config.spec import Hooks
from devbox.errors import DevboxError
from devbox.journal.places import BOX_FACTS
from devbox.progress import Progress, Report

if TYPE_CHECKING:
    from devbox.boxes.here import ThisMachine
    from devbox.boxes.private import Given

GIVEN = "given"
"""In devbox's folder of a box: the digest of the files that it got, where nothing is secret."""


class Starter:
    """Finishes starts, and knows which one it has finished. ``home`` is devbox's own folder."""

    def __init__(self, engine: Engine, store: BoxStore, here: ThisMachine, home: Path) -> None:
        self._engine = engine
        self._store = store
        self._here = here
        self._home = home

    def finished(self, containers: Sequence[Container], record: Record | None) -> bool:
        """Whether this very start of the box's container was brought to its end."""
        own = own_of(containers)
        if own is None or record is None or record.phase != READY or own.id != record.container:
            return False
        current = self._engine.container(own.id)
        return current is not None and current.started == record.started

    def gather(self, containers: Sequence[Container]) -> Given:
        """What a box that exists is given at a start: its secrets are those it was made with.

        Raises UsageError where the value of a secret cannot be had.
        """
        own = own_of(containers)
        labels = own.labels if own else {}
        secrets = tuple(map(str, spec_of(labels).get("secrets", ())))
        return self._here.private.gather(secrets, Path(labels.get(Label.PROJECT, "/")))

    def finish(self, containers: Sequence[Container], given: Given, report: Report) -> None:
        """Wait until all is ready, give the box its files, run its hooks and remember that.

        The hooks are those that the box was made with. Raises DevboxError where the box or a
        service ends or stays unhealthy, HookFailed where a hook fails; the next `up` goes on.
        """
        own = own_of(containers)
        current = self._engine.container(own.id) if own else None
        if current is None or current.state != "running":
            raise DevboxError("The box stopped while it was starting.", hint="See `devbox logs`.")
        files = {**given.files, BOX_FACTS.name: _facts(current)}
        with self._giving(current, dataclasses.replace(given, files=files), report):
            for service in containers:
                if service.id != current.id and (inspected := self._engine.container(service.id)):
                    wait_healthy(self._engine, service_of(service), inspected, report)
            wait_ready(self._engine, current, report)
        hooks = hooks_of(current)
        with self._inside(current, report, hooks=bool(hooks.on_create or hooks.on_start)) as inside:
            self._dotfiles(inside, report)
            run_on_create(inside, hooks, report)
            run_hooks(inside, "on_start", hooks, report)
        self._store.put(_ready(current, self._store.get(id_of(current))))

    def has_all(self, containers: Sequence[Container]) -> bool:
        """Whether a box that is up has what it is given, known without asking the box."""
        own = own_of(containers)
        if own is None:
            return True
        known = self._here.private.known(spec_of(own.labels).get("secrets", ()))
        return bool(known) and known == self._known(own)

    def refresh(self, containers: Sequence[Container]) -> tuple[str, ...]:
        """Give a box that is up what is not the same any more, as the only one at work on it;
        returns what a person should know.

        The box itself is asked only where something may have changed.
        """
        from devbox.boxes.private import meaning

        own = own_of(containers)
        if own is None or self.has_all(containers):
            return ()
        given = self.gather(containers)
        changed = give_files(self._engine, own.id, User.of(own.labels), given.files)
        self._know(own, given)
        if not changed:
            return given.warnings
        what = meaning(changed)
        note = f"Updated in the box: {what}. Programs that run there keep what they had."
        return (*given.warnings, note)

    def attach(self, own: Container, report: Report) -> None:
        """Run the on_attach hooks that a box was made with. Raises HookFailed."""
        from devbox.boxes.secrets import remember_given

        # This process has not read the secrets itself, and must not show them either.
        secrets = spec_of(own.labels).get("secrets", ())
        remember_given(self._engine, own.id, User.of(own.labels), secrets)
        with self._inside(own, report) as inside:
            run_hooks(inside, "on_attach", hooks_of(own), report)

    @contextmanager
    def _inside(self, own: Container, report: Report, *, hooks: bool = True) -> Iterator[Inside]:
        """Where hooks run; with the person's ssh agent where they want that and there are any."""
        inside = Inside(self._engine, own.id, User.of(own.labels))
        if not (hooks and self._here.settings.ssh_agent):
            yield inside
            return
        from devbox.boxes.ssh import ssh_access
        from devbox.boxes.ssh.agent import agent_forwarded

        box = id_of(own)
        with ExitStack() as stack:
            try:
                access = ssh_access(self._home, box, own.id, self._engine.address)
                env = stack.enter_context(agent_forwarded(access))
            except DevboxError as error:
                # A hook that needs it says so itself.
                report(Progress("note", box.name, f"warning: {error.message}"))
                env = {}
            yield dataclasses.replace(inside, env=env)

    def _dotfiles(self, inside: Inside, report: Report) -> None:
        settings = self._here.settings
        if settings.dotfiles is None:
            return
        from devbox.boxes.dotfiles import apply_dotfiles, latest

        if copy := latest(settings.dotfiles, settings.network, self._home, report):
            apply_dotfiles(inside, settings.dotfiles, copy, report)

    @contextmanager
    def _giving(self, own: Container, given: Given, report: Report) -> Iterator[None]:
        """Give a box its files while it is waited for: a command in it takes as long as its init
        script does."""
        box = id_of(own).name
        for warning in given.warnings:
            report(Progress("note", box, warning))
        for host in given.hosts:
            report(Progress("git", box, f"git in the box has your credentials for {host}"))
        failed: list[Exception] = []

        def give() -> None:
            try:
                give_files(self._engine.fresh(), own.id, User.of(own.labels), given.files)
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                failed.append(error)

        thread = threading.Thread(target=give)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        if failed:
            raise failed[0]
        self._know(own, given)

    def _known(self, own: Container) -> str:
        try:
            return (id_of(own).folder(self._home) / GIVEN).read_text()
        except (OSError, ValueError):
            return ""

    def _know(self, own: Container, given: Given) -> None:
        folder = id_of(own).folder(self._home)
        # Without it, the next `up` asks the box.
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / GIVEN).write_text(given.known)


def hooks_of(container: Container) -> Hooks:
    """The hooks that a box was made with."""
    try:
        stored = spec_of(container.labels).get("hooks", {})
        commands = {name: tuple(value) for name, value in stored.items() if name != "timeout"}
        return Hooks(**commands, timeout=float(stored.get("timeout", Hooks.timeout)))
    except (ValueError, TypeError, AttributeError):
        return Hooks()


def _facts(container: Container) -> bytes:
    """What a box was made from, for runs in it to write down."""
    labels = container.labels
    facts = {
        "box": labels.get(Label.BOX, ""),
        "owner": labels.get(Label.OWNER, ""),
        "image": container.image_id,
        "image_tag": labels.get(Label.IMAGE, container.image),
        "profile": labels.get(Label.PROFILE, ""),
        "config": labels.get(Label.CONFIG, ""),
    }
    return json.dumps(facts).encode()


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
