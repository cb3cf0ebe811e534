"""The one door: everything that the command line, the terminal UI and the SDK can do.

with devbox.connect() as door:
    project = door.project()
    door.boxes.up(project.box().spec)
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from devbox.errors import DevboxError, UsageError
from devbox.home import home as default_home
from devbox.home import settings_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from devbox.boxes import Boxes, BoxView
    from devbox.boxes.here import ThisMachine
    from devbox.boxes.images import Images
    from devbox.boxes.inside import Inside
    from devbox.boxes.modelcheck import Called
    from devbox.boxes.teams import TeamProfiles
    from devbox.compute import Hosts
    from devbox.compute.engine.types import Engine
    from devbox.config import Project, Settings
    from devbox.models import Models
    from devbox.models.bundle import Bundles
    from devbox.models.records import ModelVersion
    from devbox.reproduce import Reproduction
    from devbox.runs import Runs
    from devbox.state import State
    from devbox.storage import Blobs
    from devbox.storage.data import Data
    from devbox.storage.service import Storage


class Devbox:
    """devbox on this machine. Its parts are opened on first use; ``engine`` can be given.

    Each property raises a DevboxError of its own kind where its part can't be opened:
    Unreachable for the engine, ConfigError for the settings.
    """

    def __init__(self, home: Path | None = None, *, engine: Engine | None = None) -> None:
        self.home = home or default_home()
        self._given_engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the state file, where it was opened."""
        if "state" in self.__dict__:
            self.state.close()

    @cached_property
    def settings(self) -> Settings:
        """The person's own settings, with what the environment says."""
        from devbox.config import load_settings
        from devbox.redact import remember

        settings = load_settings()
        remember(settings.network.passwords)
        return settings

    @cached_property
    def owner(self) -> str:
        """Who acts: ``DEVBOX_USER``, else the operating system's user."""
        from devbox.config.names import owner

        return owner(os.environ)

    @cached_property
    def state(self) -> State:
        """The state file of ``home``, created on first use."""
        from devbox.state import State

        return State(self.home, actor=self.owner)

    @cached_property
    def blobs(self) -> Blobs:
        """Content-addressed files."""
        from devbox.storage import Blobs

        return Blobs(self.home / "blobs")

    @cached_property
    def storage(self) -> Storage:
        """Storage locations, and the blobs that lie there and here."""
        from devbox.storage.service import Storage

        return Storage(
            self.home,
            self.blobs,
            state=lambda: self.state,
            kept=self._kept_blobs,
            chosen=self._chosen_storage,
            ca=lambda: self.settings.network.ca,
        )

    @cached_property
    def data(self) -> Data:
        """Datasets and their versions."""
        from devbox.storage.data import Data

        return Data(self.storage)

    def blobs_of(self, ref: str) -> tuple[str, ...]:
        """The blobs of a dataset version (``churn-data@3``), a model version (``churn@champion``)
        or a run, by its id; ``data:``, ``model:`` or ``run:`` before it says which is meant.

        Raises UsageError where there is none, or a model and a dataset are called so.
        """
        from devbox.storage.named import blobs_of

        return blobs_of(
            ref,
            {
                "data": lambda name: self.data.digests(self.data.get(name)),
                "model": lambda name: [file.digest for file in self.models.get(name).files],
                "run": lambda name: [each.digest for each in self.runs.get(name).artifacts],
            },
        )

    def _chosen_storage(self) -> str:
        from devbox.config.project import storage_of

        try:
            root = self.project_root()
        except UsageError:
            return ""
        return storage_of(root)

    def _kept_blobs(self) -> set[str]:
        """Every blob that some area refers to: all others are garbage."""
        found = {*self.runs.digests(), *self.models.digests()}
        return found | self.data.kept() | self._locked()

    def _locked(self) -> set[str]:
        from devbox.boxes.lock.seen import kept
        from devbox.boxes.store import BoxStore
        from devbox.storage.store import StorageStore

        # Not by way of the boxes: those need an engine that answers.
        return kept(StorageStore(self.state), BoxStore(self.state).projects())

    def connect_engine(self) -> Engine:
        """A connection to the engine of its own, for another thread or process."""
        if self._given_engine is not None:
            return self._given_engine
        from devbox.compute.engine.docker import DockerEngine

        return DockerEngine()

    @cached_property
    def engine(self) -> Engine:
        """The Docker engine."""
        return self.connect_engine()

    @cached_property
    def hosts(self) -> Hosts:
        """Machines with an engine; for now this one."""
        from devbox.compute import Hosts

        return Hosts()

    @cached_property
    def images(self) -> Images:
        """What boxes are built from."""
        from devbox.boxes.images import Images

        return Images(self.engine, self.settings, self.home, self._has_gpu)

    @cached_property
    def boxes(self) -> Boxes:
        """The development environments."""
        from devbox.boxes import Boxes

        return Boxes(
            self.engine,
            self.owner,
            self.home,
            state=lambda: self.state,
            images=lambda: self.images,
            here=self._here,
            take_in=lambda: self.runs.ingest.everything(),  # noqa: PLW0108 - opened when used
        )

    @cached_property
    def inside(self) -> Inside:
        """What goes on in boxes: logs, files, ssh, ports, pages."""
        from devbox.boxes.inside import Inside

        return Inside(self.boxes, self.engine, self.owner, self.home, state=lambda: self.state)

    @property
    def ssh_agent(self) -> bool:
        """Whether commands in boxes get this machine's ssh agent: one runs, and the person's
        settings say so."""
        if not os.environ.get("SSH_AUTH_SOCK"):
            return False
        try:  # reading the settings in full would be a good part of the time of a short command
            if b"ssh_agent" not in settings_file().read_bytes():
                return False
        except OSError:
            return False
        return self.settings.ssh_agent

    def agent_for(self, box: str) -> AbstractContextManager[Mapping[str, str]]:
        """The variables that a command in a running box needs to use the ssh agent, which it can
        meanwhile; none where :attr:`ssh_agent` says no."""
        if not self.ssh_agent:
            return nullcontext({})
        from devbox.boxes.ssh.agent import agent_forwarded

        return agent_forwarded(self.inside.ssh(box))

    def _has_gpu(self) -> bool:
        from devbox.compute import gpu_refusal

        return not gpu_refusal(self.engine.info(), self.hosts.gpus())

    @cached_property
    def runs(self) -> Runs:
        """Everything that executed and was written down."""
        from devbox.runs import Runs

        return Runs(self.home, state=lambda: self.state, blobs=self.blobs, used_by=self._made_by)

    def _made_by(self, run: str) -> list[str]:
        return [version.ref for version in self.models.of_run(run)]

    @cached_property
    def models(self) -> Models:
        """The model registry."""
        from devbox.models import Models

        return Models(state=lambda: self.state, blobs=self.blobs, runs=lambda: self.runs)

    @cached_property
    def bundles(self) -> Bundles:
        """Model versions in files, to other machines and from there."""
        from devbox.models.bundle import Bundles

        return Bundles(
            state=lambda: self.state,
            blobs=self.blobs,
            models=lambda: self.models,
            data=lambda: self.data,
            need=self.storage.need,
        )

    @cached_property
    def reproduction(self) -> Reproduction:
        """Making model versions again."""
        from devbox.boxes import modelcheck
        from devbox.boxes.store import BoxStore
        from devbox.reproduce import Reproduction, Tools

        def imported(version: ModelVersion) -> bool:
            events = self.state.events.ls(subject=f"model/{version.model}", kind="model.imported")
            return any(event.data.get("version") == version.version for event in events)

        def call(version: ModelVersion, image: str, allow_pickle: bool) -> Called:
            return modelcheck.call_example(
                self.engine,
                version,
                lambda file: self.blobs.open(file.digest),
                image=image,
                trusted=self.settings.trusted,
                allow_pickle=allow_pickle,
            )

        return Reproduction(
            Tools(
                home=self.home,
                engine=lambda: self.engine,
                blobs=self.blobs,
                models=self.models,
                runs=self.runs,
                data=lambda: self.data,
                boxes=lambda: self.boxes,
                project=self.project,
                projects=lambda: {
                    each.id.name: Path(each.project) for each in BoxStore(self.state).ls(self.owner)
                },
                imported=imported,
                call=call,
            )
        )

    def call_model(
        self,
        ref: str,
        *,
        image: str = "",
        trusted: Sequence[str] = (),
        allow_pickle: bool = False,
        timeout: float | None = None,
    ) -> Called:
        """Call a version of a model with its recorded example, in a throw-away container of the
        image that it was made in, or else of the project's box here; see
        :func:`devbox.boxes.modelcheck.call_example`."""
        from devbox.boxes import modelcheck

        version = self.models.get(ref)
        return modelcheck.call_example(
            self.engine,
            version,
            lambda file: self.models.open_file(version, file.path, file.slot),
            image=image or self._image_for(modelcheck.image_of(version)),
            trusted=(*trusted, *self.settings.trusted),
            allow_pickle=allow_pickle,
            timeout=timeout or modelcheck.TIMEOUT,
        )

    def _image_for(self, recorded: str) -> str:
        """The image that was recorded, or, where the engine has it no more, the one of the box of
        the project around us."""
        if recorded and self.engine.image(recorded):
            return recorded
        try:
            boxes = self.boxes.of(self.project_root())
        except DevboxError:
            return recorded
        found = next((box.image for box in boxes if box.image), "")
        return found if found and self.engine.image(found) else recorded

    def _here(self) -> ThisMachine:
        from devbox.boxes.here import ThisMachine

        return ThisMachine(self.engine, self.images, self.hosts, self.settings, self.home)

    @cached_property
    def profiles(self) -> TeamProfiles:
        """The profiles of teams that are installed here."""
        from devbox.boxes.teams import TeamProfiles

        return TeamProfiles(
            self.home, state=lambda: self.state, network=lambda: self.settings.network
        )

    def last_known(self) -> tuple[BoxView, ...]:
        """The boxes as they are remembered, without asking the engine."""
        from devbox.boxes.store import BoxStore
        from devbox.boxes.view import last_known

        return last_known(BoxStore(self.state).ls(self.owner))

    def project(
        self, start: Path | None = None, overrides: Mapping[str, object] | None = None
    ) -> Project:
        """The project around a folder (this one), with what a command line overrides."""
        from devbox.config import load
        from devbox.config.teams import Teams

        return load(
            start or current_folder(),
            settings=self.settings,
            overrides=overrides or {},
            teams=Teams(self.home / "profiles"),
        )

    def project_root(self, start: Path | None = None) -> Path:
        """The folder of the project around a folder, without reading its devbox.toml."""
        from devbox.config import find_project

        return find_project(start or current_folder())


def current_folder() -> Path:
    """The folder that we are in. Raises UsageError where it was deleted meanwhile."""
    try:
        return Path.cwd()
    except OSError:
        raise UsageError("The current folder is gone.", hint="Go to one that exists.") from None
