"""Starting a project: a commented devbox.toml, and a profile's starter files."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devbox.config.find import FILE
from devbox.config.names import RULE, clip, is_name, safe_name
from devbox.config.profiles import Profiles, is_path
from devbox.config.source import is_file
from devbox.config.written import toml
from devbox.errors import DevboxError, UsageError

# What a project may say already about its packages, the most exact first.
_REQUIREMENTS = ("requirements.txt", "uv.lock", "pyproject.toml")

_TEMPLATE = """\
# The environment of this project, the same for everyone who clones it: commit this file.
# `devbox up` brings the box up, `devbox config show` says where each value comes from,
# `devbox config schema --table` lists every key.

[box]
name = {name}
profile = {profile}
# python = "3.12"
{requirements}
# pip = ["numpy>=2"]
# apt = ["graphviz"]
# ports = [8888]                       # published on a free port of this machine
# data = {{ images = "~/data/images" }}  # seen at /data/images, read-only
# secrets = ["API_TOKEN"]
# stop_after = "2h"

# [box.env]
# PYTHONHASHSEED = "0"

# [box.resources]
# cpus = 4
# memory = "8GiB"
# gpus = "optional"                    # or a number, or "all"

# [box.services.db]
# image = "postgres:16"
# env = {{ POSTGRES_HOST_AUTH_METHOD = "trust" }}
# healthcheck = "pg_isready"

# [box.hooks]
# on_create = "pip install -e ."
"""


@dataclass(frozen=True)
class Started:
    """What `init` did: the devbox.toml it wrote, starter files copied, and those that were there
    already and are kept."""

    file: Path
    name: str
    profile: str
    copied: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()


def start_project(
    folder: Path,
    *,
    profile: str = "python",
    name: str = "",
    starter: bool = False,
    force: bool = False,
) -> Started:
    """Write a devbox.toml in ``folder``, which is made where it is missing.

    An existing one is only replaced with ``force``, other files never. Everything is checked
    before anything is written. Raises UsageError for a wrong name or profile, DevboxError
    where a file is in the way.
    """
    folder = Path(os.path.normpath(folder.absolute()))
    file = folder / FILE
    if name and not is_name(name):
        raise UsageError(f"{clip(name)} is not a name: {RULE}.")
    profiles = Profiles(folder)
    source = profiles.starter(profile) if starter else None
    profiles.get(profile)
    if starter and source is None:
        having = ", ".join(each.name for each in profiles.ls() if each.starter)
        raise UsageError(
            f"Profile {profile} has no starter project.", hint=f"These have one: {having}."
        )
    if os.path.lexists(file) and not force:
        raise DevboxError(f"{file} exists.", hint="--force replaces it.")
    if is_path(profile):
        profile = os.path.relpath(os.path.expanduser(profile), folder)  # noqa: PTH111
        profile = profile if profile.startswith("..") else f"./{profile}"
    name = name or safe_name(folder.name)
    text = _text(name, profile, folder, source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copied, kept = _copy(source, folder) if source else ((), ())
        _write(file, text, force=force)
    except OSError as error:
        denied = error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
        raise DevboxError(
            f"{error.filename or folder} cannot be used: {error.strerror}.",
            hint="Make it yours to write, or start the project elsewhere." if denied else "",
        ) from error
    return Started(file, name, profile, copied, kept)


def _text(name: str, profile: str, folder: Path, source: Path | None) -> str:
    if source is not None and is_file(source / FILE):
        text = (source / FILE).read_text(encoding="utf-8")
        for key, value in (("name", name), ("profile", profile)):
            line = f"{key} = {toml(value)}".replace("\\", r"\\")
            text = re.sub(rf"(?m)^{key} = .*$", line, text, count=1)
        return text
    found = next((name for name in _REQUIREMENTS if is_file(folder / name)), "")
    line = f'requirements = "{found or _REQUIREMENTS[0]}"'
    if not found:
        line = f"# {line}"
    return _TEMPLATE.format(name=toml(name), profile=toml(profile), requirements=line)


def _write(file: Path, text: str, *, force: bool) -> None:
    """All or nothing, and without ``force`` never over a file that appeared meanwhile."""
    handle, temporary = tempfile.mkstemp(prefix=f".{FILE}.", dir=file.parent)
    try:
        with open(handle, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
            stream.write(text)
            os.fchmod(stream.fileno(), 0o644)
        _place(Path(temporary), file, force=force)
    except FileExistsError as error:
        raise DevboxError(f"{file} exists.", hint="--force replaces it.") from error
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


def _place(temporary: Path, file: Path, *, force: bool) -> None:
    """Give a finished file its name; FileExistsError where it is taken, unless ``force``."""
    if not force:
        try:
            # A link fails where the name is taken; a rename would replace what is there.
            os.link(temporary, file)
            return
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
            # A file system without hard links.
            if os.path.lexists(file):
                raise FileExistsError(file) from error
    temporary.replace(file)


def _copy(source: Path, folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    copied, kept = [], []
    for file in _files(source):
        target = folder / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as stream:
                stream.write(file.read_bytes())
        except FileExistsError:
            kept.append(target)
            continue
        target.chmod(target.stat().st_mode | (file.stat().st_mode & 0o111))
        copied.append(target)
    return tuple(copied), tuple(kept)


def _files(source: Path) -> Iterator[Path]:
    for file in sorted(source.rglob("*")):
        if file.is_file() and file != source / FILE and "__pycache__" not in file.parts:
            yield file
