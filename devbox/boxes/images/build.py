"""The images that boxes run: which there should be, which are missing, and making those."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.images import recipe as recipes
from devbox.boxes.images.recipe import Recipe, Step
from devbox.compute.engine.types import Engine
from devbox.config.shipped import shipped
from devbox.config.spec import BoxSpec, Gpu, Service, Settings
from devbox.progress import Progress, Report, silent

if TYPE_CHECKING:
    from devbox.boxes.identity import User
    from devbox.boxes.images.space import ImageEntry, PrunePlan, Usage
    from devbox.boxes.lock.keep import Kept

Offer = Callable[[str], bool]
LOCK = "devbox.lock"


def decline(_: str) -> bool:
    """An offer that is not taken."""
    return False


class Images:
    """The images that boxes run, on one engine. ``has_gpu`` tells whether boxes can have one."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        home: Path,
        has_gpu: Callable[[], bool] = lambda: False,
    ) -> None:
        self._has_gpu = has_gpu
        self.engine = engine
        self.settings = settings
        self.home = home
        self.folder = shipped("images")

    def recipe(self, spec: BoxSpec) -> Recipe:
        """The chain of images that a box is built from: the one of its project's lock where that
        fits. Raises ConfigError for a lock that cannot be used."""
        return self.kept(spec).recipe

    def unlocked(self, spec: BoxSpec) -> Recipe:
        """The chain of images that a box is built from where nothing is locked."""
        return recipes.recipe(spec, self.settings, self.folder)

    def kept(self, spec: BoxSpec) -> Kept:
        """The same chain as :meth:`recipe`, and why it is not locked."""
        from devbox.boxes.lock.keep import Kept, kept

        if not (spec.project / LOCK).exists():
            return Kept(self.unlocked(spec), ("there is no devbox.lock",), exists=False)
        return kept(spec, self.platform(spec), self.unlocked)

    def platform(self, spec: BoxSpec) -> str:
        """The platform that a box has on this engine."""
        from devbox.boxes.lock.fits import platform_of

        return platform_of(spec, "" if spec.platform else self.engine.info().architecture)

    def recipes_of(self, spec: BoxSpec) -> tuple[Recipe, ...]:
        """The chains of a box and of its services, as far as devbox builds those."""
        services = [self.service_recipe(service) for service in spec.services]
        return (self.recipe(self.with_gpus(spec)), *(made for made in services if made))

    def with_gpus(self, spec: BoxSpec) -> BoxSpec:
        """The spec with an optional GPU decided: all that this machine has, or none."""
        if spec.resources.gpus is not Gpu.OPTIONAL:
            return spec
        gpus = Gpu.ALL if self._has_gpu() else Gpu.NONE
        return dataclasses.replace(spec, resources=dataclasses.replace(spec.resources, gpus=gpus))

    def profile_recipes(self, name: str) -> tuple[Recipe, ...]:
        """The chains of a profile (its name, or the path of one) outside of any project; or that
        of one of devbox's images which is no profile."""
        import tempfile

        from devbox.config import Profiles, load
        from devbox.config.teams import Teams

        profiles = {file.stem for file in shipped("profiles").glob("*.toml")}
        if name in set(recipes.shipped_names(self.folder)) - profiles:
            return (recipes.shipped_recipe(name, self.settings, self.folder),)
        teams = Teams(self.home / "profiles")
        profile = Profiles(teams=teams).get(name)
        with tempfile.TemporaryDirectory(prefix="devbox-profile-") as folder:
            # A box with nothing but the profile, so that all of the profile counts.
            (Path(folder) / "devbox.toml").write_text('[box]\nname = "profile"\n')
            named = profile.origin in {"shipped", "team"}
            place = profile.name if named else str(profile.file)
            overrides = {"profile": place}
            project = load(Path(folder), settings=self.settings, overrides=overrides, teams=teams)
            return self.recipes_of(project.box().spec)

    def service_recipe(self, service: Service) -> Recipe | None:
        """The chain of a service's image; None where it is pulled instead."""
        return recipes.service_recipe(service, self.settings, self.folder)

    def missing(self, recipe: Recipe) -> tuple[Step, ...]:
        """The steps that have to be built; one call to the engine where there are none."""
        for index in range(len(recipe.steps) - 1, -1, -1):
            if self.engine.image(recipe.steps[index].tag) is not None:
                return recipe.steps[index + 1 :]
        return recipe.steps

    def ensure(
        self,
        recipe: Recipe,
        report: Report = silent,
        *,
        offer: Offer = decline,
        no_cache: bool = False,
        pull: bool = False,
        user: User | None = None,
    ) -> str:
        """Build what is missing, base first, and return the tag that the box runs.

        ``user`` is whose package caches are used, None for those of the person who runs this.
        ``no_cache`` and ``pull`` build every step again; ``pull`` asks the registry for a newer
        base first. Where the base cannot be had, ``offer`` is asked whether to make one. The
        old image of a tag stays until the new one is complete. Two that build the same image
        take turns, and the second finds it done.

        Raises :class:`devbox.compute.engine.build.BuildFailed` with the step and its last lines,
        or DevboxError with the sentence that a step of devbox's own failed with.
        """
        again = no_cache or pull
        steps = recipe.steps if again else self.missing(recipe)
        if not steps:
            return recipe.tag
        from devbox.boxes.images.builder import Builder
        from devbox.state.locks import lock

        builder = Builder(
            self.engine, self.settings, self.home, report, offer, no_cache, pull, user
        )
        if recipe.external and steps[0] is recipe.steps[0]:
            builder.begin(recipe)
        for number, step in enumerate(steps, start=1):
            report(Progress("image", step.tag, _title(step), number, len(steps)))

            def waiting(who: str, tag: str = step.tag) -> None:
                report(Progress("image", tag, f"waiting: {who} builds it"))

            path = self.home / "locks" / f"image-{step.name}-{step.hash}.lock"
            with lock(path, on_wait=waiting):
                if again or self.engine.image(step.tag) is None:
                    builder.build(step)
        return recipe.tag

    def bootstrap(
        self, release: str = "bookworm", mirror: str = "", report: Report = silent
    ) -> str:
        """Make a Debian base image from the distribution's packages; returns its tag."""
        from devbox.boxes.images.bootstrap import bootstrap

        return bootstrap(
            self.engine,
            self.settings.network,
            release=release,
            mirror=mirror,
            home=self.home,
            report=report,
        )

    def ls(self) -> tuple[ImageEntry, ...]:
        """devbox's images on the engine, newest first."""
        from devbox.boxes.images.space import entries

        return entries(self.engine)

    def usage(self) -> Usage:
        """What devbox takes of the disk: on the engine and in its own folder."""
        from devbox.boxes.images.space import usage

        return usage(self.engine, self.home)

    def plan_prune(
        self,
        keep: Iterable[Recipe] = (),
        keep_tags: Iterable[str] = (),
        *,
        build_cache: bool = False,
        everything: bool = False,
    ) -> PrunePlan:
        """What a prune would delete: images that no box uses, and none that ``keep`` needs or
        that ``keep_tags`` names.

        The shipped images as this version of devbox makes them stay too, as parents of boxes to
        come, unless ``everything`` is given.
        """
        from devbox.boxes.images.space import plan_prune

        tags = {step.tag for recipe in keep for step in recipe.steps} | set(keep_tags)
        if not everything:
            for name in recipes.shipped_names(self.folder):
                spec = BoxSpec(name="keep", project=self.home, profile=name, profile_image=name)
                tags |= {step.tag for step in self.recipe(spec).steps}
        return plan_prune(self.engine, tags, build_cache=build_cache, everything=everything)

    def prune(self, plan: PrunePlan, report: Report = silent) -> int:
        """Delete what was planned; returns the bytes freed."""
        from devbox.boxes.images.space import prune

        return prune(self.engine, plan, report)


def _title(step: Step) -> str:
    return {
        "build": "the project's Dockerfile",
        "system": "Debian packages" if "apt_install" in step.dockerfile else "a Python environment",
        "packages": "Python packages",
        "box": "devbox's programs",
    }.get(step.kind, f"devbox's image '{step.name}'")
