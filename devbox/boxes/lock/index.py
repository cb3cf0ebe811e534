"""Finding the files of a Python package: in folders of wheels, and on indexes (PEP 503, 691)."""

from __future__ import annotations

import html.parser
import json
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from devbox.boxes.lock.web import Absent, Web, without_user
from devbox.config.spec import Network
from devbox.errors import DevboxError

LARGEST_PAGE = 256 << 20
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_DEFAULT = re.compile(r"default[^h]{1,20}(https://[^\s)\]>]+)")


@dataclass(frozen=True)
class Found:
    """A file of a package: its name, and its address or its place on this machine. ``sha256`` is
    what the index says, "" where it says nothing."""

    file: str
    address: str = ""
    path: Path | None = None
    sha256: str = ""


class Indexes:
    """All places where this machine gets Python packages from."""

    def __init__(self, network: Network, web: Web) -> None:
        self._network = network
        self._web = web

    def files(self, name: str) -> tuple[Found, ...]:
        """Every file of a package, of all versions; folders of wheels first.

        Raises DevboxError where an index cannot be asked and no other place knows the package.
        """
        wanted = normal(name)
        found = [file for file in self._wheels if normal(project_of(file.file)) == wanted]
        failed: DevboxError | None = None
        for index in self._addresses:
            try:
                found += self._page(index, wanted)
            except Absent:
                continue
            except DevboxError as error:
                failed = error
        if failed and not found:
            raise failed
        return tuple(found)

    @cached_property
    def _wheels(self) -> tuple[Found, ...]:
        found = []
        for folder in self._network.wheels:
            if folder.is_dir():
                found += [Found(path.name, path=path) for path in sorted(folder.iterdir())]
        return tuple(found)

    @cached_property
    def _addresses(self) -> tuple[str, ...]:
        addresses = (self._network.index or default_index(), *self._network.extra_index)
        return tuple(a for a in addresses if a.startswith(("http://", "https://")))

    def _page(self, index: str, name: str) -> Iterator[Found]:
        address = f"{index.rstrip('/')}/{name}/"
        with self._web.open(address, _ACCEPT) as answer:
            data = answer.read(LARGEST_PAGE)
            kind = str(answer.headers.get("Content-Type", ""))  # type: ignore[attr-defined]
            there = str(answer.geturl())  # type: ignore[attr-defined]
        links = from_json(data) if kind.startswith(_JSON) else from_html(data)
        for link, digest in links:
            target = urllib.parse.urljoin(there, link)
            if target.startswith(("http://", "https://")):
                file = urllib.parse.unquote(urllib.parse.urlsplit(target).path.rpartition("/")[2])
                yield Found(file, _with_user(target, index), sha256=digest)


def from_json(data: bytes) -> Iterator[tuple[str, str]]:
    """(link, SHA-256) of every file of an index page in JSON; nothing from what is none."""
    try:
        files = json.loads(data)["files"]
        for file in files:
            hashes = file.get("hashes") or {}
            yield str(file["url"]), str(hashes.get("sha256", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return


def from_html(data: bytes) -> Iterator[tuple[str, str]]:
    """(link, SHA-256) of every link of an index page in HTML."""
    parser = _Links()
    parser.feed(data.decode("utf-8", "replace"))
    for link in parser.found:
        address, _, fragment = link.partition("#")
        digest = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
        yield address, digest


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project_of(file: str) -> str:
    """The project that a file of an index belongs to."""
    if file.endswith(".whl"):
        return file.partition("-")[0]
    return re.sub(r"-[0-9][^-]*\.(?:tar\.gz|zip)$", "", file)


@cache
def default_index() -> str:
    """The index that pip, or uv, takes when nobody names one; they say so in their help."""
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["uv", "pip"]):
        try:
            done = subprocess.run(
                [*command, "install", "--help"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "COLUMNS": "200"},
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if found := _DEFAULT.search(" ".join(done.stdout.split())):
            return found[1].rstrip("/")
    raise DevboxError(
        "No package index is known: neither pip nor uv is installed here.",
        hint="Set network.index in your settings.",
    )


def _with_user(target: str, index: str) -> str:
    """A link with the index's password, where it leads to the index's own host."""
    plain, credentials = without_user(index)
    there, here = urllib.parse.urlsplit(target), urllib.parse.urlsplit(plain)
    if not credentials or (there.scheme, there.netloc) != (here.scheme, here.netloc):
        return target
    user = urllib.parse.urlsplit(index).netloc.rpartition("@")[0]
    return there._replace(netloc=f"{user}@{there.netloc}").geturl()
