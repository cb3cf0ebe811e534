"""Where Debian packages come from: the machine's own sources, and the archive's public address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from devbox.errors import DevboxError

APT = Path("/etc/apt")
_ARCHIVE = re.compile(r"https?://[^\s\"'<>$]+?/debian/?(?=[\s\"'>]|$)")
_ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$")


def system_mirror(release: str, apt: Path = APT) -> str:
    """The Debian archive that this machine's apt uses, "" where it uses none.

    One that lists ``release`` goes first; any other has it too, since releases lie side by side
    in an archive. Other projects' repositories are told apart by their components.
    """
    archives = [
        (address.rstrip("/"), release in suites)
        for address, suites, components in _entries(apt)
        if address.rstrip("/").endswith("/debian") and "main" in components
    ]
    return max(archives, key=lambda archive: archive[1], default=("", False))[0]


def public_mirror(tool: Path) -> str:
    """The archive's public address, as in the tool that installs Debian.

    Raises DevboxError where the tool, a script, names none.
    """
    try:
        text = tool.read_text(errors="replace")
    except OSError:
        text = ""
    found = _ARCHIVE.search(text)
    if found is None:
        raise DevboxError(f"{tool} does not look like the program that installs Debian.")
    return found[0].rstrip("/")


def image_sources(release: str, mirror: str) -> str:
    """The sources of an image, in apt's deb822 form, with updates and security updates."""
    key = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    archive = f"Types: deb\nURIs: {mirror}\nSuites: {release} {release}-updates\n"
    security = f"Types: deb\nURIs: {mirror}-security\nSuites: {release}-security\n"
    if release in {"sid", "unstable"}:
        return f"Types: deb\nURIs: {mirror}\nSuites: {release}\nComponents: main\n{key}"
    return f"{archive}Components: main\n{key}\n{security}Components: main\n{key}"


def _entries(apt: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """(address, suites, components) of every source that is switched on."""
    parts = apt / "sources.list.d"
    for file in [apt / "sources.list", *sorted(parts.glob("*.list"))]:
        for line in _lines(file):
            match = _ONE_LINE.match(line)
            if match:
                yield match[1], [match[2]], match[3].split()
    for file in sorted(parts.glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", "\n".join(_lines(file, keep_empty=True))):
            fields = {
                key.strip().lower(): value.strip()
                for key, _, value in (line.partition(":") for line in stanza.splitlines())
            }
            if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
                continue
            for address in fields.get("uris", "").split():
                suites, components = fields.get("suites", ""), fields.get("components", "")
                yield address, suites.split(), components.split()


def _lines(file: Path, *, keep_empty: bool = False) -> list[str]:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [line for line in lines if keep_empty or line.strip()]
