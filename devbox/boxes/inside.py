"""Working in a box that is up: what it prints and uses, files, ssh, ports, pages it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.containers import service_of
from devbox.boxes.identity import BoxId, Label
from devbox.compute.engine.types import Engine
from devbox.errors import UsageError
from devbox.progress import Report, silent

if TYPE_CHECKING:
    from devbox.boxes import Boxes, BoxView
    from devbox.boxes.forward import Forward
    from devbox.boxes.open import Opened, Opener
    from devbox.boxes.reach import BoxPort, Reach
    from devbox.boxes.ssh import SshAccess
    from devbox.boxes.ssh.config import ConfigPlan
    from devbox.boxes.work import Agree
    from devbox.compute.engine.reports import LogLine, Sample
    from devbox.state import State


class Inside:
    """What goes on in the boxes of one owner. The state is opened on first use."""

    def __init__(
        self,
        boxes: Boxes,
        engine: Engine,
        owner: str,
        home: Path,
        *,
        state: Callable[[], State],
    ) -> None:
        self._boxes = boxes
        self._engine = engine
        self._owner = owner
        self._home = home
        self._state = state

    def out_of_memory(self, box: BoxView, since: float) -> bool:
        """Whether the kernel ended something of a box for its memory limit since a time (seconds
        since the epoch)."""
        import time

        labels = BoxId(self._owner, box.name).labels
        events = self._engine.events(labels, since=since, until=time.time())
        return any(event.action == "oom" for event in events)

    def copy_in(self, name: str, source: Path, target: str) -> None:
        """Copy a file or folder from here to an absolute path in a box."""
        from devbox.boxes.copy import copy_in

        box, user = self._boxes.running(name, None)
        copy_in(self._engine, box.container, user, source, target)

    def copy_out(self, name: str, source: str, target: Path) -> None:
        """Copy a file or folder of a box to here."""
        from devbox.boxes.copy import copy_out

        box, _ = self._boxes.running(name, None)
        copy_out(self._engine, box.container, source, target)

    def ssh(self, name: str | None, root: Path | None = None) -> SshAccess:
        """How `ssh` reaches a running box, by name or as the only one of a project. Its keys are
        made on first use. Raises DevboxError where the box does not run."""
        from devbox.boxes.ssh import ssh_access

        box, _ = self._boxes.running(name, root)
        own = BoxId(self._owner, box.name)
        return ssh_access(self._home, own, box.container, self._engine.address)

    def ssh_config(self, *, agent: bool = False, remove: bool = False) -> ConfigPlan:
        """What it takes that `ssh NAME.devbox` reaches every box of the owner, or none again.
        ``agent``: it forwards the person's ssh agent."""
        from devbox.boxes.ssh.config import given_address, plan_config, plan_removal

        if remove:
            return plan_removal(self._home)
        engine = given_address(self._engine)
        return plan_config(self._home, self._boxes.ids(), agent=agent, engine=engine)

    def write_ssh_config(self, plan: ConfigPlan) -> None:
        """Do what such a plan says, for the boxes that there are now. Raises DevboxError where the
        person's own file is not to be written; then all of it is as it was."""
        from devbox.boxes.ssh.config import given_address, write_config

        write_config(self._home, plan, self._boxes.ids, engine=given_address(self._engine))

    def logs(
        self,
        name: str,
        *,
        service: str = "",
        follow: bool = False,
        tail: int | None = None,
        since: float = 0.0,
    ) -> Iterator[tuple[str, LogLine]]:
        """Lines of the box and its services as (service, line); merged by time."""
        from devbox.boxes.logs import merged

        containers = self._boxes.containers(name)
        chosen = [c for c in containers if not service or service_of(c) == service]
        if service and not chosen:
            names = ", ".join(sorted(map(service_of, containers)))
            raise UsageError(f"Box {name} has no service {service}.", hint=f"It has: {names}.")
        lines = {
            service_of(c): self._engine.logs(
                c.id, follow=follow, tail=tail, since=since, timestamps=True
            )
            for c in chosen
        }
        return merged(lines, follow=follow)

    def samples(self, name: str | None = None) -> Mapping[str, Mapping[str, Sample]]:
        """Live use of each running container, by box and service: of one box, or of all."""
        from concurrent.futures import ThreadPoolExecutor

        if name:
            containers = self._boxes.containers(name)
        else:
            containers = self._engine.containers({Label.OWNER: self._owner})
        running = [c for c in containers if c.state == "running"]
        found: dict[str, dict[str, Sample]] = {name: {}} if name else {}
        # The engine takes a second for each, so ask for all at once.
        with ThreadPoolExecutor(max(len(running), 1)) as pool:
            samples = pool.map(lambda c: self._engine.sample(c.id), running)
            for container, sample in zip(running, samples, strict=True):
                box = found.setdefault(container.labels[Label.BOX], {})
                box[service_of(container)] = sample
        return found

    def ports(self, name: str) -> tuple[BoxPort, ...]:
        """The ports of a box: published, forwarded, and those that something in it listens on."""
        self._boxes.containers(name)
        return self._reach(name).ports()

    def forward(self, name: str, port: int, host_port: int | None = None) -> Forward:
        """Carry a port of a running box to this machine's loopback, in the background, until the
        box stops. Without ``host_port`` it gets a number that is free."""
        self._boxes.running(name, None)
        return self._reach(name).forward(port, host_port)

    def unforward(self, name: str, port: int | None = None) -> tuple[Forward, ...]:
        """End the forward of one port of a box, or of all; returns those there were."""
        self._boxes.containers(name)
        return self._reach(name).stop(port)

    def open(
        self,
        name: str,
        app: str,
        *,
        host_port: int | None = None,
        folder: str = "",
        report: Report = silent,
    ) -> Opened:
        """Serve a program's page from a running box, where it does not do so already.

        ``folder`` is what it shows, relative to the workspace. It goes on until the box stops.
        """
        from devbox.boxes.apps import app_named

        known = app_named(app)
        with self._opener(name, report) as opener:
            self.page(name).unlink(missing_ok=True)
            opened = opener.open(known, host_port=host_port, folder=folder)
        if opened.started:
            self._state().events.append(f"box/{name}", "box.open", app=app, port=opened.port)
        return opened

    def close(self, name: str, app: str, agree: Agree | None = None) -> bool:
        """End a program that `open` started; says whether it ran. ``agree`` is asked as in `stop`
        where that ends work."""
        from devbox.boxes.apps import app_named
        from devbox.boxes.work import Ending, keep_work

        known = app_named(app)
        with self._opener(name, silent) as opener:
            server = opener.running(known)
            if server is None:
                self.page(name).unlink(missing_ok=True)
                return False
            if work := tuple(work for work in self._boxes.work(name) if work.kind == known.work):
                (agree or keep_work)(Ending(name, f"ending {known.title}", work))
            opener.stop(known, server)
            self.page(name).unlink(missing_ok=True)
            return True

    def page(self, name: str) -> Path:
        """Where a page lies that leads a browser to what was last opened from a box, if it was
        given to one. Whoever reads it gets in: it goes when that ends."""
        return BoxId(self._owner, name).page(self._home)

    def _reach(self, name: str) -> Reach:
        from devbox.boxes.reach import Reach

        box = BoxId(self._owner, name)
        folder = box.folder(self._home)
        return Reach(self._engine, self._home, box, folder, lambda: self.ssh(name))

    @contextmanager
    def _opener(self, name: str, report: Report) -> Iterator[Opener]:
        """One at a time, so that no program is started twice."""
        from devbox.boxes.open import Opener
        from devbox.state import lock

        view, user = self._boxes.running(name, None)
        file = self._home / "locks" / f"{BoxId(self._owner, name).project}.open.lock"
        with lock(file):
            yield Opener(self._engine, view, user, self._reach(name), report)
