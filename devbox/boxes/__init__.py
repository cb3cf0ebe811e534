"""Boxes: from a resolved configuration to a running development environment, and back.

What only `up` needs is imported there: commands such as `exec` are as fast as their imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes.containers import box_first, id_of, service_of
from devbox.boxes.identity import BOX_SERVICE, BoxId, Label, User
from devbox.boxes.view import BoxView, by_box, view
from devbox.compute.engine.types import Container, Engine
from devbox.errors import DevboxError, SeveralBoxes, Unreachable, UsageError
from devbox.progress import Progress, Report, silent

if TYPE_CHECKING:
    from devbox.boxes.add import Added
    from devbox.boxes.here import ThisMachine
    from devbox.boxes.images import Images
    from devbox.boxes.lock.keep import Kept
    from devbox.boxes.lock.locking import Locked
    from devbox.boxes.plan import Plan
    from devbox.boxes.private import Given
    from devbox.boxes.remove import Removal
    from devbox.boxes.status import Status
    from devbox.boxes.store import BoxStore
    from devbox.boxes.up import Offer, Up, Workshop
    from devbox.boxes.work import Agree, Ending, Work
    from devbox.config import Project
    from devbox.config.spec import BoxSpec
    from devbox.state import State

__all__ = ["BOX_SERVICE", "BoxId", "BoxView", "Boxes", "User"]


class Boxes:
    """All boxes of one owner on one engine. ``state``, ``images`` and ``here`` are opened on first
    use; ``take_in`` keeps what runs in boxes have written down, before it goes with a box."""

    def __init__(
        self,
        engine: Engine,
        owner: str,
        home: Path,
        *,
        state: Callable[[], State],
        images: Callable[[], Images],
        here: Callable[[], ThisMachine],
        take_in: Callable[[], object] = lambda: None,
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._home = home
        self._state = state
        self._images = images
        self._here = here
        self._take_in = take_in

    # What there is

    def ls(self) -> tuple[BoxView, ...]:
        """Every box of the owner, by name. Boxes that are down are remembered in the state.

        Raises Unreachable where the engine does not answer.
        """
        containers = self._engine.containers({Label.OWNER: self._owner})
        found = by_box(containers)
        records = {record.id: record for record in self._store.ls(self._owner)}
        every = sorted(found.keys() | records.keys())
        views = [view(box, found.get(box, []), records.get(box)) for box in every]
        return self._with_idle(views, containers)

    def ids(self) -> tuple[BoxId, ...]:
        """Who all boxes of the owner are, by name."""
        return tuple(BoxId(self._owner, box.name) for box in self.ls())

    def get(self, name: str) -> BoxView:
        """One box by name. Raises UsageError where there is none."""
        box = BoxId(self._owner, name)
        containers = self._engine.containers(box.labels)
        record = self._store.get(box)
        if not containers and record is None:
            raise self._unknown(name)
        return view(box, containers, record)

    def containers(self, name: str) -> tuple[Container, ...]:
        """The containers of a box, none where it is down. Raises UsageError where there is no
        such box."""
        box = BoxId(self._owner, name)
        containers = self._engine.containers(box.labels)
        if not containers and self._store.get(box) is None and not self._engine.volumes(box.labels):
            raise self._unknown(name)
        return containers

    def of(self, root: Path) -> tuple[BoxView, ...]:
        """The boxes of the project in a folder, by name. Raises DevboxError where it has none."""
        labels = {Label.OWNER: self._owner, Label.PROJECT: str(root)}
        found = by_box(self._engine.containers(labels))
        records = {r.id: r for r in self._store.ls(self._owner) if r.project == str(root)}
        every = sorted(found.keys() | records.keys())
        if not every:
            raise DevboxError(
                f"{root} has no box yet.",
                hint="Run `devbox up` first; `devbox ps` lists all boxes.",
            )
        return tuple(view(box, found.get(box, []), records.get(box)) for box in every)

    def running(self, name: str | None, root: Path | None) -> tuple[BoxView, User]:
        """A running box to work in, by name or as the only one of a project, and its user.

        Raises DevboxError with what to do where it does not run. With the box up, this is a
        single call to the engine.
        """
        labels = {Label.OWNER: self._owner, Label.ROLE: "box"}
        labels |= {Label.BOX: name} if name else {Label.PROJECT: str(root)}
        own = self._engine.containers(labels) if name or root else ()
        if len(own) == 1 and own[0].state == "running":
            return view(id_of(own[0]), own, None), User.of(own[0].labels)
        box = self.get(name) if name else self._only(root)
        verb = "start" if box.state == "stopped" else "up"
        raise DevboxError(f"Box {box.name} is {box.state}.", hint=f"Run `devbox {verb}` first.")

    def status(
        self, name: str, spec_of: Callable[[BoxView], BoxSpec | None] = lambda _: None
    ) -> Status:
        """One box in full. ``spec_of`` reads what it should be, for what the next `up` would
        change; where it raises a DevboxError, the box is shown all the same."""
        from devbox.boxes.byhand import NOTHING, by_hand
        from devbox.boxes.status import Status, git_of, limits_of

        box = self.get(name)
        own = self._engine.container(box.container) if box.container else None
        limits = limits_of(own)
        plan, problem = None, ""
        try:
            spec = spec_of(box)
            plan = self.plan(spec) if spec else None
        except Unreachable:
            raise
        except DevboxError as error:
            problem = "; ".join((error.message, *error.detail))
        volumes = self._engine.volumes(BoxId(self._owner, name).labels)
        lost = (
            plan.lost if plan and plan.replaces else by_hand(self._engine, own) if own else NOTHING
        )
        return Status(
            box=self._with_idle([box], [own] if own else [])[0],
            started=own.started if own and own.state == "running" else 0.0,
            cpus=limits.cpus,
            memory=limits.memory,
            shm_size=limits.shm_size,
            gpus=limits.gpus,
            volumes=tuple(sorted(volume.name for volume in volumes)),
            git=git_of(Path(box.project)),
            pending=plan.changes if plan else (),
            reason=plan.reason if plan else "",
            problem=problem,
            by_hand=lost,
            work=self.work(name),
            lock=plan.desired.lock if plan else None,
        )

    # What `up` does

    def plan(self, spec: BoxSpec, *, rebuild: bool = False, locked: bool = False) -> Plan:
        """What `up` would do, without doing it. With ``locked`` raises Refused where the project's
        lock does not fit the box on this engine."""
        from devbox.boxes.up import plan_up

        return plan_up(self._workshop, self._id(spec), spec, rebuild=rebuild, locked=locked)

    def check(self, spec: BoxSpec, *, rebuild: bool = False, locked: bool = False) -> Plan:
        """The plan of an `up`, known to be possible here: GPUs, limits, ports, folders.

        Raises DevboxError where it is not.
        """
        plan = self.plan(spec, rebuild=rebuild, locked=locked)
        self._workshop.here.check(plan.desired, plan.found.containers)
        return plan

    def check_together(self, specs: Sequence[BoxSpec]) -> None:
        """Raise UsageError where boxes can't run at the same time: they name the same port."""
        from devbox.boxes.ports import check_apart

        check_apart(specs)

    def lock(
        self,
        spec: BoxSpec,
        names: Sequence[str],
        *,
        upgrade: bool = False,
        report: Report = silent,
        offer: Offer = lambda _: False,
    ) -> Locked:
        """Write down every package of a box in devbox.lock; ``names`` are all boxes of the
        project. A lock that fits stays, unless ``upgrade`` asks for what mirrors have today.

        Raises DevboxError naming what cannot be locked.
        """
        from devbox.boxes.lock.locking import lock_box

        done = lock_box(self._images(), spec, names, upgrade=upgrade, report=report, offer=offer)
        if done.written:
            self._event("lock", self._id(spec), platform=done.platform)
        self._saw_lock(spec.project)
        return done

    def kept(self, spec: BoxSpec) -> Kept:
        """The images of a box on this engine, and why they are not those of the project's lock
        where they aren't."""
        images = self._images()
        return images.kept(images.with_gpus(spec))

    def compose_yaml(self, spec: BoxSpec) -> str:
        """The Compose file of a box, as `up` would write it."""
        from devbox.boxes.up import compose_yaml

        return compose_yaml(self.plan(spec).desired.document)

    def up(
        self,
        spec: BoxSpec,
        *,
        report: Report = silent,
        offer: Offer = lambda _: False,
        agree: Agree | None = None,
        rebuild: bool = False,
        locked: bool = False,
    ) -> Up:
        """Make the box be what the spec says, and run. Does nothing where it is so already.

        Only one `up` of a box works at a time, others wait. Whenever it is ended, even by
        SIGKILL, the next one finishes the work. ``offer`` is asked before something large is
        done in place of what failed, ``agree`` before running work is ended: without it, it never
        is (Refused). ``rebuild`` builds the box's images again from scratch, ``locked`` builds
        what the project's lock says or nothing (Refused).
        """
        from devbox.boxes.up import Up, apply, untouched
        from devbox.boxes.work import keep_work

        agree = agree or keep_work

        box = self._id(spec)
        starter = self._workshop.starter
        before = self._store.get(box)
        plan = self.plan(spec, rebuild=rebuild, locked=locked)
        if plan.empty and starter.has_all(plan.found.containers):
            return Up(plan, view(box, plan.found.containers, self._store.get(box)))
        with self._alone(box, report):
            if not untouched(self._workshop, plan, before):
                plan = self.plan(spec, rebuild=rebuild, locked=locked)
            if plan.empty:
                notes = starter.refresh(plan.found.containers)
            else:
                notes = self._workshop.here.notes(plan.desired)
                self._note_idle_stop(box, plan.found.containers)
                with self._failures_noted(box, "up"):
                    apply(self._workshop, plan, report, offer, agree)
                self._event("up", box, act=plan.act.value, reason=plan.reason)
                if plan.desired.lock is not None:
                    self._saw_lock(spec.project)
        self._refresh_ssh_config()
        return Up(plan, self.get(spec.name), notes)

    # What stops it

    def work(self, name: str) -> tuple[Work, ...]:
        """What people run in a box now."""
        from devbox.boxes.work import running_work

        own = box_first(self.containers(name))[:1]
        return running_work(self._engine, own[0]) if own else ()

    def ending(self, name: str, act: str) -> Ending:
        """What stop, restart or down would end and lose. The three ask about it themselves."""
        from devbox.boxes.byhand import NOTHING, by_hand
        from devbox.boxes.work import Ending, running_work

        containers = box_first(self.containers(name))
        work = running_work(self._engine, containers[0]) if containers else ()
        own = self._engine.container(containers[0].id) if containers and act == "down" else None
        return Ending(name, act, work, by_hand(self._engine, own) if own else NOTHING)

    def stop(
        self, name: str, report: Report = silent, agree: Agree | None = None, act: str = "stop"
    ) -> BoxView:
        """Stop all containers of a box: programs get SIGTERM and ten seconds. They are kept.

        ``agree`` is asked before running work is ended; without it, it never is (Refused).
        """
        box = BoxId(self._owner, name)
        with self._alone(box, report), self._ending(box, act, agree), self._stopping(box):
            for container in box_first(self.containers(box.name)):
                if container.state in {"running", "restarting", "paused"}:
                    report(Progress("stop", name, service_of(container)))
                    self._engine.stop(container.id)
            self._event("stop", box)
        return self.get(name)

    def restart(self, name: str, report: Report = silent, agree: Agree | None = None) -> BoxView:
        """Stop a box as :meth:`stop` does and start it again: not where it could not be started,
        because a secret has no value."""
        given = self._workshop.starter.gather(self.containers(name))
        self.stop(name, report, agree, "restart")
        return self.start(name, report, given)

    def start(self, name: str, report: Report = silent, given: Given | None = None) -> BoxView:
        """Start a stopped box as it was, with its files and hooks. ``given`` is what it is given
        privately, where that has been gathered."""
        from devbox.boxes.spool import make_spool
        from devbox.boxes.up import settle

        box = BoxId(self._owner, name)
        with self._alone(box, report):
            containers = self.containers(box.name)
            if not containers:
                raise DevboxError(
                    f"Box {name} has no containers to start.", hint="Run `devbox up` instead."
                )
            given = given or self._workshop.starter.gather(containers)
            self._note_idle_stop(box, containers)
            settle(self._engine, containers, stopping=self._was_stopping(box))
            make_spool(box, self._home)
            with self._failures_noted(box, "start"):
                # Services first, so that they answer when the box's own hooks run.
                for container in reversed(box_first(self.containers(box.name))):
                    if container.state != "running":
                        report(Progress("start", name, service_of(container)))
                        self._engine.start(container.id)
                self._workshop.starter.finish(self._engine.containers(box.labels), given, report)
            self._event("start", box)
        return self.get(name)

    def keep(self, name: str | None, root: Path | None, seconds: float) -> BoxView:
        """Keep a running box, by name or as the only one of a project, from stopping for being
        idle for so many seconds; 0 ends that."""
        from devbox.boxes.idle import keep

        box, _ = self.running(name, root)
        own = self._engine.container(box.container)
        if own is None:
            raise DevboxError(f"Box {box.name} is gone.", hint="Run `devbox up` first.")
        keep(self._engine, own, seconds)
        self._event("keep", BoxId(self._owner, box.name), seconds=seconds)
        return self._with_idle([box], [own])[0]

    def down(self, name: str, report: Report = silent, agree: Agree | None = None) -> BoxView:
        """Remove the containers and networks of a box; volumes and settings stay. ``agree`` as
        for :meth:`stop`."""
        box = BoxId(self._owner, name)
        with self._alone(box, report), self._ending(box, "down", agree), self._stopping(box):
            self.containers(box.name)
            report(Progress("down", name, "removing its containers"))
            self._engine.compose_down(box.project)
            self._event("down", box)
        return self.get(name)

    def removal(self, name: str, *, volumes: bool) -> Removal:
        """What `rm` would remove."""
        from devbox.boxes.remove import removal

        box = BoxId(self._owner, name)
        containers = self.containers(box.name)
        record = self._store.get(box)
        return removal(
            self._engine,
            box,
            containers,
            record.project if record else "",
            box.folder(self._home),
            volumes=volumes,
        )

    def rm(
        self,
        name: str,
        *,
        volumes: bool = False,
        report: Report = silent,
        agree: Agree | None = None,
    ) -> Removal:
        """Forget a box: its containers, networks and Compose file; with ``volumes`` its data.
        ``agree`` as for :meth:`stop`."""
        from devbox.boxes.remove import remove

        box = BoxId(self._owner, name)
        with self._alone(box, report), self._ending(box, "rm", agree), self._stopping(box):
            what = self.removal(name, volumes=volumes)
            remove(self._engine, what, report, self._take_in)
            self._store.forget(box)
            self._event("rm", box, volumes=volumes)
        self._refresh_ssh_config()
        return what

    # Work in it

    def on_attach(self, box: BoxView, report: Report = silent) -> None:
        """Run the on_attach hooks that a box was made with."""
        from devbox.boxes.start import hooks_of

        own = self._engine.container(box.container)
        if own and hooks_of(own).on_attach:
            self._workshop.starter.attach(own, report)

    def add(
        self,
        project: Project,
        name: str | None,
        manager: str,
        packages: Sequence[str],
        *,
        dry_run: bool = False,
        report: Report = silent,
    ) -> Added:
        """Install packages (of "pip" or "apt") in a project's running box, and then write them
        into its devbox.toml. Where the installation fails, that is left as it is."""
        from devbox.boxes.add import Added, Entry, checked, install

        chosen = project.box(name, how="one with --box NAME")
        spec, table = chosen.spec, chosen.table
        packages = checked(manager, packages)
        entry = Entry(project.file, table, manager)
        diff = entry.diff(packages)
        done = Added(spec.name, manager, packages, project.file, diff, installed=not dry_run)
        if dry_run:
            return done
        box = self._id(spec)
        with self._alone(box, report):
            _, user = self.running(spec.name, None)
            own = box_first(self.containers(box.name))[0]
            files = self._workshop.here.install_files()
            install(self._engine, own, user, manager, packages, files, report)
            entry.write(packages)
            self._event("add", box, manager=manager, packages=packages)
        return done

    # Parts

    @cached_property
    def _store(self) -> BoxStore:
        from devbox.boxes.store import BoxStore

        return BoxStore(self._state())

    @cached_property
    def _workshop(self) -> Workshop:
        from devbox.boxes.start import Starter
        from devbox.boxes.up import Workshop

        here = self._here()
        starter = Starter(self._engine, self._store, here, self._home)
        return Workshop(self._engine, self._images(), here, self._store, starter, self._home)

    def _refresh_ssh_config(self) -> None:
        """Keep the ssh configuration true, where the person wanted one."""
        if not (self._home / "ssh" / "config").exists():
            return
        from devbox.boxes.ssh.config import given_address, refresh

        refresh(self._home, self.ids, engine=given_address(self._engine))

    def _saw_lock(self, project: Path) -> None:
        """Have storage keep what the lock of a project names."""
        from devbox.boxes.lock.seen import remember
        from devbox.storage.store import StorageStore

        remember(StorageStore(self._state()), project)

    def _id(self, spec: BoxSpec) -> BoxId:
        return BoxId(self._owner, spec.name)

    def _was_stopping(self, box: BoxId) -> bool:
        from devbox.boxes.store import STOPPING

        record = self._store.get(box)
        return record is not None and record.phase == STOPPING

    @contextmanager
    def _stopping(self, box: BoxId) -> Iterator[None]:
        """Note that the box is being stopped: an interrupted stop goes on in the engine, and a
        later `up` must not take the box for one that stays."""
        from dataclasses import replace

        from devbox.boxes.store import STOPPING

        record = self._store.get(box)
        if record:
            self._store.put(replace(record, phase=STOPPING))
        try:
            yield
        except DevboxError:
            if record:
                self._store.put(record)
            raise
        if record and self._store.get(box):
            self._store.put(record)
        # What it leads to has ended.
        box.page(self._home).unlink(missing_ok=True)

    def _with_idle(
        self, views: Sequence[BoxView], containers: Sequence[Container]
    ) -> tuple[BoxView, ...]:
        if not any(container.labels.get(Label.STOP_AFTER) for container in containers):
            return tuple(views)
        from devbox.boxes.idle import with_idle

        return with_idle(self._engine, views, containers)

    @contextmanager
    def _ending(self, box: BoxId, act: str, agree: Agree | None) -> Iterator[None]:
        """Ask about the work that runs at this very moment, before it is ended."""
        from devbox.boxes.work import keep_work

        ending = self.ending(box.name, act)
        if ending.work or ending.lost.lines:
            (agree or keep_work)(ending)
        yield

    def _only(self, root: Path | None) -> BoxView:
        if root is None:
            raise UsageError("No box named, and no devbox.toml here.", hint="Name a box.")
        found = self.of(root)
        if len(found) > 1:
            raise SeveralBoxes(box.name for box in found)
        return found[0]

    def _unknown(self, name: str) -> UsageError:
        import difflib

        close = difflib.get_close_matches(name, [box.name for box in self.ls()], n=1)
        hint = f"Did you mean {close[0]}?" if close else "`devbox ps` lists the boxes."
        return UsageError(f"No box {name}.", hint=hint)

    @contextmanager
    def _alone(self, box: BoxId, report: Report) -> Iterator[None]:
        """Be the only one at work on a box; after a sudden end, until our children end too."""
        from devbox.compute.engine.plugins import keeping
        from devbox.state import lock

        def waiting(holder: str) -> None:
            report(Progress("wait", box.name, f"another devbox works on it ({holder})"))

        file = self._home / "locks" / f"{box.project}.lock"
        with lock(file, on_wait=waiting) as held, keeping(held):
            yield

    def _note_idle_stop(self, box: BoxId, containers: Sequence[Container]) -> None:
        """Nobody was there to write down that a box has stopped itself: whoever starts it again
        does."""
        for own in box_first(containers)[:1]:
            if own.state == "exited" and own.labels.get(Label.STOP_AFTER):
                from devbox.boxes.idle import read_idle

                idle = read_idle(self._engine, own)
                if idle:
                    self._event("stop", box, reason=idle.reason, at=idle.since)

    @contextmanager
    def _failures_noted(self, box: BoxId, act: str) -> Iterator[None]:
        try:
            yield
        except DevboxError as error:
            self._event("failed", box, act=act, error=error.message)
            raise

    def _event(self, kind: str, box: BoxId, **data: Any) -> None:
        self._state().events.append(f"box/{box.name}", f"box.{kind}", **data)
