"""How this machine's way to the network reaches builds and boxes without staying in an image.

Builds get files as BuildKit secrets, wheel folders as a named context and proxies as Docker's
predefined arguments: none of them is part of a layer, of the history or of a cache key. Boxes
get files in /run/devbox, which is memory, and variables that point there. Whatever carries a
password is only ever in a file.

A certificate file of the settings is joined with the public roots: it may hold a whole bundle or
just the one authority of a company, and programs that are pointed at a file trust nothing else.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devbox.boxes.identity import RUN
from devbox.config.spec import Mount, Network
from devbox.errors import DevboxError

BUILD_WHEELS = "/run/wheels"
BOX_WHEELS = "/usr/local/share/devbox/wheels"
SECRET_LIMIT = 500 << 10  # BuildKit refuses a larger secret
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_PLAIN_HOST = re.compile(r"http://(?:[^/@]*@)?(\[[^\]/]*\]|[^/:?#]+)")
_CA_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
)


@dataclass(frozen=True)
class BuildNetwork:
    """What a build is given: secrets by id, predefined proxy arguments, folders of wheels.

    ``notes`` say what of the settings cannot reach a build.
    """

    secrets: Mapping[str, bytes] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)
    wheels: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def for_build(network: Network) -> BuildNetwork:
    """How builds on this machine reach package indexes.

    Raises DevboxError where the certificate file cannot be used.
    """
    wheels = tuple(folder for folder in network.wheels if folder.is_dir())
    found = [BUILD_WHEELS] if wheels else []
    secrets = {
        "devbox-ca": ca_bundle(network),
        "devbox-pip": pip_conf(network, found).encode(),
        "devbox-uv": uv_toml(network, found).encode(),
        "devbox-apt": network.apt_mirror.rstrip("/").encode(),
    }
    notes = [f"{folder} is not a folder of wheels: left out" for folder in network.wheels]
    notes = [
        note for note, folder in zip(notes, network.wheels, strict=True) if not folder.is_dir()
    ]
    notes += [
        f"the index {index} is a folder of this machine and cannot be reached from a build"
        for index in (network.index, *network.extra_index)
        if _is_local(index)
    ]
    return BuildNetwork(
        secrets={name: data for name, data in secrets.items() if data},
        proxies=_proxies(network),
        wheels=wheels,
        notes=tuple(notes),
    )


def for_git(network: Network, folder: Path) -> dict[str, str]:
    """The variables that git of this machine reaches the network by; certificates are written
    into ``folder``. Raises DevboxError where the certificate file cannot be used."""
    env = _proxies(network)
    if bundle := ca_bundle(network):
        (folder / "ca.pem").write_bytes(bundle)
        env["GIT_SSL_CAINFO"] = str(folder / "ca.pem")
    return env


def box_mounts(network: Network, below: str = BOX_WHEELS) -> tuple[Mount, ...]:
    """The local wheel folders as read-only mounts of a box, in its folder ``below``."""
    folders = [folder for folder in network.wheels if folder.is_dir()]
    return tuple(
        Mount(str(folder), f"{below}/{number}", read_only=True)
        for number, folder in enumerate(folders)
    )


def box_files(network: Network, wheels: Sequence[str] = ()) -> Mapping[str, bytes]:
    """The files of /run/devbox in a box, by name; they may hold passwords.

    ``wheels`` are the folders of :func:`box_mounts` as the box sees them, where it has them.
    ``env`` holds the proxy variables that are secret, as lines of shell.
    """
    secret = {name: value for name, value in _proxy_variables(network).items() if _has_user(value)}
    env = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in secret.items())
    files = {
        "ca.pem": ca_bundle(network),
        "pip.conf": pip_conf(network, wheels).encode(),
        "uv.toml": uv_toml(network, wheels).encode(),
        "env": env.encode(),
    }
    return {name: data for name, data in files.items() if data}


def box_env(network: Network, wheels: Sequence[str] = ()) -> Mapping[str, str]:
    """The variables of a box that point at :func:`box_files`; none of them holds a password."""
    env = {name: value for name, value in _proxy_variables(network).items() if not _has_user(value)}
    if network.ca is not None:
        env.update(dict.fromkeys(_CA_VARIABLES, f"{RUN}/ca.pem"))
    if pip_conf(network, wheels):
        env["PIP_CONFIG_FILE"] = f"{RUN}/pip.conf"
    if uv_toml(network, wheels):
        env["UV_CONFIG_FILE"] = f"{RUN}/uv.toml"
    return env


def ca_bundle(network: Network) -> bytes:
    """The certificates of the settings and the public roots, each once; empty without settings."""
    if network.ca is None:
        return b""
    try:
        own = _CERTIFICATE.findall(network.ca.read_text(errors="replace"))
    except OSError as error:
        raise DevboxError(
            f"The certificate file {network.ca} cannot be read: {error.strerror}.",
            hint="Correct network.ca in your settings, or SSL_CERT_FILE.",
        ) from error
    if not own:
        raise DevboxError(
            f"The certificate file {network.ca} holds no certificate.",
            hint="network.ca is a PEM file: it has lines -----BEGIN CERTIFICATE-----.",
        )
    import certifi

    public = _CERTIFICATE.findall(Path(certifi.where()).read_text())
    both = _pem([*own, *public])
    return both if len(both) <= SECRET_LIMIT else _pem(own)


def pip_conf(network: Network, wheels: Sequence[str] = ()) -> str:
    """A pip configuration file with the indexes of the settings, "" where there are none."""
    values: dict[str, list[str]] = {
        "index-url": _reachable([network.index]),
        "extra-index-url": _reachable(network.extra_index),
        "find-links": list(wheels),
    }
    plain = map(_PLAIN_HOST.match, values["index-url"] + values["extra-index-url"])
    values["trusted-host"] = list(dict.fromkeys(host[1] for host in plain if host))
    lines = [f"{key} = {_listed(value)}" for key, value in values.items() if value]
    return "[global]\n" + "\n".join(lines) + "\n" if lines else ""


def uv_toml(network: Network, wheels: Sequence[str] = ()) -> str:
    """A uv configuration file with the same, and where builds of Python are."""
    lines = []
    if network.python_mirror:
        lines.append(f"python-install-mirror = {_toml(network.python_mirror)}")
    if network.python_downloads:
        lines.append(f"python-downloads-json-url = {_toml(network.python_downloads)}")
    if wheels:
        lines.append(f"find-links = [{', '.join(_toml(folder) for folder in wheels)}]")
    for url in _reachable(network.extra_index):
        lines.append(f"[[index]]\nurl = {_toml(url)}")
    for url in _reachable([network.index]):
        lines.append(f"[[index]]\nurl = {_toml(url)}\ndefault = true")
    return "\n".join(lines) + "\n" if lines else ""


def _proxies(network: Network) -> dict[str, str]:
    values = {
        "http_proxy": network.http_proxy,
        "https_proxy": network.https_proxy,
        "no_proxy": network.no_proxy,
    }
    return {name: value for name, value in values.items() if value}


def _proxy_variables(network: Network) -> dict[str, str]:
    """Both spellings: curl reads only the lower case of http_proxy, others only the upper."""
    lower = _proxies(network)
    return {**lower, **{name.upper(): value for name, value in lower.items()}}


def _has_user(value: str) -> bool:
    return "@" in value


def _is_local(url: str) -> bool:
    return url.startswith("file:")


def _reachable(urls: Sequence[str]) -> list[str]:
    return [url for url in urls if url and not _is_local(url)]


def _listed(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else "".join(f"\n    {value}" for value in values)


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _pem(certificates: Sequence[str]) -> bytes:
    lines = ("\n".join(part.strip() for part in block.splitlines()) for block in certificates)
    return ("\n".join(dict.fromkeys(lines)) + "\n").encode()
