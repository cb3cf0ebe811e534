"""The last layer of every box: a generated Dockerfile and the few files that it needs.

Packages come first and devbox's own programs last, so that a new version of devbox does not
install every package again. It runs in any image with a POSIX shell; what it asks for beyond
that (apt, Python) fails in its own step with a sentence.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError, Problem

APT_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?([=/][A-Za-z0-9.+:~*-]+)?")
PYTHON_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=[rc]))(\S+)")
_LOCAL = re.compile(
    r"^\s*(?:(?:-e|--editable)(?:\s|=)\s*(?![a-z+]+://)|\.{1,2}(?:/|\s|$|\[)|/|file:)"
)

_APT = """\
RUN --mount=type=bind,from=devbox-build,target=/run/build \\
    --mount=type=secret,id=devbox-ca,mode=0444 \\
    --mount=type=secret,id=devbox-apt \\
    --mount=type=cache,id=devbox-apt,target=/var/cache/devbox-apt,sharing=locked \\
    . /run/build/prelude.sh && {command}
"""
_PYTHON = """\
RUN --mount=type=bind,from=devbox-build,target=/run/build \\
    --mount=type=bind,from=devbox-wheels,target=/run/wheels \\
    --mount=type=bind,target=/run/project \\
    --mount=type=secret,id=devbox-ca,mode=0444 \\
    --mount=type=secret,id=devbox-pip \\
    --mount=type=secret,id=devbox-uv \\
    --mount=type=cache,id=devbox-pip,target=/var/cache/devbox-pip \\
    --mount=type=cache,id=devbox-uv,target=/var/cache/devbox-uv \\
    . /run/build/prelude.sh && {command}
"""


def box_dockerfile(spec: BoxSpec, *, own_image: bool) -> str:
    """The text of the Dockerfile. ``own_image``: the parent is not one of devbox's images, so
    the Python environment has to be made here.

    Raises ConfigError for names that are none; whatever passes is quoted for the shell.
    """
    lines = ["# Made by devbox: what this box adds to its image.\n", "ARG BASE\n"]
    lines += ["FROM ${BASE}\n", "USER root\n"]
    if spec.apt:
        packages = quoted(_apt_names(spec))
        lines.append(_APT.format(command=f"apt_install {packages}"))
    python = spec.python if own_image else ""
    if python and not PYTHON_VERSION.fullmatch(python):
        raise _problem(spec, "python", f"'{python}' is not a Python version.")
    if own_image and (python or spec.pip or spec.requirements):
        command = f"own_environment {shlex.quote(python)}"
        lines.append(_PYTHON.format(command=command))
        lines.append("ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH\n")
    for command in _install_commands(spec):
        lines.append(_PYTHON.format(command=command))
    lines.append("COPY --from=devbox-box --chmod=755 / /usr/local/lib/devbox/\n")
    return "".join(lines)


def box_files(spec: BoxSpec) -> dict[str, bytes]:
    """The files that the layer's build is sent: the requirement files, what they include, and
    nothing else of the project."""
    found: dict[str, bytes] = {}
    for path in spec.requirements:
        _gather(path, spec.project, found)
    return found


def quoted(words: Iterable[str]) -> str:
    """Words for a RUN line: each one stays one word, whatever it holds."""
    return " ".join(shlex.quote(word) for word in words)


def _install_commands(spec: BoxSpec) -> list[str]:
    """Lock files one by one, as they are; all the rest in one resolution."""
    commands, together = [], []
    for path in spec.requirements:
        name = _place(path, spec.project)
        if path.name == "uv.lock":
            commands.append(f"install_uv_lock {quoted([str(PurePosixPath(name).parent)])}")
        elif re.fullmatch(r"pylock(\..+)?\.toml", path.name):
            commands.append(f"pip_install -r {quoted([name])}")
        else:
            together += ["-r", name]
    together += _pip_names(spec)
    if together:
        commands.append(f"pip_install {quoted(together)}")
    return commands


def _apt_names(spec: BoxSpec) -> list[str]:
    for name in spec.apt:
        if not APT_NAME.fullmatch(name):
            raise _problem(spec, "apt", f"{name!r} is not the name of a Debian package.")
    return list(spec.apt)


def _pip_names(spec: BoxSpec) -> list[str]:
    for name in spec.pip:
        # An option would change what all others mean; a control character ends the line.
        if not name.strip() or name.strip().startswith("-") or not name.isprintable():
            raise _problem(spec, "pip", f"{name!r} is not the name of a Python package.")
    return [name.strip() for name in spec.pip]


def _problem(spec: BoxSpec, key: str, message: str) -> ConfigError:
    return ConfigError([Problem(str(spec.project / "devbox.toml"), 0, key, message)])


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
            found.append(Path(str((path.parent / match[1]).absolute())))
    return found
