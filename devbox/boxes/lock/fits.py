"""Whether a lock is still that of a devbox.toml: what a box's packages follow from, compared.

Only what a project says counts. What differs between people and machines (the reference of the
base image, how the network is reached) and the version of devbox does not: a lock is there to
give all of them the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from devbox.boxes.images.boxlayer import box_files
from devbox.boxes.images.recipe import Recipe
from devbox.boxes.lock.records import Lock, LockedBox
from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError, Problem

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7"}


def inputs(spec: BoxSpec, recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """What decides about the packages of a box; keys without a value are left out. ``recipe`` is
    its chain of images, which may depend on whether it has a GPU.

    Raises ConfigError where a file of the project cannot be read.
    """
    values = {
        "profile": (spec.profile_image,),
        "image": (spec.image,),
        "build": (_own_build(spec),),
        "python": (spec.python,),
        "compute": tuple({step.args["COMPUTE"] for step in recipe.steps if "COMPUTE" in step.args}),
        "pip": spec.pip,
        "apt": spec.apt,
        "requirements": tuple(
            f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in box_files(spec).items()
        ),
    }
    return {key: value for key, value in values.items() if any(value)}


def platform_of(spec: BoxSpec, architecture: str) -> str:
    """The platform of a box on an engine, whose ``architecture`` is as it tells it."""
    return spec.platform or f"linux/{_MACHINES.get(architecture, architecture)}"


def unfit(lock: Lock | None, spec: BoxSpec, recipe: Recipe, platform: str) -> tuple[str, ...]:
    """Why a lock cannot be used for a box, a sentence's rest each; empty where it can."""
    name = spec.locked_as or spec.name
    found = lock.of(name) if lock else ()
    if lock is None:
        return ("there is no devbox.lock",)
    if not found:
        return (f"it does not have the box {name}",)
    entry = next((box for box in found if box.platform == platform), None)
    if entry is None:
        others = ", ".join(box.platform for box in found)
        return (f"it is for {others}, and this box is for {platform}",)
    return tuple(differences(entry.inputs, inputs(spec, recipe)))


def entry_of(lock: Lock, spec: BoxSpec, platform: str) -> LockedBox:
    """The entry of a box that :func:`unfit` has nothing against."""
    return next(box for box in lock.of(spec.locked_as or spec.name) if box.platform == platform)


def differences(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """What changed since, by key: ``pip: rich added``."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, ()), after.get(key, ())
        if old == new:
            continue
        if key == "build":
            yield "build: the Dockerfile or its arguments changed"
        elif key in {"profile", "image", "python", "compute"}:
            yield f"{key}: {' '.join(old) or 'unset'} -> {' '.join(new) or 'unset'}"
        else:
            yield f"{key}: {_changed(old, new)}"


def _changed(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    # A file of requirements is its name and a hash: one that changed is both gone and new.
    gone = [item.split(" ")[0] for item in old if item not in new]
    come = [item.split(" ")[0] for item in new if item not in old]
    parts = [f"{name} changed" for name in gone if name in come]
    parts += [f"{name} added" for name in come if name not in gone]
    parts += [f"{name} removed" for name in gone if name not in come]
    return ", ".join(parts) or "another order"


def _own_build(spec: BoxSpec) -> str:
    if spec.build is None:
        return ""
    file = spec.build.context / spec.build.dockerfile
    try:
        dockerfile = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(file), 0, "", "The Dockerfile cannot be read.")
        raise ConfigError([problem]) from error
    whole = [dockerfile, spec.build.target, dict(spec.build.args)]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
