"""What the shell offers after Tab: names that cost little to find. Silent whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from devbox.config.teams import Team

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _offer(names: Callable[[], Iterable[str]]) -> Complete:
    """A completion from a function that lists every name."""

    @wraps(names)
    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
        try:
            return sorted({name for name in names() if name.startswith(begun)})
        except Exception:  # noqa: BLE001 - a message would land in the middle of the prompt
            return []

    return complete


def _boxes() -> Iterable[str]:
    from devbox.api import Devbox
    from devbox.errors import DevboxError
    from devbox.state import state_file

    found: set[str] = set()
    with Devbox() as door:
        with suppress(DevboxError):
            found.update(door.project().boxes)
        # Looking must not make the state file.
        if state_file(door.home).exists():
            found.update(box.name for box in door.last_known())
    return found


def _profiles() -> Iterable[str]:
    from devbox.config import shipped
    from devbox.home import settings_file

    for folder in (shipped("profiles"), settings_file().parent / "profiles"):
        if folder.is_dir():
            yield from (file.stem for file in folder.glob("*.toml"))
    for team in _installed_teams():
        yield from (f"{team.name}/{name}" for name in team.profiles())


def _teams() -> Iterable[str]:
    return (team.name for team in _installed_teams())


def _installed_teams() -> Iterable[Team]:
    from devbox.config.teams import Teams
    from devbox.home import home

    return Teams(home() / "profiles").ls()


def _models() -> Iterable[str]:
    from devbox.api import Devbox
    from devbox.state import state_file

    with Devbox() as door:
        # Looking must not make the state file.
        return door.models.names() if state_file(door.home).exists() else ()


def _locations() -> Iterable[str]:
    from devbox.api import Devbox
    from devbox.state import state_file

    with Devbox() as door:
        return [each.name for each in door.storage.ls()] if state_file(door.home).exists() else []


def _datasets() -> Iterable[str]:
    from devbox.api import Devbox
    from devbox.state import state_file

    with Devbox() as door:
        found = door.data.ls() if state_file(door.home).exists() else ()
        return [name for each in found for name in (each.name, f"{each.name}@{each.latest}")]


complete_box = _offer(_boxes)
"""Names of boxes: those of the project around us, and those devbox remembers."""

complete_profile = _offer(_profiles)
"""Names of profiles: shipped ones, the person's own and those of teams."""

complete_team = _offer(_teams)
"""Names of teams whose profiles are installed."""

complete_model = _offer(_models)
"""Models and their versions: churn, churn@3, churn@champion."""

complete_location = _offer(_locations)
"""Names of storage locations."""

complete_dataset = _offer(_datasets)
"""Datasets, and their newest versions: survey, survey@3."""
