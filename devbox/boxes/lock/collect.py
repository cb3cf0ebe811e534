"""What an image holds: its Debian packages, the Python packages of /opt/venv, and where apt says
that a package comes from. Asked in containers of the image that end with the question."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from devbox.boxes.images.network import for_build
from devbox.boxes.lock.index import normal
from devbox.boxes.lock.records import Deb
from devbox.compute.engine.reports import HeldRequest
from devbox.compute.engine.types import Engine
from devbox.config.spec import Network
from devbox.errors import DevboxError

TIMEOUT = 600.0
AT_ONCE = 200
_DEBS = """\
command -v dpkg-query >/dev/null || exit 0
dpkg-query -W -f='${db:Status-Status} ${Package} ${Version} ${Architecture}\\n'
"""
_UV = "[ ! -x /usr/local/bin/uv ] || { uv --version; sha256sum /usr/local/bin/uv; }"
_PYTHON = "[ ! -x /opt/venv/bin/python ] || exec /opt/venv/bin/python -I -"
_ARCHIVES = "! command -v apt-get >/dev/null || apt-get update --print-uris"
_SHOW = """\
. /run/build/prelude.sh
apt_lists >&2
apt-cache show -- "$@" || :
"""


@dataclass(frozen=True)
class Installed:
    """A Python package as it is installed.

    ``tags`` are those of the wheel that it came in, ``record`` the hashes of its files by path,
    ``origin`` the address where it is not from an index.
    """

    name: str
    version: str
    tags: frozenset[str] = frozenset()
    record: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True)
class Contents:
    """What an image holds. Debian packages by (name, architecture), Python packages by normal
    name; ``python`` is the full version of a Python that uv installed; ``uv`` the version and
    the SHA-256 of uv, where it is devbox's."""

    debs: Mapping[tuple[str, str], Deb]
    python: Mapping[str, Installed]
    interpreter: str = ""
    uv: tuple[str, str] = ("", "")


def contents(engine: Engine, image: str, platform: str = "") -> Contents:
    """Look into an image. Raises DevboxError where that can't be done."""
    with _inside(engine, image, platform) as ask:
        debs = parse_debs(ask(_DEBS).decode("utf-8", "replace"))
        script = files("devbox.boxes.lock").joinpath("installed.py").read_bytes()
        python, interpreter = parse_python(ask(_PYTHON, script))
        uv = parse_uv(ask(_UV).decode("utf-8", "replace"))
    return Contents(debs, python, interpreter, uv)


def origins(
    engine: Engine,
    image: str,
    packages: Sequence[Deb],
    network: Network,
    prelude: Path,
    platform: str = "",
) -> tuple[dict[tuple[str, str, str], Deb], tuple[str, ...]]:
    """The files of Debian packages, by name, version and architecture, as apt's verified lists
    have them today; and the archives that the image itself gets packages from."""
    secrets = for_build(network).secrets
    given = {name: secrets[name] for name in ("devbox-ca", "devbox-apt") if name in secrets}
    proxies = "".join(
        f"export {k}={shlex.quote(v)}\n" for k, v in for_build(network).proxies.items()
    )
    found: dict[tuple[str, str, str], Deb] = {}
    with _inside(engine, image, platform) as ask:
        archives = parse_archives(ask(_ARCHIVES).decode("utf-8", "replace"))
        ask('cat >"$1"', prelude.read_bytes(), "/run/build/prelude.sh")
        ask('cat >"$1"', proxies.encode(), "/run/devbox/env")
        for name, data in given.items():
            ask('cat >"$1"', data, f"/run/secrets/{name}")
        wanted = [f"{deb.name}:{deb.architecture}={deb.version}" for deb in packages]
        for start in range(0, len(wanted), AT_ONCE):
            text = ask(_SHOW, b"", *wanted[start : start + AT_ONCE]).decode("utf-8", "replace")
            for deb in parse_shown(text):
                found[deb.name, deb.version, deb.architecture] = deb
    return found, archives


def parse_debs(text: str) -> dict[tuple[str, str], Deb]:
    """The output of dpkg-query: what is installed, and not what is only configured."""
    rows = [line.split(" ") for line in text.splitlines()]
    return {
        (row[1], row[3]): Deb(row[1], row[2], row[3])
        for row in rows
        if len(row) == 4 and row[0] == "installed"
    }


def parse_python(data: bytes) -> tuple[dict[str, Installed], str]:
    """The output of installed.py: packages, and the version of a Python that uv installed."""
    if not data:
        return {}, ""
    answer: dict[str, Any] = json.loads(data)
    found = [
        Installed(
            entry["name"],
            entry["version"],
            frozenset(entry["tags"]),
            entry["record"],
            entry["origin"],
        )
        for entry in answer["packages"]
    ]
    return {normal(package.name): package for package in found}, str(answer["managed"])


def parse_uv(text: str) -> tuple[str, str]:
    """Version and hash of uv from ``uv 0.13.9 (...)`` and the line of sha256sum."""
    lines = [line.split() for line in text.splitlines()]
    if len(lines) != 2 or len(lines[0]) < 2 or not lines[1]:
        return "", ""
    return lines[0][1], lines[1][0]


def parse_archives(text: str) -> tuple[str, ...]:
    """The archives whose lists `apt-get update` would fetch, without passwords, each once."""
    from devbox.boxes.lock.parse import is_archive
    from devbox.boxes.lock.web import without_user

    lines = (line.split("'") for line in text.splitlines())
    roots = (words[1].partition("/dists/")[0] for words in lines if len(words) == 3)
    found = (without_user(root)[0] for root in roots)
    return tuple(dict.fromkeys(filter(is_archive, found)))


def parse_shown(text: str) -> Iterator[Deb]:
    """The packages in the output of apt-cache show that name a file and its SHA-256."""
    for stanza in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in stanza.splitlines()
            if line[:1].isalpha() and ": " in line
        )
        try:
            yield Deb(
                fields["Package"],
                fields["Version"],
                fields["Architecture"],
                fields["SHA256"],
                int(fields["Size"]),
                fields["Filename"].removeprefix("./"),
            )
        except (KeyError, ValueError):
            continue


@contextmanager
def _inside(engine: Engine, image: str, platform: str) -> Iterator[Any]:
    """What runs a shell script in a container of an image: script, stdin, arguments -> stdout."""
    memory = {"/run/build": "mode=0755", "/run/devbox": "mode=0755", "/run/secrets": "mode=0755"}
    request = HeldRequest(
        name=f"devbox-lock-{uuid.uuid4().hex[:12]}",
        image=image,
        labels={"devbox.lock": "1"},
        tmpfs=memory,
        platform=platform,
    )
    held = engine.hold(request)

    def ask(script: str, data: bytes = b"", *arguments: str) -> bytes:
        done = engine.call(
            held.id,
            ["sh", "-ec", script, "sh", *arguments],
            user="0:0",
            env={"LC_ALL": "C.UTF-8"},
            input=data,
            timeout=TIMEOUT,
        )
        if done.code:
            tail = done.stderr.decode("utf-8", "replace").splitlines()[-15:]
            raise DevboxError(f"{image} cannot be looked into.", detail=tail)
        return done.stdout

    try:
        yield ask
    finally:
        held.close()
