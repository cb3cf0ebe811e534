"""From a box's chain of images to the same chain with every package locked. Pure.

A locked image has a tag of its own, with what the lock says of it in its hash: locked and
unlocked images are never mixed, and a changed package changes the images from there on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from devbox.boxes.images.recipe import Recipe, Step
from devbox.boxes.lock.index import normal
from devbox.boxes.lock.records import Base, Deb, LockedBox, LockedImage, LockedStep, Wheel

REQUIREMENTS = "locked.txt"
INSTALL = ("pip_install", "--no-deps", "--require-hashes", "-r", REQUIREMENTS)
SOURCES = (".tar.gz", ".zip")
CHECK = """\
RUN --mount=type=bind,from=devbox-build,target=/run/build \\
    . /run/build/prelude.sh && check_locked
"""


class OtherChain(Exception):
    """The lock is of other images than these; the message says how they differ."""


def locked_recipe(recipe: Recipe, box: LockedBox) -> Recipe:
    """The chain of ``recipe`` with the packages of ``box``. Raises OtherChain."""
    locked_names = [image.name for image in box.images]
    names = [step.name for step in recipe.steps]
    if locked_names != names:
        raise OtherChain(f"images: {', '.join(locked_names)} -> {', '.join(names)}")
    parent = base_reference(box.base)
    steps: list[Step] = []
    for step, image, expected in zip(recipe.steps, box.images, _expected(box), strict=True):
        made = _locked(step, image, box, parent, expected)
        steps.append(made)
        parent = made.tag
    return replace(recipe, external=base_reference(box.base), steps=tuple(steps), locked=box)


def packages_of(box: LockedBox) -> tuple[str, ...]:
    """All packages of a locked box, as ``deb NAME VERSION ARCHITECTURE`` and ``python NAME
    VERSION``, sorted."""
    return tuple(_expected(box))[-1]


def base_reference(base: Base) -> str:
    """The reference of a locked base: by its digest, or the tag that it gets where it is made.
    "" where a project's own Dockerfile is the start."""
    if base.digest:
        return f"{repository(base.reference)}@{base.digest}"
    if base.release:
        return f"devbox/debian:{base_hash(base)}"
    return ""


def base_hash(base: Base) -> str:
    """What the tag of a made base says: its release and its packages."""
    return f"{base.release}-{_digest([deb.line for deb in base.apt])}"


def repository(reference: str) -> str:
    """A reference without tag and digest."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _locked(
    step: Step, image: LockedImage, box: LockedBox, parent: str, expected: tuple[str, ...]
) -> Step:
    locked = LockedStep(image.apt, image.python, box.uv, box.archives, expected)
    # A project's own Dockerfile starts from what it names itself.
    parent = parent if step.parent else ""
    said = [*(deb.line for deb in image.apt), "", *(wheel.line for wheel in image.python)]
    key = _digest([step.hash, parent, box.uv.line if box.uv else "", said, expected])
    last = image is box.images[-1]
    return replace(
        step,
        tag=f"devbox/{step.name}:{key}",
        hash=key,
        parent=parent,
        args={**step.args, "BASE": parent} if parent else step.args,
        dockerfile=step.dockerfile + CHECK if last else step.dockerfile,
        install=(_install(image.python),) if step.install else (),
        files={REQUIREMENTS: requirements(image.python)} if step.install else step.files,
        locked=locked,
    )


def requirements(wheels: Sequence[Wheel]) -> bytes:
    """Python packages as a requirements file with hashes."""
    lines = [f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels if w.file]
    return "".join(lines).encode()


def from_source(wheels: Sequence[Wheel]) -> bool:
    """Whether something has to be built, which takes an index: what builds it is not locked."""
    return any(wheel.file.endswith(SOURCES) for wheel in wheels)


def _install(wheels: Sequence[Wheel]) -> tuple[str, ...]:
    if not any(wheel.file for wheel in wheels):
        return ("true",)
    return INSTALL if from_source(wheels) else (*INSTALL, "--no-index")


def _expected(box: LockedBox) -> Iterator[tuple[str, ...]]:
    """The packages of each image of a box, as ``deb NAME VERSION ARCHITECTURE`` and ``python
    NAME VERSION``."""
    debs = {(deb.name, deb.architecture): deb for deb in box.base.apt}
    python = {normal(wheel.name): wheel for wheel in box.base.python}
    for image in box.images:
        debs = {key: deb for key, deb in debs.items() if key[0] not in image.removed}
        debs |= {(deb.name, deb.architecture): deb for deb in image.apt}
        python |= {normal(wheel.name): wheel for wheel in image.python}
        yield expected_lines(debs, python)


def expected_lines(
    debs: Mapping[tuple[str, str], Deb], python: Mapping[str, Wheel]
) -> tuple[str, ...]:
    """A list of packages as it is compared: sorted, a line each."""
    lines = [f"deb {deb.name} {deb.version} {deb.architecture}" for deb in debs.values()]
    lines += [f"python {name} {wheel.version}" for name, wheel in python.items()]
    return tuple(sorted(lines))


def _digest(value: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]
