"""`devbox lock`: build what a box is made of today, look into it, and write that down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.images import Images, Recipe
from devbox.boxes.images.recipe import SHARED_SCRIPTS, bootstrap_tag, suite
from devbox.boxes.images.space import PARENT
from devbox.boxes.lock.chain import packages_of
from devbox.boxes.lock.file import load, place, save
from devbox.boxes.lock.make import Locksmith
from devbox.boxes.lock.parse import NewerLock
from devbox.boxes.lock.records import Lock, LockedBox
from devbox.boxes.lock.store import Store
from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError
from devbox.progress import Progress, Report
from devbox.state import lock as hold
from devbox.storage.blobs import Blobs


@dataclass(frozen=True)
class Locked:
    """What a `lock` did for one box. ``changes`` are lines such as ``python rich 13.9.4``, with
    ``+`` or ``-`` before them; ``written`` whether the file changed."""

    name: str
    platform: str
    file: Path
    debian: int
    python: int
    changes: tuple[str, ...]
    written: bool


def lock_box(
    images: Images,
    spec: BoxSpec,
    names: Iterable[str],
    *,
    upgrade: bool,
    report: Report,
    offer: Callable[[str], bool],
) -> Locked:
    """Lock one box of a project whose boxes are ``names``.

    A lock that fits stays as it is. ``upgrade`` builds the images again from what mirrors have
    today, and locks that. Raises DevboxError where something cannot be locked, naming it.
    """
    project, home = spec.project, images.home
    key = hashlib.sha256(str(project).encode()).hexdigest()[:16]
    spec = images.with_gpus(spec)
    with hold(
        home / "locks" / f"lock-{key}.lock",
        on_wait=lambda who: report(Progress("lock", spec.name, f"waiting: {who} locks it")),
    ):
        old = _old(project, report)
        platform = images.platform(spec)
        before = next((box for box in old.of(spec.name) if box.platform == platform), None)
        if before and not upgrade and not images.kept(spec).why:
            return _result(project, before, before, written=False)
        recipe = images.unlocked(spec)
        if upgrade:
            _renew_base(images, recipe, report)
        images.ensure(recipe, report, offer=offer, no_cache=upgrade, pull=upgrade)
        smith = Locksmith(
            images.engine,
            Store(Blobs(home / "blobs"), images.settings.network),
            images.folder / SHARED_SCRIPTS / "prelude.sh",
            report,
            before,
        )
        made = smith.lock(spec, recipe, platform)
        save(old.with_box(made, names), project)
    return _result(project, before, made, written=True)


def _old(project: Path, report: Report) -> Lock:
    try:
        return load(project) or Lock()
    except NewerLock:
        raise
    except ConfigError as error:
        report(Progress("lock", str(place(project)), f"written anew: {error.message}"))
        return Lock()


def _renew_base(images: Images, recipe: Recipe, report: Report) -> None:
    """Make a base again that was made here, since no registry has a newer one."""
    release = suite(recipe.external)
    built = images.engine.image(recipe.steps[0].tag)
    made_here = built is not None and built.labels.get(PARENT) == bootstrap_tag(release)
    if release and made_here:
        images.bootstrap(release, report=report)


def _result(project: Path, before: LockedBox | None, box: LockedBox, *, written: bool) -> Locked:
    old, new = (set(packages_of(one)) if one else set() for one in (before, box))
    changes = [*(f"- {line}" for line in old - new), *(f"+ {line}" for line in new - old)]
    return Locked(
        name=box.name,
        platform=box.platform,
        file=place(project),
        debian=sum(line.startswith("deb ") for line in new),
        python=sum(line.startswith("python ") for line in new),
        changes=tuple(sorted(changes, key=lambda line: (line[2:], line[0]))) if before else (),
        written=written,
    )
