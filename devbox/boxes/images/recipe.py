"""What a box is built from: a chain of images, each named after the content it is made of.

A :class:`Recipe` is computed from a box's configuration and files alone. The hash in a tag covers
the Dockerfile or the commands, every file that reaches the build, the parent's hash or
reference, arguments and platform; it covers no time, no path of this machine, no user of it and
nothing of how it reaches the network. So the same project gives the same tags in every checkout,
and an image that exists is right.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes.images.boxlayer import (
    BOX_DOCKERFILE,
    Install,
    box_files,
    installs,
    system_dockerfile,
)
from devbox.boxes.images.context import fingerprint, folder_files
from devbox.boxes.images.sdk import sdk_files
from devbox.config.spec import BoxSpec, Build, Gpu, Service, Settings
from devbox.errors import ConfigError, Problem

if TYPE_CHECKING:
    from devbox.boxes.lock.records import LockedBox, LockedStep

SHARED_SCRIPTS = "build"
BOX_PROGRAMS = "box"
PYTHON_OF_SUITE = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
_SUITES = {"11": "bullseye", "12": "bookworm", "13": "trixie"}
_DEBIAN = re.compile(r"(?:^|/)debian:([a-z]+|\d+)(?:\.\d+)?(?:-\d{8})?(?:-slim)?$")
SHIPPED = "devbox/"
_ARGUMENT = re.compile(r"^ARG ([A-Z]+)=", re.MULTILINE)
_BASE_ARGUMENT = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One image of the chain, built from a Dockerfile or, with ``install``, made of a container
    of its parent in which those commands of the shared script ran.

    ``context`` is the folder that is sent to the build; where it is None, ``files`` are the whole
    context, and what the commands of ``install`` find in their folder. ``contexts`` are further
    folders by name. ``parent`` is the tag or the external reference it starts from, "" where
    only the project's own Dockerfile knows.
    """

    name: str
    kind: str
    tag: str
    hash: str
    dockerfile: str
    parent: str
    context: Path | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    contexts: Mapping[str, Path] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    target: str = ""
    install: tuple[Install, ...] = ()
    locked: LockedStep | None = None


@dataclass(frozen=True)
class Recipe:
    """The steps from the base to the image that a box runs, in the order they are built.

    ``external`` is the reference of the image that the first step starts from, "" where that
    step is the project's own Dockerfile. ``locked`` is the lock that it keeps to.
    """

    external: str
    steps: tuple[Step, ...]
    platform: str = ""
    locked: LockedBox | None = None

    @property
    def tag(self) -> str:
        """The tag of the image that the box runs."""
        return self.steps[-1].tag

    @property
    def hash(self) -> str:
        """The content hash of the image that the box runs."""
        return self.steps[-1].hash


def recipe(spec: BoxSpec, settings: Settings, images_dir: Path) -> Recipe:
    """The chain of images for a box: the profile's or the project's own, then what the box adds.

    Raises ConfigError for a profile image that does not exist, and for requirement files that
    cannot be used.
    """
    steps: list[Step] = []
    external = ""
    if spec.build is not None:
        steps.append(_own_build(spec.build, spec.platform, images_dir))
    elif spec.image:
        external = spec.image
    else:
        external = settings.base_image
        steps.extend(_shipped_chain(spec, settings, images_dir))
    scripts = {"devbox-build": images_dir / SHARED_SCRIPTS}

    def add(kind: str, **parts: Any) -> None:
        parent = steps[-1] if steps else None
        steps.append(
            _step(
                name=kind,
                kind=kind,
                parent=parent.tag if parent else external,
                parent_key=parent.hash if parent else external,
                platform=spec.platform,
                **parts,
            )
        )

    if system := system_dockerfile(spec, own_image=not spec.profile_image):
        add("system", dockerfile=system, contexts=scripts)
    if commands := installs(spec):
        add("packages", install=commands, files=box_files(spec), contexts=scripts)
    programs = {"devbox-box": images_dir / BOX_PROGRAMS}
    add("box", dockerfile=BOX_DOCKERFILE, files=sdk_files(), contexts=programs)
    return Recipe(external, tuple(steps), spec.platform)


def service_recipe(service: Service, settings: Settings, images_dir: Path) -> Recipe | None:
    """What a service's image is built from: a Dockerfile of its own, or devbox's image that
    ``devbox/NAME`` names; None where it is any other image, which is pulled.

    Raises ConfigError for a devbox/NAME that does not exist.
    """
    if service.build is not None:
        return Recipe("", (_own_build(service.build, "", images_dir),))
    name = service.image.removeprefix(SHIPPED)
    if name == service.image or ":" in name or "@" in name:
        return None
    return shipped_recipe(name, settings, images_dir)


def shipped_recipe(name: str, settings: Settings, images_dir: Path) -> Recipe:
    """The chain of one of devbox's own images, without what a box adds. Raises ConfigError
    where there is none of that name."""
    spec = BoxSpec(name=name, project=images_dir, profile=name, profile_image=name)
    return Recipe(settings.base_image, tuple(_shipped_chain(spec, settings, images_dir)))


def suite(reference: str) -> str:
    """The Debian release that an image reference names, "" where it names none."""
    match = _DEBIAN.search(reference)
    if match is None:
        return ""
    name = _SUITES.get(match[1], match[1])
    return "" if name == "latest" else name


def bootstrap_tag(release: str) -> str:
    """The tag of a base image that was made from a distribution's packages."""
    return f"devbox/debian:{release}-slim"


def shipped_names(images_dir: Path) -> tuple[str, ...]:
    """The names of the images that come with devbox, sorted."""
    return tuple(sorted(path.parent.name for path in images_dir.glob("*/Dockerfile")))


def _shipped_chain(spec: BoxSpec, settings: Settings, images_dir: Path) -> list[Step]:
    version = "" if spec.python == PYTHON_OF_SUITE.get(suite(settings.base_image)) else spec.python
    # An optional GPU that is here has become "all".
    compute = "cuda" if spec.resources.gpus in {Gpu.COUNT, Gpu.ALL} else ""
    given = {"PYTHON": version, "COMPUTE": compute}
    names = _ancestry(spec.profile_image, images_dir)
    if "python" not in names and (spec.python or spec.pip or spec.requirements):
        names.append("python")
    steps: list[Step] = []
    for name in names:
        text = (images_dir / name / "Dockerfile").read_text()
        takes = _ARGUMENT.findall(text)
        steps.append(
            _step(
                name=name,
                kind="base" if not steps else "profile",
                dockerfile=text,
                parent=steps[-1].tag if steps else settings.base_image,
                parent_key=steps[-1].hash if steps else settings.base_image,
                context=images_dir / name,
                contexts={"devbox-build": images_dir / SHARED_SCRIPTS},
                args={key: given[key] for key in takes if given.get(key)},
                platform=spec.platform,
            )
        )
    return steps


def _ancestry(name: str, images_dir: Path) -> list[str]:
    """The shipped images that ``name`` builds on, root first, itself last."""
    chain: list[str] = []
    while name:
        file = images_dir / name / "Dockerfile"
        if name in chain or not file.is_file():
            raise ConfigError(
                [Problem(str(images_dir), 0, name, f"There is no image '{name}' in devbox.")],
                hint=f"Images are {', '.join(shipped_names(images_dir))}.",
            )
        chain.insert(0, name)
        default = _BASE_ARGUMENT.search(file.read_text())
        base = default[1] if default else ""
        name = base.removeprefix(SHIPPED) if base.startswith(SHIPPED) else ""
    return chain


def _own_build(build: Build, platform: str, images_dir: Path) -> Step:
    file = build.context / build.dockerfile
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            [Problem(str(file), 0, "", f"The Dockerfile cannot be read: {why}.")]
        ) from error
    return _step(
        name="own",
        kind="build",
        dockerfile=text,
        parent="",
        parent_key="",
        context=build.context,
        contexts={"devbox-build": images_dir / SHARED_SCRIPTS},
        args=dict(build.args),
        platform=platform,
        target=build.target,
        content=fingerprint(build.context),
    )


def _step(
    *,
    name: str,
    kind: str,
    parent: str,
    parent_key: str,
    dockerfile: str = "",
    install: tuple[Install, ...] = (),
    context: Path | None = None,
    files: Mapping[str, bytes] | None = None,
    contexts: Mapping[str, Path] | None = None,
    args: Mapping[str, str] | None = None,
    platform: str = "",
    target: str = "",
    content: str = "",
) -> Step:
    """A step with its tag. ``parent_key`` stands for the parent in the hash, ``content`` for the
    context where it was summed up already."""
    files, contexts, args = files or {}, contexts or {}, args or {}
    if not content:
        content = _digest(folder_files(context) if context else _sums(files))
    key = _digest(
        {
            "dockerfile": dockerfile,
            "install": install,
            "parent": parent_key,
            "content": content,
            "contexts": {which: folder_files(path) for which, path in contexts.items()},
            "args": dict(args),
            "platform": platform,
            "target": target,
        }
    )[:12]
    return Step(
        name=name,
        kind=kind,
        tag=f"devbox/{name}:{key}",
        hash=key,
        dockerfile=dockerfile,
        parent=parent,
        context=context,
        files=files,
        contexts=contexts,
        args={**args, "BASE": parent} if parent and dockerfile else args,
        platform=platform,
        target=target,
        install=install,
    )


def _sums(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
