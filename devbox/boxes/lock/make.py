"""Writing a lock: look into the images of a box, and find the file behind every package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devbox.boxes.images.recipe import Recipe, suite
from devbox.boxes.images.space import BOOTSTRAP, KIND, PARENT
from devbox.boxes.lock.collect import Contents, contents, origins
from devbox.boxes.lock.fits import inputs
from devbox.boxes.lock.records import Base, Deb, LockedBox, LockedImage, Wheel
from devbox.boxes.lock.store import Store
from devbox.boxes.lock.wheels import Wheels, Wish
from devbox.compute.engine.types import Engine
from devbox.config.spec import BoxSpec
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

OWN_DOCKERFILE = "build"
# What a Python of an image's own puts into every new environment.
SEEDS = ("pip", "setuptools", "wheel")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Locksmith:
    """Makes locks. ``prelude`` is the shared script of the images; ``known`` what an older lock
    says, for packages that no mirror lists any more."""

    engine: Engine
    store: Store
    prelude: Path
    report: Report
    known: LockedBox | None = None

    def lock(self, spec: BoxSpec, recipe: Recipe, platform: str) -> LockedBox:
        """The lock of a box whose images are built; every file is in storage afterwards.

        Raises DevboxError naming the packages whose files are nowhere.
        """
        found = [self._look(step.tag, recipe) for step in recipe.steps]
        base, below = self._base(recipe)
        images = []
        for step, there in zip(recipe.steps, found, strict=True):
            images.append(_added(step.name, below, there, pinned=step.kind != OWN_DOCKERFILE))
            below = there
        made = LockedBox(
            name=spec.name,
            platform=platform,
            inputs=inputs(spec, recipe),
            base=base,
            images=tuple(image for image, _ in images),
            python=found[-1].interpreter,
        )
        made = self._with_debs(made, recipe)
        wishes = [wish for _, wishes in images for wish in wishes]
        return self._with_wheels(made, wishes, found[-1] if spec.profile_image else None)

    def _look(self, tag: str, recipe: Recipe) -> Contents:
        self.report(Progress("lock", tag, "what is in it"))
        return contents(self.engine, tag, recipe.platform)

    def _base(self, recipe: Recipe) -> tuple[Base, Contents]:
        """What the chain starts from, and what that holds."""
        first = recipe.steps[0]
        if not first.parent:
            return Base(""), Contents({}, {})
        built = self.engine.image(first.tag)
        reference = (built.labels.get(PARENT) if built else "") or recipe.external
        image = self.engine.image(reference)
        if image is None:
            raise DevboxError(
                f"The image {reference} is gone, and the box was built on it.",
                hint="`devbox lock --upgrade` gets it again.",
            )
        there = self._look(reference, recipe)
        debs = tuple(sorted(there.debs.values(), key=lambda deb: (deb.name, deb.architecture)))
        if image.digests and image.labels.get(KIND) != BOOTSTRAP:
            digest = image.digests[0].rpartition("@")[2]
            python = tuple(Wheel(p.name, p.version) for _, p in sorted(there.python.items()))
            return Base(recipe.external, digest=digest, apt=debs, python=python), there
        release = suite(recipe.external) or suite(reference)
        if not release or not debs:
            raise DevboxError(
                f"The image {recipe.external} has no digest of a registry, so no other machine"
                " could get the same.",
                hint="Push it to a registry and pull it from there.",
            )
        return Base(recipe.external, release=release, apt=debs), there

    def _with_debs(self, box: LockedBox, recipe: Recipe) -> LockedBox:
        """The box with the file of every Debian package that is not part of an image."""
        wanted = list(box.base.apt) if box.base.release else []
        for step, image in zip(recipe.steps, box.images, strict=True):
            wanted += image.apt if step.kind != OWN_DOCKERFILE else ()
        if not wanted:
            return box
        self.report(Progress("lock", "apt", f"where {len(wanted)} packages come from"))
        network, platform = self.store.network, recipe.platform
        listed, archives = origins(self.engine, recipe.tag, wanted, network, self.prelude, platform)
        known = {**_known_debs(self.known), **listed}
        unlisted = [deb for deb in wanted if _key(deb) not in known]
        if unlisted:
            raise _unlisted(unlisted)
        filed = {_key(deb): known[_key(deb)] for deb in wanted}
        archives = tuple(dict.fromkeys([*archives, *(self.known.archives if self.known else ())]))
        self.store.debs(list(filed.values()), archives, self.report)

        def files(debs: Sequence[Deb]) -> tuple[Deb, ...]:
            return tuple(filed.get(_key(deb), deb) for deb in debs)

        base = replace(box.base, apt=files(box.base.apt)) if box.base.release else box.base
        images = tuple(
            replace(image, apt=files(image.apt)) if step.kind != OWN_DOCKERFILE else image
            for step, image in zip(recipe.steps, box.images, strict=True)
        )
        return replace(box, base=base, images=images, archives=archives)

    def _with_wheels(
        self, box: LockedBox, wishes: Sequence[Wish], uv_of: Contents | None
    ) -> LockedBox:
        """The box with the file of every Python package, and of uv where it is devbox's."""
        wheels = Wheels(self.store, self.known, box.platform)
        found = wheels.find(wishes, self.report)
        images = tuple(
            replace(image, python=tuple(found.get((w.name, w.version), w) for w in image.python))
            for image in box.images
        )
        uv = wheels.uv(*uv_of.uv) if uv_of and uv_of.uv[0] else None
        return replace(box, images=images, uv=uv)


def _added(
    name: str, below: Contents, there: Contents, *, pinned: bool
) -> tuple[LockedImage, list[Wish]]:
    """What an image adds to its parent, and the Python packages whose files are to be found."""
    debs = [deb for key, deb in sorted(there.debs.items()) if below.debs.get(key) != deb]
    names = {deb_name for deb_name, _ in there.debs}
    removed = sorted({deb_name for deb_name, _ in below.debs if deb_name not in names})
    new = [
        package
        for key, package in sorted(there.python.items())
        if key not in below.python or below.python[key].version != package.version
    ]
    image = LockedImage(
        name=name,
        apt=tuple(debs),
        python=tuple(Wheel(package.name, package.version) for package in new),
        removed=tuple(removed),
    )
    wishes = [Wish(p, optional=name == "system" and p.name in SEEDS) for p in new]
    return image, wishes if pinned else []


def _key(deb: Deb) -> Key:
    return deb.name, deb.version, deb.architecture


def _known_debs(box: LockedBox | None) -> dict[Key, Deb]:
    if box is None:
        return {}
    every = [*box.base.apt, *(deb for image in box.images for deb in image.apt)]
    return {_key(deb): deb for deb in every if deb.file}


def _unlisted(debs: Sequence[Deb]) -> DevboxError:
    names = [f"{deb.name} {deb.version}" for deb in debs]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return DevboxError(
        f"{names[0]}{more} cannot be locked: no package list of today has it.",
        hint="`devbox lock --upgrade` builds the images again, of what there is today.",
        detail=names if more else (),
    )
