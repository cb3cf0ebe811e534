"""What a box is built from: a chain of images, each named after the content it is made of.

A :class:`Recipe` is computed from a box's configuration and files alone. The hash in a tag covers
the Dockerfile, every file that reaches the build, the parent's hash or reference, arguments and
platform; it covers no time, no path of this machine and nothing of how it reaches the network.
So the same project gives the same tags in every checkout, and an image that exists is right.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devbox.boxes.images.boxlayer import box_dockerfile, box_files
from devbox.boxes.images.context import fingerprint, folder_files
from devbox.config.spec import BoxSpec, Build, Settings
from devbox.errors import ConfigError, Problem

SHARED_SCRIPTS = "build"
BOX_PROGRAMS = "box"
PYTHON_OF_SUITE = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
_SUITES = {"11": "bullseye", "12": "bookworm", "13": "trixie"}
_DEBIAN = re.compile(r"(?:^|/)debian:([a-z]+|\d+)(?:\.\d+)?(?:-\d{8})?(?:-slim)?$")
_BASE_ARGUMENT = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One image of the chain.

    ``context`` is the folder that is sent to the build; where it is None, ``files`` are the whole
    context. ``contexts`` are further folders by name. ``parent`` is the tag or the external
    reference it starts from, "" where only the project's own Dockerfile knows.
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


@dataclass(frozen=True)
class Recipe:
    """The steps from the base to the image that a box runs, in the order they are built.

    ``external`` is the reference of the image that the first step starts from, "" where that
    step is the project's own Dockerfile.
    """

    external: str
    steps: tuple[Step, ...]
    platform: str = ""

    @property
    def tag(self) -> str:
        """The tag of the image that the box runs."""
        return self.steps[-1].tag

    @property
    def hash(self) -> str:
        """The content hash of the image that the box runs."""
        return self.steps[-1].hash


def recipe(spec: BoxSpec, settings: Settings, images_dir: Path) -> Recipe:
    """The chain of images for a box: the profile's or the project's own, then the box layer.

    Raises ConfigError for a profile image that does not exist, for requirement files that
    cannot be used, and for package names that hold what no name holds.
    """
    scripts = images_dir / SHARED_SCRIPTS
    steps: list[Step] = []
    external = ""
    if spec.build is not None:
        steps.append(_own_build(spec.build, spec.platform, images_dir))
    elif spec.image:
        external = spec.image
    else:
        external = settings.base_image
        steps.extend(_shipped_chain(spec, settings, images_dir))
    own_image = not spec.profile_image
    layer = box_files(spec)
    parent = steps[-1] if steps else None
    steps.append(
        _step(
            name="box",
            kind="box",
            dockerfile=box_dockerfile(spec, own_image=own_image),
            parent=parent.tag if parent else external,
            parent_key=parent.hash if parent else external,
            files=layer,
            contexts={"devbox-build": scripts, "devbox-box": images_dir / BOX_PROGRAMS},
            platform=spec.platform,
        )
    )
    return Recipe(external, tuple(steps), spec.platform)


def service_recipe(build: Build, images_dir: Path, platform: str = "") -> Recipe:
    """The one image of a service with a Dockerfile of its own."""
    return Recipe("", (_own_build(build, platform, images_dir),), platform)


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
    names = _ancestry(spec.profile_image, images_dir)
    if "python" not in names and (spec.python or spec.pip or spec.requirements):
        names.append("python")
    steps: list[Step] = []
    for name in names:
        text = (images_dir / name / "Dockerfile").read_text()
        takes_version = re.search(r"^ARG PYTHON=", text, re.MULTILINE) is not None
        steps.append(
            _step(
                name=name,
                kind="base" if not steps else "profile",
                dockerfile=text,
                parent=steps[-1].tag if steps else settings.base_image,
                parent_key=steps[-1].hash if steps else settings.base_image,
                context=images_dir / name,
                contexts={"devbox-build": images_dir / SHARED_SCRIPTS},
                args={"PYTHON": version} if takes_version and version else {},
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
        name = base.removeprefix("devbox/") if base.startswith("devbox/") else ""
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
    dockerfile: str,
    parent: str,
    parent_key: str,
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
        args={**args, "BASE": parent} if parent else args,
        platform=platform,
        target=target,
    )


def _sums(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
