"""Python packages of a box, installed in a container of the parent image, which then becomes the
image of the step.

A build has caches of the builder's own. This container has the caches of the person's boxes, and
installs as the same user: what was downloaded here is not downloaded in a box again, nor the
other way round. All that it is given (settings of the network, which may hold passwords,
requirement files, the script) lies in memory, so the image gets none of it. Nor does the image
tell by whom it was made: what was installed belongs to root, and everybody may change it.
"""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Mapping

from devbox.boxes.cache import CACHE, CACHE_ENV, make_cache
from devbox.boxes.clock import Clock
from devbox.boxes.files import tar_of
from devbox.boxes.identity import RUN, User
from devbox.boxes.images.boxlayer import Install
from devbox.boxes.images.network import box_env, box_files, box_mounts
from devbox.boxes.images.recipe import Step
from devbox.compute.engine.build import step_failed
from devbox.compute.engine.buildlog import LAST_LINES
from devbox.compute.engine.lines import lines
from devbox.compute.engine.reports import HeldMount, HeldRequest
from devbox.compute.engine.types import Engine
from devbox.config.spec import Network
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

KIND = "devbox.kind"
PROJECT = f"{RUN}/project"
WHEELS = f"{RUN}/wheels"
ABANDONED = 600.0
"""A container that was made and not started for so many seconds never will be."""
_TMPFS = {RUN: "mode=0755", "/tmp": "mode=1777,exec"}  # noqa: S108 - the container's own
_WITH_SCRIPT = f'. {RUN}/prelude.sh; "$@"'


class Packages:
    """Makes the images of such steps for one person's boxes on one engine."""

    def __init__(
        self, engine: Engine, network: Network, owner: str, user: User, report: Report
    ) -> None:
        self._engine = engine
        self._network = network
        self._prefix = f"devbox-{owner}-packages-"
        self._owner = owner
        self._user = user
        self._report = report

    def make(self, step: Step, parent: str, labels: Mapping[str, str]) -> None:
        """Install what a step says into ``parent`` and give the outcome the step's tag.

        Raises BuildFailed with the command that failed and its last lines. However this process
        ends, the container ends with it, and there is no image unless it is complete.
        """
        name = f"{self._prefix}{step.hash}"
        self._clear(name)
        volume = make_cache(self._engine, self._owner, self._user.uid)
        wheels = box_mounts(self._network, WHEELS)
        mounts = [HeldMount(volume, CACHE, volume=True)]
        mounts += [HeldMount(mount.source, mount.target, read_only=True) for mount in wheels]
        request = HeldRequest(name, parent, labels, tuple(mounts), _TMPFS, step.platform)
        held = self._engine.hold(request)
        try:
            self._give(held.id, step, [mount.target for mount in wheels])
            self._as_root(held.id, "prepare_cache", str(self._user))
            for command in step.install:
                self._run(held.id, step, command, [mount.target for mount in wheels])
            self._as_root(held.id, "open_environment")
            self._report(Progress("build", step.tag, "making the image"))
            self._engine.commit(held.id, step.tag, labels)
        finally:
            held.close()
            self._engine.remove(held.id, force=True)

    def _clear(self, name: str) -> None:
        """Remove what an interrupted try left: its container where the engine has not noticed
        the end yet, and such as were made and never started."""
        self._engine.remove(name, force=True)
        for container in self._engine.containers({KIND: "packages"}):
            ours = container.name.startswith(self._prefix) and container.state == "created"
            if ours and container.created < time.time() - ABANDONED:
                self._engine.remove(container.id, force=True)

    def _give(self, container: str, step: Step, wheels: list[str]) -> None:
        files = {
            **box_files(self._network, wheels),
            **{f"project/{name}": content for name, content in step.files.items()},
            "prelude.sh": (step.contexts["devbox-build"] / "prelude.sh").read_bytes(),
        }
        argv = ["sh", "-c", f"mkdir {PROJECT} && tar -x -C {RUN}"]
        self._call(container, argv, tar_of(files, self._user))

    def _as_root(self, container: str, *command: str) -> None:
        self._call(container, ["sh", "-c", _WITH_SCRIPT, "sh", *command])

    def _call(self, container: str, argv: list[str], data: bytes | None = None) -> None:
        done = self._engine.call(container, argv, user="0:0", input=data)
        if done.code:
            raise DevboxError(
                "The container in which packages are installed cannot be prepared.",
                detail=done.stderr.decode(errors="replace").splitlines(),
            )

    def _run(self, container: str, step: Step, command: Install, wheels: list[str]) -> None:
        self._report(Progress("build", step.tag, shlex.join(command)))
        last: deque[str] = deque(maxlen=LAST_LINES)
        running = self._engine.exec(
            container,
            ["sh", "-c", _WITH_SCRIPT, "sh", *command],
            user=str(self._user),
            cwd=PROJECT,
            env={
                "HOME": "/tmp",  # noqa: S108 - the container's own
                "USER": "dev",
                "DEVBOX_CACHE": f"{CACHE}/",
                **CACHE_ENV,
                **box_env(self._network, wheels),
            },
        )
        clock = Clock(0)

        def tell() -> None:
            self._report(Progress("build", step.tag, f"still running after {clock.passed}"))

        try:
            with clock.watching(running, tell):
                for line in lines(running):
                    last.append(line)
                    self._report(Progress("build", step.tag, line, log=True))
                code = running.exit_code()
        finally:
            running.close()
        if code:
            raise step_failed(step.tag, f"RUN {shlex.join(command)}", last)
