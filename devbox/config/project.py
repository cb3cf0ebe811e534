"""A project: the folder with a devbox.toml, and the boxes that it defines, resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devbox.config import resolve
from devbox.config.asks import check_consent
from devbox.config.find import FILE, find_project
from devbox.config.keys import STORAGE
from devbox.config.kinds import MISSING, At, Kind, Wrong, attempt
from devbox.config.merge import Layer, Merged, check, exclusive, merge, origins
from devbox.config.names import safe_name
from devbox.config.profiles import Profile, Profiles
from devbox.config.source import Origin, Source, read
from devbox.config.spec import BoxSpec, Settings
from devbox.config.tables import Key, read_table, table_schema, unknown_key
from devbox.config.teams import Teams
from devbox.config.values import name as box_name
from devbox.errors import ConfigError, Problem, SeveralBoxes, UsageError

DEFAULT_PROFILE = "python"

_TABLE = Kind(lambda value, _: value, {})
_STORAGE = Kind(lambda value, at: read_table(STORAGE, value, at), table_schema(STORAGE))
_FILE_KEYS = {
    "box": Key(_TABLE, "The box of the project."),
    "boxes": Key(_TABLE, "Or several."),
    "storage": Key(_STORAGE, "Where the project keeps its data."),
}


@dataclass(frozen=True)
class Resolved:
    """A box as it will be, and where each value came from: by dotted key (``env.HOME``,
    ``resources.memory``, ``pip``). Keys that no layer set are "default". ``table`` is where
    devbox.toml defines it: ("box",) or ("boxes", NAME)."""

    spec: BoxSpec
    table: tuple[str, ...]
    places: Mapping[tuple[str | int, ...], Merged] = field(repr=False)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """The strongest place that set each key."""
        return {key: found[0] for key, found in self.history.items()}

    @property
    def history(self) -> Mapping[str, tuple[Origin, ...]]:
        """Every place that set a key, strongest first: for lists all count, else the first."""
        defaults = {key: (Origin("default"),) for key in resolve.DEFAULT_KEYS}
        return defaults | origins(self.places)


@dataclass(frozen=True)
class Project:
    """The folder that holds ``file`` (devbox.toml), and its boxes by name."""

    root: Path
    file: Path
    boxes: Mapping[str, Resolved]

    def box(self, name: str | None = None, *, how: str = "one") -> Resolved:
        """The box called ``name``; without a name the only one. UsageError otherwise, which says
        ``how`` to name one."""
        if name is None:
            if len(self.boxes) > 1:
                raise SeveralBoxes(self.boxes, how)
            return next(iter(self.boxes.values()))
        if name not in self.boxes:
            wrong = unknown_key(name, self.boxes, "box")
            message = _sentence(f"{wrong.message} in {self.file}")
            raise UsageError(message, hint=_sentence(wrong.hint))
        return self.boxes[name]


def load(
    start: Path,
    *,
    settings: Settings,
    overrides: Mapping[str, object] | None = None,
    teams: Teams | None = None,
) -> Project:
    """Read and resolve the project around ``start``.

    ``overrides`` are [box] keys from the command line, dotted (``resources.memory``). Raises
    ConfigError with every problem of all files involved, and Refused where a team's profile
    asks for more than the person agreed to.
    """
    root = find_project(start)
    document = read(root / FILE)
    problems: list[Problem] = []
    top = Source("project", root, root, document, (), problems)
    parsed = read_table(_FILE_KEYS, document.data, At(top))
    loader = _Loader(root, settings, overrides or {}, problems, Profiles(root, teams=teams))
    boxes = {}
    for name, table, prefix in _tables(parsed, top):
        source = Source("project", root, root, document, prefix, problems)
        resolved = loader.box(name, check(table, source))
        if resolved is not None and resolved.spec.name in boxes:
            source.problem(("name",), f"another box is called {resolved.spec.name} already")
        elif resolved is not None:
            boxes[resolved.spec.name] = resolved
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return Project(root, root / FILE, boxes)


def storage_of(root: Path) -> str:
    """The storage location that the devbox.toml in a folder names; "" where it names none.

    Raises ConfigError where that part of it is wrong; the rest is not looked at.
    """
    document = read(root / FILE)
    found: list[Problem] = []
    top = Source("project", root, root, document, (), found)
    said = {"storage": document.data["storage"]} if "storage" in document.data else {}
    parsed = read_table(_FILE_KEYS, said, At(top))
    if found:
        raise ConfigError(found)
    return str(parsed.get("storage", {}).get("default", ""))


def problems(start: Path, *, settings_of: Callable[[], Settings]) -> tuple[Problem, ...]:
    """Everything that is wrong with the project around ``start`` and with the settings."""
    found: list[Problem] = []
    settings = Settings(owner="user")
    try:
        settings = settings_of()
    except ConfigError as error:
        found += error.problems
    try:
        load(start, settings=settings)
    except ConfigError as error:
        found += error.problems
    return tuple(dict.fromkeys(found))


def _sentence(text: str) -> str:
    end = "" if text.endswith("?") or not text else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def _tables(
    parsed: Mapping[str, Any], top: Source
) -> Iterator[tuple[str, object, tuple[str, ...]]]:
    """The box tables of a devbox.toml: their name ("" where it is not given), and place."""
    if "boxes" not in parsed:
        if "box" not in parsed:
            top.problem((), "has neither a [box] nor [boxes.NAME] tables", "see `devbox init`")
        else:
            yield "", parsed["box"], ("box",)
        return
    if "box" in parsed:
        top.problem(("box",), "excludes [boxes.NAME]: name this box too, e.g. [boxes.main]")
    boxes = parsed["boxes"]
    if not isinstance(boxes, dict) or not boxes:
        top.problem(("boxes",), "needs at least one table [boxes.NAME]")
        return
    for name, table in boxes.items():
        if attempt(box_name, name, At(top) / "boxes" / name) is not MISSING:
            yield name, table, ("boxes", name)


@dataclass(frozen=True)
class _Loader:
    """What is the same for all boxes of a project."""

    root: Path
    settings: Settings
    overrides: Mapping[str, object]
    problems: list[Problem]
    profiles: Profiles

    def box(self, name: str, project: Layer) -> Resolved | None:
        before = len(self.problems)
        layers = [self._command_line(), project, self._person()]
        chain = self._chain(layers)
        inherited = [layer for profile in chain for layer in profile.layers]
        places = merge([*exclusive(layers), *exclusive(inherited)])
        fallback = name or safe_name(self.root.name)
        spec = resolve.build(places, chain, fallback, self.root, self.problems)
        if len(self.problems) > before:
            return None
        return Resolved(spec, tuple(map(str, project.source.prefix)), places)

    def _command_line(self) -> Layer:
        table: dict[str, Any] = {}
        for dotted, value in self.overrides.items():
            *parents, last = dotted.split(".")
            inner = table
            for parent in parents:
                if not isinstance(inner.get(parent), dict):
                    inner[parent] = {}
                inner = inner[parent]
            inner[last] = value
        return check(table, Source("command line", self.root, self.root, problems=self.problems))

    def _person(self) -> Layer:
        file = self.settings.file
        document = read(file) if file is not None and self.settings.defaults else None
        base = file.parent if file is not None else self.root
        source = Source("user settings", base, self.root, document, ("box",), self.problems)
        return check(dict(self.settings.defaults), source, without=("name",))

    def _chain(self, layers: list[Layer]) -> tuple[Profile, ...]:
        """The profiles that apply, strongest first; none where the box has an own image."""
        for layer in layers:
            if ("image",) in layer.values or ("build",) in layer.values:
                return ()
            if ("profile",) in layer.values:
                return self._named(layer.values[("profile",)], layer.source)
        return self._named(DEFAULT_PROFILE, Source("default", self.root, problems=self.problems))

    def _named(self, name: str, source: Source) -> tuple[Profile, ...]:
        try:
            chain = self.profiles.resolve(name, source.base)
            check_consent(chain)
            return chain
        except Wrong as wrong:
            source.problem(("profile",), wrong.message, wrong.hint)
        except ConfigError as error:
            self.problems.extend(error.problems)
        return ()
