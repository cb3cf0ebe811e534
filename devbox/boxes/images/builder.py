"""Building one step of a chain: what makes it, what BuildKit is sent, what failures mean."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from devbox.boxes.identity import User, me
from devbox.boxes.images.network import for_build
from devbox.boxes.images.packages import Packages
from devbox.boxes.images.pull import familiar, obtain
from devbox.boxes.images.recipe import SHARED_SCRIPTS, Recipe, Step
from devbox.boxes.lock.base import have_base
from devbox.boxes.lock.store import Store
from devbox.boxes.lock.supply import Supplies, refused
from devbox.compute.engine.build import BuildFailed
from devbox.compute.engine.reports import BuildRequest
from devbox.compute.engine.types import Engine
from devbox.config.shipped import shipped
from devbox.config.spec import Network, Settings
from devbox.errors import DevboxError
from devbox.progress import Progress, Report
from devbox.storage.blobs import Blobs

_SAID = re.compile(r"devbox: (?P<what>[^|]+?)(?: \| (?P<hint>.+))?\s*$")
# How a RUN line is wired up says nothing to who waits for it.
_WIRING = re.compile(r"--mount=\S+\s+|\. /run/build/prelude\.sh &&\s+")
_WHEELS = ("*.whl", "*.tar.gz", "*.zip")


class Builder:
    """Builds steps on one engine, with this machine's way to the network."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        home: Path,
        report: Report,
        offer: Callable[[str], bool],
        no_cache: bool,
        pull: bool,
        user: User | None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._home = home
        self._report = report
        self._offer = offer
        self._no_cache = no_cache
        self._pull = pull
        self._user = user
        self._network = for_build(settings.network)
        self._substitutes: dict[str, str] = {}
        for note in self._network.notes:
            report(Progress("image", "network", f"note: {note}"))

    def begin(self, recipe: Recipe) -> None:
        """Have the image at hand that a chain starts from."""
        if recipe.locked is None:
            self.obtain(recipe.external, recipe.platform)
            return
        self._substitutes[recipe.external] = have_base(
            self._engine, self._settings, self._store, recipe.locked, self._home, self._report
        )

    def obtain(self, reference: str, platform: str) -> str:
        """Have an external image at hand: itself, or the one that takes its place."""
        found = obtain(
            self._engine,
            self._settings,
            reference,
            home=self._home,
            platform=platform,
            newer=self._pull,
            offer=self._offer,
            report=self._report,
        )
        self._substitutes[reference] = found
        return found

    def build(self, step: Step) -> None:
        """Build a step and give it its tag. Raises BuildFailed, or DevboxError with a sentence.

        The images that a project's own Dockerfile starts from are only known to BuildKit; one
        that it cannot fetch is obtained like any other, and the build is tried again.
        """
        try:
            self._build(step)
        except BuildFailed as error:
            reference = familiar(error.image)
            if not reference or step.kind != "build" or reference in self._substitutes:
                raise
            self.obtain(reference, step.platform)
            self._build(step)

    def _build(self, step: Step) -> None:
        parent = self._substitutes.get(step.parent, step.parent)
        labels = {"devbox.kind": step.kind, "devbox.hash": step.hash, "devbox.parent": parent}
        try:
            if step.locked:
                labels["devbox.lock"] = "1"
            if step.install and step.locked:
                with tempfile.TemporaryDirectory(prefix="devbox-build-") as scratch:
                    network = self._supplies.network(step.locked, Path(scratch))
                    self._packages(network).make(step, parent, labels)
            elif step.install:
                self._packages().make(step, parent, labels)
            else:
                self._by_buildkit(step, parent, labels)
        except BuildFailed as error:
            failure = explained(error)
            raise (refused(failure) if step.locked else failure) from error

    @property
    def _store(self) -> Store:
        return Store(Blobs(self._home / "blobs"), self._settings.network)

    @property
    def _supplies(self) -> Supplies:
        return Supplies(self._store, self._report)

    def _packages(self, network: Network | None = None) -> Packages:
        user = self._user or me(rootless=self._engine.info().rootless)
        settings = self._settings
        network = network or settings.network
        return Packages(self._engine, network, settings.owner, user, self._report)

    def _by_buildkit(self, step: Step, parent: str, labels: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="devbox-build-") as scratch:
            folder = Path(scratch)
            contexts = {name: str(path) for name, path in step.contexts.items()}
            secrets = self._network.secrets
            contexts["devbox-wheels"] = str(gather_wheels(self._network.wheels, folder / "wheels"))
            if step.locked and step.kind != "build":
                scripts = shipped("images") / SHARED_SCRIPTS
                given = self._supplies.build(step, step.locked, scripts, folder)
                contexts |= given.contexts
                secrets = given.secrets
            if step.kind == "build":
                # A named context takes the place of the image of that name.
                for reference, found in self._substitutes.items():
                    if found != reference:
                        contexts[reference] = f"docker-image://{found}"
            request = BuildRequest(
                tag=step.tag,
                context=step.context or _write(folder / "context", step),
                dockerfile=step.dockerfile,
                args={**step.args, "BASE": parent} if parent else step.args,
                labels=labels,
                contexts=contexts,
                secrets=secrets,
                proxies=self._network.proxies,
                platform=step.platform,
                target=step.target,
                no_cache=self._no_cache,
            )
            self._engine.build(request, self._tell)

    def _tell(self, progress: Progress) -> None:
        if progress.log or not progress.text.startswith("[context "):
            self._report(replace(progress, text=readable(progress.text)))


def readable(text: str) -> str:
    """The name of a build step as one line, without the mounts of its RUN instruction."""
    return " ".join(_WIRING.sub("", text).split())


def gather_wheels(folders: Sequence[Path], into: Path) -> Path:
    """One folder with the wheels of all, those of earlier folders first: a build context cannot
    be a list. Without any it is an empty folder."""
    if len(folders) == 1:
        return folders[0]
    into.mkdir()
    for folder in reversed(folders):
        for pattern in _WHEELS:
            for wheel in folder.glob(pattern):
                place = into / wheel.name
                place.unlink(missing_ok=True)
                try:
                    place.hardlink_to(wheel)
                except OSError:
                    shutil.copy2(wheel, place)
    return into


def explained(error: BuildFailed) -> DevboxError:
    """A failure that the shared build script put into a sentence, in that sentence; any other
    with a step that can be read."""
    for line in reversed(error.detail):
        said = _SAID.match(line)
        if said:
            hint = said["hint"] or error.hint
            return DevboxError(said["what"].strip() + ".", hint=hint, detail=error.detail)
    return BuildFailed(
        readable(error.message),
        step=readable(error.step),
        image=error.image,
        unreachable=error.unreachable,
        hint=error.hint,
        detail=[readable(line) for line in error.detail],
    )


def _write(folder: Path, step: Step) -> Path:
    folder.mkdir()
    for name, data in step.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (0, 0))
    return folder
