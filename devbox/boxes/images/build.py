"""The images that boxes run: which there should be, which are missing, and making those."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.images import recipe as recipes
from devbox.boxes.images.recipe import Recipe, Step
from devbox.compute.engine.types import Engine
from devbox.config.shipped import shipped
from devbox.config.spec import BoxSpec, Build, Settings
from devbox.progress import Progress, Report, silent

if TYPE_CHECKING:
    from devbox.boxes.images.space import ImageEntry, PrunePlan, Usage

Offer = Callable[[str], bool]


def decline(_: str) -> bool:
    """An offer that is not taken."""
    return False


class Images:
    """The images that boxes run, on one engine."""

    def __init__(self, engine: Engine, settings: Settings, home: Path) -> None:
        self.engine = engine
        self.settings = settings
        self.home = home
        self.folder = shipped("images")

    def recipe(self, spec: BoxSpec) -> Recipe:
        """The chain of images that a box is built from."""
        return recipes.recipe(spec, self.settings, self.folder)

    def profile_recipe(self, name: str) -> Recipe:
        """The chain of a profile (its name, or the path of one) outside of any project."""
        import tempfile

        from devbox.config import Profiles, load

        profile = Profiles().get(name)
        with tempfile.TemporaryDirectory(prefix="devbox-profile-") as folder:
            # A box with nothing but the profile, so that all of the profile counts.
            (Path(folder) / "devbox.toml").write_text('[box]\nname = "profile"\n')
            place = profile.name if profile.origin == "shipped" else str(profile.file)
            overrides = {"profile": place}
            project = load(Path(folder), settings=self.settings, overrides=overrides)
            return self.recipe(project.box().spec)

    def service_recipe(self, build: Build, platform: str = "") -> Recipe:
        """The image of a service with a Dockerfile of its own."""
        return recipes.service_recipe(build, self.folder, platform)

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
    ) -> str:
        """Build what is missing, base first, and return the tag that the box runs.

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

        builder = Builder(self.engine, self.settings, self.home, report, offer, no_cache, pull)
        if recipe.external and steps[0] is recipe.steps[0]:
            builder.obtain(recipe.external, recipe.platform)
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
    return {"build": "the project's Dockerfile", "box": "what the box adds"}.get(
        step.kind, f"devbox's image '{step.name}'"
    )
