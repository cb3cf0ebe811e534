"""What devbox takes of the disk, and which of its images can go.

Only images count as devbox's that it made: they carry its labels and are tagged as such. A
project's own image that was built on one of them inherits the labels and is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devbox.compute.engine.faults import Conflict
from devbox.compute.engine.reports import Image
from devbox.compute.engine.types import Engine
from devbox.progress import Progress, Report, silent

KIND, HASH, PARENT = "devbox.kind", "devbox.hash", "devbox.parent"
OWNER = "devbox.owner"
BOOTSTRAP = "bootstrap"
NAMESPACE = "devbox/"


@dataclass(frozen=True)
class ImageEntry:
    """One of devbox's images. ``size`` is all of it in bytes, ``adds`` what it adds to its parent.

    ``ref`` is its tag, or its id where a newer image has taken the tag. ``containers`` counts
    those made from it, running or not.
    """

    ref: str
    kind: str
    hash: str
    parent: str
    size: int
    adds: int
    created: float
    containers: int
    id: str


@dataclass(frozen=True)
class Part:
    """One thing that takes space: how many, how many bytes, and how many of them can be had back.

    ``freed_by`` is the command that gives them back, "" where nothing should.
    """

    kind: str
    count: int
    size: int
    reclaimable: int = 0
    freed_by: str = ""


@dataclass(frozen=True)
class Usage:
    """All that devbox takes on an engine and in its folder."""

    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True)
class PrunePlan:
    """What a prune would delete: images, children first, and the build cache (bytes)."""

    images: tuple[ImageEntry, ...]
    build_cache: int = 0

    @property
    def size(self) -> int:
        """Bytes that it would free."""
        return sum(image.adds for image in self.images) + self.build_cache


def entries(engine: Engine) -> tuple[ImageEntry, ...]:
    """devbox's images, newest first."""
    images = [image for image in engine.images({KIND: ""}) if _is_ours(image)]
    sizes = {tag: image.size for image in images for tag in image.tags}
    found = [_entry(image, sizes, engine) for image in images]
    return tuple(sorted(found, key=lambda entry: entry.created, reverse=True))


def usage(engine: Engine, home: Path) -> Usage:
    """Images, volumes, build cache and files; the build cache is the engine's, whoever built."""
    answer = engine.usage()
    images = entries(engine)
    unused = sum(image.adds for image in _going(images, set()))
    caches, homes = _volumes(answer)
    cache = answer.get("BuildCache") or ()
    blobs = _files(home / "blobs")
    everything = _files(home)
    return Usage(
        (
            Part(
                "images",
                len(images),
                sum(image.adds for image in images),
                unused,
                "devbox image prune --all",
            ),
            Part("home volumes", *homes, freed_by="devbox rm NAME --volumes"),
            Part("cache volumes", *caches),
            Part("build cache", *_build_cache(cache), freed_by="devbox image prune --build-cache"),
            Part("blobs", *blobs),
            Part("state", everything[0] - blobs[0], everything[1] - blobs[1]),
        )
    )


def plan_prune(
    engine: Engine,
    keep: Iterable[str] = (),
    *,
    build_cache: bool = False,
    everything: bool = False,
) -> PrunePlan:
    """What can go: images that no container uses, and on which nothing rests that stays.

    ``keep`` are tags that stay even if unused, with all they rest on. A base that was made here
    stays unless ``everything`` is given, since it cannot be pulled again.
    """
    images = entries(engine)
    stay = set(keep)
    if not everything:
        stay |= {image.ref for image in images if image.kind == BOOTSTRAP}
    cache = _build_cache(engine.usage().get("BuildCache") or ())[2] if build_cache else 0
    return PrunePlan(_going(images, stay), cache)


def prune(engine: Engine, plan: PrunePlan, report: Report = silent) -> int:
    """Delete what was planned and return the bytes freed; what has come into use stays."""
    freed = 0
    for number, image in enumerate(plan.images, start=1):
        try:
            engine.remove_image(image.ref)
        except Conflict as error:
            report(Progress("prune", image.ref, f"stays: {error.message}"))
            continue
        freed += image.adds
        report(Progress("prune", image.ref, "deleted", number, len(plan.images)))
    if plan.build_cache:
        freed += engine.prune_build_cache()
    return freed


def _is_ours(image: Image) -> bool:
    if not image.tags:
        return True
    if not all(tag.startswith(NAMESPACE) for tag in image.tags):
        return False
    if image.labels.get(KIND) == BOOTSTRAP:
        return True
    return any(tag.endswith(f":{image.labels.get(HASH)}") for tag in image.tags)


def _entry(image: Image, sizes: Mapping[str, int], engine: Engine) -> ImageEntry:
    parent = image.labels.get(PARENT, "")
    if parent and parent not in sizes:
        external = engine.image(parent)
        below = external.size if external else 0
    else:
        below = sizes.get(parent, 0)
    return ImageEntry(
        ref=image.tags[0] if image.tags else image.id,
        kind=image.labels.get(KIND, ""),
        hash=image.labels.get(HASH, ""),
        parent=parent,
        size=image.size,
        adds=max(image.size - below, 0),
        created=image.created,
        containers=image.containers,
        id=image.id,
    )


def _going(images: Sequence[ImageEntry], keep: set[str]) -> tuple[ImageEntry, ...]:
    """The images on which nothing rests that is in use or in ``keep``, children first."""
    by_ref = {image.ref: image for image in images}
    kept: set[str] = set()
    for ref in keep | {image.ref for image in images if image.containers}:
        above = ref
        while above in by_ref and above not in kept:
            kept.add(above)
            above = by_ref[above].parent
    going = [image for image in images if image.ref not in kept]
    return tuple(sorted(going, key=lambda image: -_depth(image, by_ref)))


def _depth(image: ImageEntry, by_ref: Mapping[str, ImageEntry]) -> int:
    depth = 0
    while image.parent in by_ref and depth < len(by_ref):
        image = by_ref[image.parent]
        depth += 1
    return depth


def _volumes(answer: Mapping[str, Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(count, bytes) of the shared cache volumes, and of all others of devbox."""
    caches: list[int] = []
    homes: list[int] = []
    for volume in answer.get("Volumes") or ():
        if OWNER not in (volume.get("Labels") or {}):
            continue
        size = max(int((volume.get("UsageData") or {}).get("Size", 0)), 0)
        of_a_box = "devbox.box" in volume["Labels"]
        (homes if of_a_box else caches).append(size)
    return (len(caches), sum(caches)), (len(homes), sum(homes))


def _build_cache(records: Iterable[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Count, bytes, and bytes not in use; what images share is counted with them."""
    own = [record for record in records if not record.get("Shared")]
    idle = sum(int(record["Size"]) for record in own if not record.get("InUse"))
    return len(own), sum(int(record["Size"]) for record in own), idle


def _files(folder: Path) -> tuple[int, int]:
    """How many files lie below a folder, and their bytes."""
    count = size = 0
    for above, _folders, files in os.walk(folder):
        for name in files:
            try:
                size += (Path(above) / name).lstat().st_size
            except OSError:
                continue  # deleted meanwhile
            count += 1
    return count, size
