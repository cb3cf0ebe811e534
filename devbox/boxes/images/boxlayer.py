"""What a box adds to its image: Debian packages, Python packages, and devbox's own programs.

Each is a step of its own, devbox's programs last, so that a new version of devbox does not
install every package again. They run in any image with a POSIX shell; what they ask for beyond
that (apt, Python) fails in its own step with a sentence. Names are those that
:mod:`devbox.config.values` lets pass.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError, Problem

Install = tuple[str, ...]
"""A function of the shared script that installs Python packages, and its arguments."""

_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=[rc]))(\S+)")
_LOCAL = re.compile(
    r"^\s*(?:(?:-e|--editable)(?:\s|=)\s*(?![a-z+]+://)|\.{1,2}(?:/|\s|$|\[)|/|file:)"
)

_HEAD = """\
# Made by devbox: {what}
ARG BASE
FROM ${{BASE}}
USER root
"""
_APT = """\
RUN --mount=type=bind,from=devbox-build,target=/run/build \\
    --mount=type=secret,id=devbox-ca,mode=0444 \\
    --mount=type=secret,id=devbox-apt \\
    --mount=type=cache,id=devbox-apt,target=/var/cache/devbox-apt,sharing=locked \\
    . /run/build/prelude.sh && apt_install {packages}
"""
_ENVIRONMENT = """\
RUN --mount=type=bind,from=devbox-build,target=/run/build \\
    --mount=type=bind,from=devbox-wheels,target=/run/wheels \\
    --mount=type=secret,id=devbox-ca,mode=0444 \\
    --mount=type=secret,id=devbox-uv \\
    --mount=type=cache,id=devbox-uv,target=/var/cache/devbox-uv \\
    . /run/build/prelude.sh && own_environment {python}
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
"""
BOX_DOCKERFILE = (
    _HEAD.format(what="devbox's programs in a box.")
    + "COPY --from=devbox-box --chmod=755 / /usr/local/lib/devbox/\n"
    + "COPY --chmod=755 . /usr/local/lib/devbox/sdk/\n"
    + "RUN /usr/local/lib/devbox/sdk-setup\n"
)


def system_dockerfile(spec: BoxSpec, *, own_image: bool) -> str:
    """The Dockerfile of the Debian packages, "" where there is nothing to do.

    ``own_image``: the parent is not one of devbox's images, so the Python environment has to be
    made here too.
    """
    lines = []
    if spec.apt:
        lines.append(_APT.format(packages=quoted(spec.apt)))
    if own_image and (spec.python or spec.pip or spec.requirements):
        lines.append(_ENVIRONMENT.format(python=quoted([spec.python])))
    head = _HEAD.format(what="what this box adds to its system.")
    return "".join([head, *lines]) if lines else ""


def installs(spec: BoxSpec) -> tuple[Install, ...]:
    """What installs the Python packages of a box, among :func:`box_files`; empty without any.

    Lock files one by one, as they are; all the rest in one resolution.
    """
    commands: list[Install] = []
    together: list[str] = []
    tool = "pip_install"
    for path in spec.requirements:
        name = _place(path, spec.project)
        if path.name == "uv.lock":
            commands.append(("install_uv_lock", str(PurePosixPath(name).parent)))
        elif re.fullmatch(r"pylock(\..+)?\.toml", path.name):
            commands.append(("uv_install", "-r", name))
        else:
            together += ["-r", name]
            # Only uv installs what a project depends on without the project itself.
            tool = "uv_install" if path.suffix == ".toml" else tool
    together += spec.pip
    if together:
        commands.append((tool, *together))
    return tuple(commands)


def box_files(spec: BoxSpec) -> dict[str, bytes]:
    """The files that the installation is given: the requirement files, what they include, and
    nothing else of the project. Raises ConfigError where one cannot be used."""
    found: dict[str, bytes] = {}
    for path in spec.requirements:
        _gather(path, spec.project, found)
    return found


def quoted(words: Iterable[str]) -> str:
    """Words for a RUN line: each one stays one word, whatever it holds."""
    return " ".join(shlex.quote(word) for word in words)


def _place(path: Path, project: Path) -> str:
    """Where a file of the project lies in the build context."""
    try:
        return path.relative_to(project).as_posix()
    except ValueError:
        return f"outside/{path.name}"


def _gather(path: Path, project: Path, found: dict[str, bytes]) -> None:
    name = _place(path, project)
    if name in found:
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        why = f"The file cannot be read: {error.strerror}."
        raise ConfigError([Problem(str(path), 0, "", why)]) from error
    found[name] = data
    if path.name == "uv.lock":
        _gather(path.parent / "pyproject.toml", project, found)
    elif path.suffix != ".toml":
        for include in _includes(path, data.decode("utf-8", "replace")):
            if not include.resolve().is_relative_to(project.resolve()):
                why = f"{include} lies outside the project, so it cannot reach the build."
                raise ConfigError([Problem(str(path), 0, "", why)])
            _gather(include, project, found)


def _includes(path: Path, text: str) -> list[Path]:
    """The files that a requirements file names; refuses what only exists in the workspace."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if _LOCAL.match(line):
            raise ConfigError(
                [Problem(str(path), number, "", f"'{line.strip()}' is not there during a build.")],
                hint='Install it when the box is made: on_create = ["pip install -e ."].',
            )
        match = _INCLUDE.match(line)
        if match and "://" not in match[1]:
            found.append(Path(os.path.normpath(path.parent / match[1])))
    return found
