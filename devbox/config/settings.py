"""The person's settings: config.toml in the settings folder, the environment, pip's files.

About the network, an environment variable is stronger than config.toml (it is closer to the
command being run), and pip's own configuration is weaker than both. Lists are joined, the
strongest first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devbox.config import personal, values
from devbox.config.environment import as_file, from_environment, from_pip
from devbox.config.kinds import At, Kind, Wrong, flag, items, mapping, pattern, plain_text, text
from devbox.config.merge import check
from devbox.config.names import clip, owner
from devbox.config.source import Source, is_file, is_folder, read
from devbox.config.spec import Network, Settings, Tui
from devbox.config.tables import Key, read_table
from devbox.errors import ConfigError, Problem
from devbox.home import settings_file

_ADDRESS = r"https?://[^\s\"'`\\<>]+"
_HOST = r"(?:https?://)?[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._/-]*)?"


def _address(line: str) -> str:
    if re.fullmatch(_ADDRESS, line) is None:
        raise Wrong(f"{clip(line)} is not an address such as 'https://host/path'")
    return line


def _host(line: str) -> str:
    if re.fullmatch(_HOST, line) is None:
        raise Wrong(f"{clip(line)} is not a registry such as 'mirror.example:5000'")
    return line


def _key(line: str) -> str:
    if re.fullmatch(r"(?:(?:ctrl|shift|alt)\+)*(?:\S|[a-z_]{2,30}|f\d{1,2})", line) is None:
        raise Wrong(f"{clip(line)} is not a key such as 'x', 'ctrl+r' or 'f5'")
    return line


def _path(value: object, at: At, *, folder: bool) -> Path:
    path = Path(values.absolute(plain_text(value), at))
    if not (is_folder(path) if folder else is_file(path)):
        raise Wrong(f"{path} is not there, or not a {'folder' if folder else 'file'}")
    return path


_file = Kind(lambda value, at: _path(value, at, folder=False), {"type": "string"})
_folder = Kind(lambda value, at: _path(value, at, folder=True), {"type": "string"})

NETWORK = {
    "http_proxy": Key(text(), "Proxy for http."),
    "https_proxy": Key(text(), "Proxy for https."),
    "no_proxy": Key(text(), "Hosts to reach without the proxy."),
    "ca": Key(_file, "PEM file of the certificate authorities to trust."),
    "index": Key(text(_address), "Python package index."),
    "extra_index": Key(items(text(_address), single=True), "Further package indexes."),
    "wheels": Key(items(_folder, single=True), "Local folders of wheels."),
    "python_mirror": Key(text(_address), "Where uv finds Python builds."),
    "python_downloads": Key(text(_address), "List of Python builds for uv, with their checksums."),
    "apt_mirror": Key(text(_address), "Base address of a Debian archive."),
    "registry_mirrors": Key(items(text(_host), single=True), "Mirrors of the image registry."),
}
MODELS = {
    "trusted": Key(
        items(pattern(r"[A-Za-z_]\w*(?:\.\w+)*(?:\.\*)?", "a type's full name"), single=True),
        "Types that skops files may hold: full names, or 'package.*'.",
    ),
}
_models = Kind(lambda value, at: read_table(MODELS, value, at), {})
_network = Kind(lambda value, at: read_table(NETWORK, value, at), {})
TUI = {
    "theme": Key(pattern(r"[a-z0-9-]+", "the name of a theme such as 'nord'"), "Its theme."),
    "keys": Key(
        mapping(
            pattern(r"[a-z]+\.[a-z_]+", "the name of an act such as 'boxes.stop'"),
            items(text(_key), single=True),
        ),
        "Other keys for its acts, by their names.",
    ),
}
_tui = Kind(lambda value, at: Tui(**read_table(TUI, value, at)), {})
SETTINGS = {
    "network": Key(_network, "How this machine reaches the world."),
    "base_image": Key(values.image, "What images/base starts from.", Settings.base_image),
    "box": Key(Kind(lambda value, _: value, {}), "[box] keys for every box of this person."),
    "secrets": Key(personal.secrets, "Where the values of secrets are, by name."),
    "git_credentials": Key(
        flag(), "Whether boxes get the credentials of git remotes.", default=False
    ),
    "ssh_agent": Key(flag(), "Whether boxes may use this machine's ssh agent.", default=False),
    "models": Key(_models, "What loading a model may do."),
    "daemon_idle": Key(values.duration, "How long the daemon stays without anything to do.", "10m"),
    "tui": Key(_tui, "The terminal UI."),
    "dotfiles": Key(personal.dotfiles, "A git repository for the home of every box."),
}


def _joined(*strongest_first: Mapping[str, Any]) -> dict[str, Any]:
    """What several places say about the network, as one."""
    found: dict[str, Any] = {}
    for said in strongest_first:
        for name, value in said.items():
            if isinstance(value, tuple):
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), *value)))
            else:
                found.setdefault(name, value)
    return found


def load_settings(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The settings of this person on this machine; a file that is not there says nothing.

    ConfigError with every problem of the file, or of ``DEVBOX_CA``.
    """
    environ = os.environ if environ is None else environ
    file = file or settings_file()
    problems: list[Problem] = []
    parsed: dict[str, Any] = {}
    exists = os.path.lexists(file)
    if exists:
        document = read(file)
        source = Source("user settings", file.parent, None, document, (), problems)
        parsed = read_table(SETTINGS, document.data, At(source))
        inner = Source("user settings", file.parent, None, document, ("box",), problems)
        check(parsed.get("box", {}), inner, without=("name",))
    ca = environ.get("DEVBOX_CA")
    if ca and as_file(ca) is None:
        problems.append(Problem("environment", 0, "DEVBOX_CA", f"{clip(ca)} is not a file"))
    if problems:
        raise ConfigError(problems)
    network = _joined(from_environment(environ), parsed.pop("network", {}), from_pip(environ))
    return Settings(
        owner=owner(environ),
        network=Network(**network),
        defaults=parsed.pop("box", {}),
        trusted=parsed.pop("models", {}).get("trusted", ()),
        file=file if exists else None,
        **parsed,
    )
