"""The kinds of single values in a box: sizes, times, references, requirements, paths."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devbox.config.kinds import At, Kind, Wrong, by_type, expected, items, pattern, plain_text, text
from devbox.config.names import NAME, RULE, clip, is_name, safe_name
from devbox.config.source import is_file
from devbox.config.spec import Gpu
from devbox.config.units import parse_duration, parse_size

MIB = 1 << 20


def _name(line: str) -> str:
    if is_name(line):
        return line
    near = safe_name(line, fallback="")
    raise Wrong(f"{clip(line)} is not a name: {RULE}", f"try '{near}'" if near else "")


name = text(_name, pattern=f"^{NAME}$")

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REFERENCE = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
    rf"{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
image = pattern(_REFERENCE, "an image reference such as 'debian:bookworm-slim'", 400)
platform = pattern(r"linux/[a-z0-9]{2,12}(?:/v[0-9])?", "a platform such as 'linux/amd64'")
env_name = pattern(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")
_secret = pattern(r"[A-Z_][A-Z0-9_]*", "the name of a secret: A-Z, 0-9 and '_' only")
# What programs in the box are found, loaded or run by, and what a shell keeps for itself.
_NO_SECRETS = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "PWD", "OLDPWD", "TMPDIR", "_"),
    *("IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "UID", "EUID", "PPID", "SSH_AUTH_SOCK"),
    *("PYTHONHOME", "PYTHONPATH", "OPTIND", "OPTARG", "LINENO", "PS4"),
}
_NO_SECRETS_BELOW = ("DEVBOX_", "LD_", "BASH_", "GIT_CONFIG_")


def _secret_name(value: object, at: At) -> str:
    line = str(_secret.parse(value, at))
    if line in _NO_SECRETS or line.startswith(_NO_SECRETS_BELOW):
        raise Wrong(f"{line} cannot be a secret: programs in the box depend on it")
    return line


secret = Kind(_secret_name, _secret.schema)
apt = pattern(
    r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](?::[a-z0-9]+)?(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?",
    "a Debian package name, with '=version' if need be",
)


def _python() -> Kind:
    version = pattern(
        r"3\.(?:[0-9]|[1-9][0-9])(?:\.[0-9]{1,3})?", "a Python version such as '3.12'"
    )

    def parse(value: object, at: At) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise expected("text", value, 'write it in quotes, e.g. "3.12": 3.10 would read as 3.1')
        return version.parse(value, at)

    return Kind(parse, version.schema)


python = _python()


def _env_value(value: object, _: At) -> str:
    return "" if value == "" else plain_text(value)


env_value = Kind(_env_value, {"type": "string"})

_VERSION = r"(?:===|[<>=!~]=|[<>])\s*[A-Za-z0-9.*+!_-]+"
_REQUIREMENT = (
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[A-Za-z0-9._, -]*\])?\s*"
    rf"(?:\(?\s*{_VERSION}(?:\s*,\s*{_VERSION})*\s*\)?"
    r"|@\s*(?:git\+)?(?:https?|ssh)://[^\s`$\\\"'|<>]+)?"
    r"(?:\s*;[A-Za-z0-9 ._\"'<>=!~(),*+-]*)?"
)


def _requirement(line: str) -> str:
    if line.startswith("-"):
        hint = "options go to the user settings ([network]) or into a requirements file"
        raise Wrong(f"{clip(line)} is an option, not a package", hint)
    if len(line) > 500 or "--" in line or re.fullmatch(_REQUIREMENT, line) is None:
        hint = "local folders and files go to 'requirements'" if "/" in line else ""
        raise Wrong(f"{clip(line)} is not a requirement such as 'numpy>=2'", hint)
    return line


requirement = text(_requirement)


def distribution(line: str) -> str:
    """The package that a requirement is about, in its normal form."""
    match = re.match(_REQUIREMENT, line)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else line


def _sized(low: int) -> Kind:
    def parse(value: object, _: At) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise expected("a size such as '8GiB'", value)
        try:
            size = parse_size(value)
        except ValueError as error:
            raise Wrong(f"{clip(value)}: {error}", "write '8GiB' or '512MiB'") from error
        if size < low:
            raise Wrong(f"{clip(value)} is too little: {low // MIB}MiB at least")
        return size

    return Kind(parse, {"type": ["string", "integer"]})


memory = _sized(6 * MIB)
shared_memory = _sized(MIB)


def _duration(value: object, _: At) -> float:
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0.0
    if not isinstance(value, str):
        raise expected("a time such as '30m'", value)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Wrong(f"{clip(value)}: {error}", "write '30m', '1h30m' or '90s'") from error


def _some_time(value: object, at: At) -> float:
    seconds = _duration(value, at)
    if not seconds:
        raise Wrong("is 0, some time is expected")
    return seconds


duration = Kind(_duration, {"anyOf": [{"type": "string"}, {"const": 0}]})
some_time = Kind(_some_time, {"type": "string"})


def _gpus(value: object, _: At) -> tuple[Gpu, int]:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1024:
        return (Gpu.COUNT, value) if value else (Gpu.NONE, 0)
    if isinstance(value, str) and value in {Gpu.ALL, Gpu.OPTIONAL}:
        return Gpu(value), 0
    raise Wrong(f"{clip(value)} is not a number of GPUs, 'all' or 'optional'")


gpus = Kind(_gpus, {"anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["all", "optional"]}]})


def _command_line(line: str) -> tuple[str, ...]:
    import shlex

    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise Wrong(f"{clip(line)}: {str(error).lower()}") from error


_command_words = items(text())
command = by_type({str: text(_command_line), list: _command_words}, "text or a list")


def absolute(line: str, at: At) -> str:
    """A path of this machine: ``~`` expands, relative ones start at the source's folder."""
    path = os.path.expanduser(line)  # noqa: PTH111 - Path.expanduser raises for unknown users
    if path.startswith("~"):
        raise Wrong(f"{clip(line)}: the home folder of that user is not known")
    full = os.path.normpath(at.source.base / path)
    inside = at.source.inside
    if inside and not Path(path).is_absolute() and not Path(full).is_relative_to(inside):
        raise Wrong(f"{clip(line)} leaves the team's folder")
    return full


def in_box(line: str, forbidden: Callable[[str], bool] = lambda _: False) -> str:
    """An absolute path inside a container."""
    path = posixpath.normpath(line)
    if not line.startswith("/") or ".." in line.split("/") or path in {"/", "//"}:
        raise Wrong(f"{clip(line)} is not an absolute path inside the box")
    if forbidden(path):
        raise Wrong(f"{path} is devbox's own or the system's: choose another target")
    return path


_LOCKS = "requirements*.txt, pyproject.toml, uv.lock, pylock.toml"
_OTHER_TOOLS = {
    "poetry.lock": "export it: poetry export -o requirements.txt",
    "Pipfile.lock": "export it: pipenv requirements > requirements.txt",
    "environment.yml": "conda environments are not read; list the packages in 'pip'",
    "environment.yaml": "conda environments are not read; list the packages in 'pip'",
}


def _requirements_file(value: object, at: At) -> Path:
    line = plain_text(value)
    project = at.source.project
    path = Path(os.path.normpath((project or at.source.base) / line))
    readable = path.name in {"pyproject.toml", "uv.lock", "pylock.toml"}
    if not readable and path.suffix != ".txt" and not re.fullmatch(r"pylock\..+\.toml", path.name):
        hint = _OTHER_TOOLS.get(path.name, f"known: {_LOCKS}")
        raise Wrong(f"{clip(line)} is not a requirements or lock file", hint)
    if project is None:
        return path
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(project)):
        raise Wrong(f"{clip(line)} is outside the project")
    if not is_file(path):
        raise Wrong(f"{clip(line)} is not there")
    return path


requirements_file = Kind(_requirements_file, {"type": "string"})
