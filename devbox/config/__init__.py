"""Configuration: devbox.toml, profiles and user settings: find, merge, check, say where from.

What is offered here is imported on first use, so that importing a part of this room (the box
types of :mod:`devbox.config.spec`, say) costs nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# The one name that is also a module: bound here, or importing the module would take its place.
from devbox.config.shipped import shipped

if TYPE_CHECKING:
    from devbox.config.find import find_project
    from devbox.config.overrides import parse_overrides
    from devbox.config.profiles import Profile, Profiles
    from devbox.config.project import Project, Resolved, load, problems
    from devbox.config.settings import load_settings
    from devbox.config.source import Origin
    from devbox.config.spec import BoxSpec, Settings
    from devbox.config.starter import Started, start_project

__all__ = [
    "BoxSpec",
    "Origin",
    "Profile",
    "Profiles",
    "Project",
    "Resolved",
    "Settings",
    "Started",
    "find_project",
    "load",
    "load_settings",
    "parse_overrides",
    "problems",
    "shipped",
    "start_project",
]

_HOMES = {
    "BoxSpec": "spec",
    "Origin": "source",
    "Profile": "profiles",
    "Profiles": "profiles",
    "Project": "project",
    "Resolved": "project",
    "Settings": "spec",
    "Started": "starter",
    "find_project": "find",
    "load": "project",
    "load_settings": "settings",
    "parse_overrides": "overrides",
    "problems": "project",
    "start_project": "starter",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"devbox.config.{_HOMES[name]}"), name)
