"""Profiles: reusable definitions of a box, each a TOML file that may extend another.

A profile is named (``python``: shipped, or in the person's profiles folder), a team's
(``acme/gpu``), or a path (``./team.toml``, relative to the file that names it). Shipped names are
never replaced by a person's file, so that a committed devbox.toml means the same for everyone.

What a team's profile names stays in the team's folder: it extends shipped profiles and its own
siblings, and never a person's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from devbox.config.asks import in_team, own_mounts
from devbox.config.kinds import At, Kind, Wrong, pattern, text
from devbox.config.locate import Place
from devbox.config.merge import Layer, check
from devbox.config.names import clip, is_name
from devbox.config.shipped import shipped
from devbox.config.source import Source, is_file, is_folder, read, shown
from devbox.config.tables import Key, read_table, unknown_key
from devbox.config.teams import Team, Teams
from devbox.errors import ConfigError, Problem, UsageError
from devbox.home import home, settings_file

DEEPEST = 10
NOT_IN_PROFILE = ("name", "profile")

_BOX_IN_PROFILE = Kind(lambda value, _: value, {"type": "object"})
KEYS = {
    "description": Key(text(), "One line that says what the profile is for."),
    "extends": Key(text(), "The profile this one builds on: a name or a path."),
    "image": Key(pattern("[a-z0-9][a-z0-9-]*", "the name of a shipped image"), "A shipped image."),
    "box": Key(_BOX_IN_PROFILE, "Keys of [box]."),
}


class ShippedImage(str):
    """The name of a folder of images/, as opposed to an image reference."""

    __slots__ = ()


@dataclass(frozen=True)
class Profile:
    """One profile file, checked. ``image`` is a folder of images/, or "". ``origin`` is
    "shipped", "person", "team" or "file"; ``starter`` a folder with a starter project, if there
    is one. A team's has the ``commit`` it is from."""

    name: str
    origin: str
    file: Path
    description: str
    extends: str
    image: str
    starter: Path | None
    box: dict[str, Any] = field(default_factory=dict)
    layers: tuple[Layer, ...] = field(default=(), repr=False, compare=False)
    team: Team | None = field(default=None, repr=False, compare=False)

    @property
    def commit(self) -> str:
        """The commit that a team's profile is from, "" for others."""
        return self.team.commit if self.team else ""

    @property
    def values(self) -> Mapping[Place, Any]:
        """The checked values of its [box], by place."""
        return self.layers[-1].values

    @property
    def shown(self) -> str:
        """How messages call its file."""
        return self.layers[0].source.origin(()).file


class Profiles:
    """All profiles that can be named here. ``project`` is the folder whose files a profile
    may refer to, ``teams`` where those of teams are: devbox's own folder unless given."""

    def __init__(
        self, project: Path | None = None, person: Path | None = None, teams: Teams | None = None
    ) -> None:
        self._project = project
        self._person = person
        self._teams = teams or Teams(home() / "profiles")
        self._read: dict[Path, Profile] = {}

    @cached_property
    def _named(self) -> dict[str, tuple[str, Path]]:
        person = self._person or settings_file().parent / "profiles"
        found: dict[str, tuple[str, Path]] = {}
        for origin, folder in (("person", person), ("shipped", shipped("profiles"))):
            for file in sorted(folder.glob("*.toml")) if is_folder(folder) else ():
                found[file.stem] = (origin, file)
        return dict(sorted(found.items()))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Every name, those of teams too."""
        teams = [f"{team.name}/{name}" for team in self._teams.ls() for name in team.profiles()]
        return (*self._named, *sorted(teams))

    def ls(self) -> tuple[Profile, ...]:
        """Every named profile. ConfigError where one is broken."""
        return tuple(self.get(name) for name in self._names)

    def get(self, name: str, base: Path | None = None) -> Profile:
        """The profile called ``name``, or at that path, seen from the folder ``base``.
        UsageError where there is none, ConfigError where the file is wrong."""
        return self.chain(name, base)[0]

    def chain(self, name: str, base: Path | None = None) -> tuple[Profile, ...]:
        """The profile and what it extends, strongest first. Errors as for :meth:`get`."""
        try:
            return self.resolve(name, base or Path.cwd())
        except Wrong as wrong:
            raise UsageError(wrong.message, hint=wrong.hint) from wrong

    def resolve(self, name: str, base: Path) -> tuple[Profile, ...]:
        """As :meth:`chain`, but Wrong where there is no profile of that name: for a caller
        who knows in which file and line the name stands."""
        chain = [self._load(name, base)]
        while chain[-1].extends:
            last = chain[-1]
            try:
                following = self._load(last.extends, last.file.parent, last.team)
            except Wrong as wrong:
                raise _problem(last, wrong.message, wrong.hint) from wrong
            chain.append(following)
            path = " -> ".join(profile.name for profile in chain)
            if following.file in {profile.file for profile in chain[:-1]}:
                raise _problem(last, f"profiles extend each other in a circle: {path}")
            if len(chain) > DEEPEST:
                raise _problem(last, f"more than {DEEPEST} profiles extend each other: {path}")
        return tuple(chain)

    def starter(self, name: str, base: Path | None = None) -> Path | None:
        """The starter project of a profile or of the nearest it extends."""
        return next((each.starter for each in self.chain(name, base) if each.starter), None)

    def lint(self, name: str = "") -> tuple[Problem, ...]:
        """What is wrong with one profile (a name or a path), or with all named ones."""
        return tuple(dict.fromkeys(self._lint(name) if name else self._lint_all()))

    def _lint_all(self) -> Iterator[Problem]:
        for name in self._names:
            yield from self._lint(name)
        ours = shipped("profiles")
        person = self._person or settings_file().parent / "profiles"
        for file in sorted(person.glob("*.toml")) if is_folder(person) else ():
            if (ours / file.name).is_file():
                hint = f"rename it; it may say extends = '{file.stem}'"
                yield Problem(shown(file), 0, "", "is hidden by the shipped profile", hint)
            elif not is_name(file.stem):
                yield Problem(shown(file), 0, "", f"{clip(file.stem)} is not a profile name")

    def _lint(self, name: str) -> Iterator[Problem]:
        try:
            chain = self.resolve(name, Path.cwd())
        except ConfigError as error:
            yield from error.problems
            return
        except Wrong as wrong:
            yield Problem("profile", 0, "", wrong.message, wrong.hint)
            return
        first = chain[0]
        if not first.description:
            yield Problem(first.shown, 0, "description", "is missing")
        if not any(profile.image or profile.box.keys() & {"image", "build"} for profile in chain):
            path = " -> ".join(profile.name for profile in chain)
            yield Problem(first.shown, 0, "image", f"no profile of {path} names an image")

    def _load(self, name: str, base: Path, within: Team | None = None) -> Profile:
        """A profile; ``within`` is the team whose profile names it."""
        origin, file, team = self._find_in(within, name, base) if within else self._find(name, base)
        if file not in self._read:
            self._read[file] = self._parse(name, origin, file, team)
        return self._read[file]

    def _find(self, name: str, base: Path) -> tuple[str, Path, Team | None]:
        if is_path(name):
            path = Path(os.path.normpath(base / os.path.expanduser(name)))  # noqa: PTH111
            if not is_file(path):
                raise Wrong(f"there is no profile file {clip(name)} (looked for {shown(path)})")
            return "file", path, None
        if "/" in name:
            return self._find_team(name)
        if name not in self._named:
            raise unknown_key(name, self._names, "profile")
        return *self._named[name], None

    def _find_team(self, name: str) -> tuple[str, Path, Team]:
        first, _, profile = name.partition("/")
        if not is_name(first) or not is_name(profile):
            raise Wrong(f"{clip(name)} is no profile", "write 'TEAM/NAME', or './file' for a path")
        team = self._teams.verified(first)
        if team is None:
            hint = f"install them: devbox profile add GIT-URL --name {first}"
            raise Wrong(f"{clip(name)}: the profiles of {first} are not installed", hint)
        profiles = team.profiles()
        if profile not in profiles:
            raise unknown_key(profile, profiles, f"profile of {first}")
        return "team", profiles[profile], team

    def _find_in(self, team: Team, name: str, base: Path) -> tuple[str, Path, Team | None]:
        """What a team's own profile may extend: shipped ones, siblings, files of its folder."""
        if is_path(name):
            path = Path(os.path.normpath(base / name))
            if not path.is_relative_to(team.folder):
                raise Wrong(f"{clip(name)} leaves the team's folder")
            if path.relative_to(team.folder).as_posix() not in team.files:
                raise Wrong(f"there is no {clip(name)} in the team's folder")
            return "team", path, team
        origin, file = self._named.get(name, ("", Path()))
        if origin == "shipped":
            return origin, file, None
        siblings = team.profiles()
        if name not in siblings:
            ours = [known for known, (where, _) in self._named.items() if where == "shipped"]
            raise unknown_key(name, [*ours, *siblings], "profile")
        return "team", siblings[name], team

    def _parse(self, name: str, origin: str, file: Path, team: Team | None) -> Profile:
        name = name if origin in {"shipped", "person"} else file.stem
        called = ""
        if team:
            name, called = f"{team.name}/{name}", team.shown(file)
        document = read(file, called)
        inside = team.folder if team else None
        source = Source(f"profile {name}", file.parent, self._project, document, inside=inside)
        top = read_table(KEYS, document.data, At(source))
        inner = replace(source, prefix=("box",))
        layer = check(top.get("box", {}), inner, without=NOT_IN_PROFILE)
        image = top.get("image", "")
        if image and not is_file(shipped("images") / image / "Dockerfile"):
            wrong = unknown_key(image, _images(), "image")
            source.problem(("image",), wrong.message, wrong.hint)
        if image and (both := {"image", "build"} & {place[0] for place in layer.values}):
            inner.problem((sorted(map(str, both))[0],), "excludes the profile's 'image'")
        if source.problems:
            raise ConfigError(source.problems)
        starter = file.parent / file.stem / "starter"
        made = Profile(
            name,
            origin,
            file,
            top.get("description", ""),
            top.get("extends", ""),
            image,
            starter if is_folder(starter) else None,
            dict(top.get("box", {})),
            (Layer(source, {("image",): ShippedImage(image)} if image else {}), layer),
            team,
        )
        if team:
            _check_mounts(made, team)
        return made


def is_path(name: str) -> bool:
    """Whether a profile is named by its file: anything else with a slash is a team's."""
    return name.startswith((".", "/", "~")) or name.endswith(".toml")


def _check_mounts(profile: Profile, team: Team) -> None:
    for mount in own_mounts(profile):
        if in_team(mount, team) and not mount.read_only:
            message = f"the team's own {Path(mount.source).name} can only be mounted read-only"
            raise ConfigError([Problem(profile.shown, 0, "box", message, "add ':ro'")])


def _images() -> list[str]:
    folder = shipped("images")
    return [each.parent.name for each in folder.glob("*/Dockerfile")]


def _problem(profile: Profile, message: str, hint: str = "") -> ConfigError:
    origin = profile.layers[0].source.origin(("extends",))
    return ConfigError([Problem(origin.file, origin.line, "extends", message, hint)])
