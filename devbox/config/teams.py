"""Profiles of teams as they are installed: folders of plain files, and a record of each.

``profiles/TEAM/record.json`` in devbox's own folder says where the profiles came from, at which
commit, the hash of every file, and what the person agreed to; the files lie beside it in a
folder named after the commit. Whatever is not as recorded is not read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from devbox.config.names import clip, is_name
from devbox.config.source import is_file
from devbox.errors import ConfigError, Problem

RECORD = "record.json"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Ask(NamedTuple):
    """Something that a profile wants and a person has to agree to: ``kind`` is "mount",
    "port", "service", "image", "build", "hook" or "secret"."""

    profile: str
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.profile}: {self.kind} {self.what}"


@dataclass(frozen=True)
class Team:
    """The profiles of one git repository at one commit.

    ``files`` maps every path below ``folder`` to the SHA-256 of its content. ``ref`` is the
    branch, tag or commit that `update` follows, "" the repository's default branch; ``kind``
    says which of these it is. ``consent`` is what the person agreed to.
    """

    name: str
    folder: Path
    url: str
    ref: str
    kind: str
    commit: str
    files: Mapping[str, str] = field(repr=False)
    consent: frozenset[Ask] = frozenset()

    def profiles(self) -> dict[str, Path]:
        """The profiles by name: those in the folder ``profiles``, else those at the top."""
        return {PurePosixPath(name).stem: self.folder / name for name in profile_files(self.files)}

    def shown(self, path: Path) -> str:
        """How messages call a file of the team."""
        return f"{self.name}/{path.relative_to(self.folder).as_posix()}"

    def verify(self) -> None:
        """Hold the files against the record. Raises ConfigError for the first that differs."""
        found = dict(_walk(self.folder))
        for name in sorted(found.keys() | self.files.keys()):
            if name not in self.files:
                raise self._changed(name, "was put there by hand")
            if name not in found:
                raise self._changed(name, "is missing")
            if stat.S_ISLNK(found[name]):
                raise self._changed(name, "is a symbolic link")
            if not stat.S_ISREG(found[name]) or _sum(self.folder / name) != self.files[name]:
                raise self._changed(name, "was changed")

    def _changed(self, name: str, what: str) -> ConfigError:
        hint = f"`devbox profile update {self.name}` restores the files of {self.commit[:7]}"
        shown = name if name.isprintable() else ascii(name)
        return ConfigError([Problem(f"{self.name}/{shown}", 0, "", what, hint)])


def profile_files(files: Mapping[str, str]) -> list[str]:
    """Which files of a repository are profiles."""
    tomls = [PurePosixPath(name) for name in sorted(files) if name.endswith(".toml")]
    inner = [path for path in tomls if path.parts[:-1] == ("profiles",)]
    return [str(path) for path in inner or tomls if inner or len(path.parts) == 1]


class Teams:
    """The teams whose profiles are installed in ``folder``. ``others`` go before those."""

    def __init__(self, folder: Path, others: Mapping[str, Team] | None = None) -> None:
        self._folder = folder
        self._known: dict[str, Team | None] = dict(others or {})
        self._verified: set[str] = set()

    def ls(self) -> tuple[Team, ...]:
        """Every team, by name. ConfigError where a record is broken."""
        names = set(self._known)
        if self._folder.is_dir():
            names |= {each.name for each in self._folder.iterdir() if is_name(each.name)}
        return tuple(team for name in sorted(names) if (team := self.get(name)))

    def get(self, name: str) -> Team | None:
        """A team, None where it is not installed. ConfigError where its record is broken."""
        if name not in self._known:
            file = self._folder / name / RECORD
            self._known[name] = read_record(file) if is_name(name) and is_file(file) else None
        return self._known[name]

    def verified(self, name: str) -> Team | None:
        """As :meth:`get`, and its files are what was installed; ConfigError otherwise."""
        team = self.get(name)
        if team is not None and name not in self._verified:
            team.verify()
            self._verified.add(name)
        return team


def read_record(file: Path) -> Team:
    """The team that a record describes. Raises ConfigError for one that can't be used."""
    try:
        return _from_record(file, json.loads(file.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = f"remove it: devbox profile rm {file.parent.name}"
        message = f"is not a record of a team's profiles: {clip(str(error))}"
        raise ConfigError([Problem(str(file), 0, "", message, hint)]) from error


def _from_record(file: Path, record: dict[str, Any]) -> Team:
    commit = str(record["commit"])
    if file.is_symlink() or file.parent.is_symlink():
        raise ValueError("it is a symbolic link")
    if _COMMIT.fullmatch(commit) is None:
        raise ValueError("it names no commit")
    return Team(
        name=file.parent.name,
        folder=file.parent / commit,
        url=str(record["url"]),
        ref=str(record["ref"]),
        kind=str(record["kind"]),
        commit=commit,
        files={str(path): str(digest) for path, digest in record["files"].items()},
        consent=frozenset(Ask(*map(str, each)) for each in record["consent"]),
    )


def to_record(team: Team) -> dict[str, Any]:
    """What is written for a team."""
    return {
        "url": team.url,
        "ref": team.ref,
        "kind": team.kind,
        "commit": team.commit,
        "files": dict(sorted(team.files.items())),
        "consent": sorted(team.consent),
    }


def _walk(folder: Path) -> list[tuple[str, int]]:
    """Everything below a folder but folders, as (path, mode); no link is followed."""
    found = []
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(above) / name
            mode = path.lstat().st_mode
            if not stat.S_ISDIR(mode):
                found.append((path.relative_to(folder).as_posix(), mode))
    return found


def _sum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
