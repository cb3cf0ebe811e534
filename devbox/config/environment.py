"""What the environment and pip's own files say about the network of this machine.

These are weak or foreign statements: what can't be used here (a ``file:`` index, a folder that
is not there) is passed over, as it may be meant for another program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from devbox.config.kinds import Wrong, plain_text
from devbox.config.source import is_file, is_folder

_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_CA = ("DEVBOX_CA", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_INDEX = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
_EXTRA = ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX")
_WHEELS = ("PIP_FIND_LINKS", "UV_FIND_LINKS")
_SIMPLE = {
    "UV_PYTHON_INSTALL_MIRROR": "python_mirror",
    "UV_PYTHON_DOWNLOADS_JSON_URL": "python_downloads",
    "DEVBOX_APT_MIRROR": "apt_mirror",
}
_LARGEST = 1 << 20


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The fields of :class:`~devbox.config.spec.Network` that environment variables set."""
    found: dict[str, Any] = {}
    for name in _PROXIES:
        # As curl and Python do, the lower-case form goes first.
        found[name] = _clean(environ.get(name)) or _clean(environ.get(name.upper()))
    found["ca"] = next(filter(None, map(as_file, map(environ.get, _CA))), None)
    found["index"] = next(_addresses(environ.get(name) for name in _INDEX), "")
    found["extra_index"] = tuple(dict.fromkeys(_addresses(environ.get(name) for name in _EXTRA)))
    found["wheels"] = tuple(dict.fromkeys(_folders(environ.get(name) for name in _WHEELS)))
    for name, field in _SIMPLE.items():
        found[field] = _clean(environ.get(name))
    return {field: value for field, value in found.items() if value}


def from_pip(environ: Mapping[str, str]) -> dict[str, Any]:
    """The same fields as far as pip's configuration files know them."""
    values = _pip_values(environ)
    found = {
        "ca": as_file(values.get("cert")),
        "index": next(_addresses([values.get("index-url")]), ""),
        "extra_index": tuple(_addresses([values.get("extra-index-url")])),
        "wheels": tuple(_folders([values.get("find-links")])),
    }
    return {field: value for field, value in found.items() if value}


def _pip_values(environ: Mapping[str, str]) -> dict[str, str]:
    """The options of pip's [global] and [install] sections, later files over earlier ones."""
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return {}
    values: dict[str, str] = {}
    for file in filter(is_file, _pip_files(environ)):
        import configparser

        parser = configparser.RawConfigParser(strict=False)
        try:
            with file.open("rb") as stream:
                parser.read_string(stream.read(_LARGEST).decode())
            for section in filter(parser.has_section, ("global", "install")):
                values.update(parser.items(section))
        except (configparser.Error, OSError, ValueError):
            continue
    return values


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or "/nonexistent")
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
        yield home / "Library/Application Support/pip/pip.conf"
    for folder in reversed((environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
        yield Path(folder) / "pip/pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip/pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if given := environ.get("PIP_CONFIG_FILE"):
        yield Path(given)


def _clean(value: str | None) -> str:
    """One line without control characters, or nothing."""
    try:
        return plain_text((value or "").strip())
    except Wrong:
        return ""


def _words(values: Iterable[str | None]) -> Iterator[str]:
    for value in values:
        for word in (value or "").split():
            if clean := _clean(word):
                yield clean


def _addresses(values: Iterable[str | None]) -> Iterator[str]:
    for word in _words(values):
        # uv writes NAME=ADDRESS
        name, _, address = word.partition("=")
        plain = word if "://" in name else address
        if plain.startswith(("http://", "https://")):
            yield plain


def _folders(values: Iterable[str | None]) -> Iterator[Path]:
    paths = map(_path, _words(values))
    return (path for path in paths if is_folder(path))


def as_file(value: str | None) -> Path | None:
    """The file that a variable names, if it is there."""
    line = _clean(value)
    return _path(line) if line and is_file(_path(line)) else None


def _path(line: str) -> Path:
    path = os.path.expanduser(line.removeprefix("file://"))  # noqa: PTH111 - never raises
    return Path(path).absolute()
