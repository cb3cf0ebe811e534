"""`add`: install packages in the running box, then write them into devbox.toml."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.files import tar_of
from devbox.boxes.hooks import Inside, run_shown
from devbox.boxes.identity import RUN, User
from devbox.compute.engine.types import Container, Engine
from devbox.config.edit import add_packages, check_writable, replace_text
from devbox.config.kinds import At, Kind, Wrong
from devbox.config.source import Source
from devbox.config.values import apt as debian_package
from devbox.config.values import distribution, requirement
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report

KINDS = {"pip": requirement, "apt": debian_package}
FOLDER = f"{RUN}/add"
PYTHON = "/opt/venv/bin/python"
_WITH_SCRIPT = f'. {FOLDER}/prelude.sh; "$@"'
# Packages of the box's cache and settings; Debian's lists stay in the container.
_ENV = {"pip": {"DEVBOX_CACHE": "/cache/"}, "apt": {"DEVBOX_GIVEN": FOLDER}}


@dataclass(frozen=True)
class Added:
    """What an `add` did, or would do: ``manager`` is pip or apt, ``diff`` how ``file`` changes,
    "" where all is listed in it already. ``installed`` is false for a plan."""

    box: str
    manager: str
    packages: tuple[str, ...]
    file: Path
    diff: str
    installed: bool


def checked(manager: str, packages: Sequence[str]) -> tuple[str, ...]:
    """The names of packages. Raises UsageError for what is none."""
    kind: Kind = KINDS[manager]
    at = At(Source("command line", Path("/")))
    try:
        return tuple(kind.parse(package, at) for package in packages)
    except Wrong as wrong:
        raise UsageError(
            f"{wrong.message[:1].upper()}{wrong.message[1:]}.", hint=wrong.hint
        ) from wrong


class Entry:
    """The list of packages of one box, which is the ``table`` of a devbox.toml."""

    def __init__(self, file: Path, table: Sequence[str], manager: str) -> None:
        self.file = file
        self._table = table
        self._manager = manager

    def edited(self, packages: Sequence[str]) -> tuple[str, str]:
        """The file's text now and with the packages. Raises DevboxError where it can't be had."""
        check_writable(self.file)
        try:
            text = self.file.read_bytes().decode()
        except (OSError, ValueError) as error:
            raise DevboxError(f"{self.file} cannot be read: {error}.") from error
        same = distribution if self._manager == "pip" else _debian_name
        return text, add_packages(text, self._table, self._manager, packages, same)

    def diff(self, packages: Sequence[str]) -> str:
        """How the file would change, as a unified diff."""
        before, after = (text.splitlines(keepends=True) for text in self.edited(packages))
        name = self.file.name
        return "".join(difflib.unified_diff(before, after, name, name, n=2))

    def write(self, packages: Sequence[str]) -> None:
        """Change the file as it is now, whatever it was when this began."""
        before, after = self.edited(packages)
        if before != after:
            replace_text(self.file, after)


def install(
    engine: Engine,
    container: Container,
    user: User,
    manager: str,
    packages: Sequence[str],
    files: Mapping[str, bytes],
    report: Report,
) -> None:
    """Install packages in a running box, as an image of it would: Python's as the user, Debian's
    as root. ``files`` are the script and what it needs to reach the network.

    Raises DevboxError with the last lines where it fails.
    """
    if manager == "pip" and engine.call(container.id, ["test", "-x", PYTHON]).code:
        raise DevboxError(
            "The box has no Python environment to install into.",
            hint=f"Write pip = {list(packages)} into devbox.toml: `devbox up` makes one.".replace(
                "'", '"'
            ),
        )
    report(Progress("add", manager, ", ".join(packages)))
    who = user if manager == "pip" else User(0, 0)
    argv = ["sh", "-c", _WITH_SCRIPT, "sh", f"{manager}_install", *packages]
    with _given(engine, container, who, files):
        inside = Inside(engine, container.id, who, _ENV[manager])
        ended = run_shown(inside, argv, 0, manager, report, stage="add")
    if ended.code:
        raise DevboxError(
            f"{manager} could not install {', '.join(packages)}.",
            hint="devbox.toml is as it was.",
            detail=ended.last,
        )


@contextmanager
def _given(
    engine: Engine, container: Container, user: User, files: Mapping[str, bytes]
) -> Iterator[None]:
    """Have files in the box's memory for a while."""
    script = f"rm -rf {FOLDER} && mkdir -p {FOLDER} && tar -x -C {FOLDER}"
    done = engine.call(container.id, ["sh", "-c", script], user="0:0", input=tar_of(files, user))
    if done.code:
        raise DevboxError(
            f"Could not write to {RUN} in the box.",
            detail=done.stderr.decode(errors="replace").splitlines(),
        )
    try:
        yield
    finally:
        engine.call(container.id, ["rm", "-rf", FOLDER], user="0:0")


def _debian_name(package: str) -> str:
    return package.partition("=")[0]
