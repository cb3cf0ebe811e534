"""A Debian archive on disk that holds the packages of a lock and nothing else, for the tools that
install a Debian system from one."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devbox.boxes.lock.records import Deb
from devbox.boxes.lock.store import place_files
from devbox.errors import DevboxError, Refused
from devbox.storage.blobs import Blobs

POOL = "pool"


def make_archive(
    folder: Path, blobs: Blobs, debs: Sequence[Deb], release: str, architecture: str
) -> Path:
    """Make the archive in ``folder`` of files that are in storage; returns the folder.

    Raises Refused where a file is another package than the lock says.
    """
    place_files(blobs, [(file_name(deb), deb.sha256) for deb in debs], folder / POOL)
    stanzas = [_stanza(folder, deb) for deb in debs]
    there = folder / "dists" / release
    packages = Path("main") / f"binary-{architecture}" / "Packages"
    text = "".join(f"{stanza}\n" for stanza in stanzas).encode()
    (there / packages).parent.mkdir(parents=True, exist_ok=True)
    (there / packages).write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    (there / "Release").write_text(
        f"Suite: {release}\nCodename: {release}\nArchitectures: {architecture}\n"
        f"Components: main\nSHA256:\n {digest} {len(text)} {packages}\n"
    )
    return folder


def file_name(deb: Deb) -> str:
    """The name of a package's file in a folder of packages."""
    return f"{deb.name}_{deb.version.replace(':', '%3a')}_{deb.architecture}.deb"


def _stanza(folder: Path, deb: Deb) -> str:
    """What a list of packages says of one: its own control data, and where its file is."""
    file = folder / POOL / file_name(deb)
    control = control_of(file)
    found = fields(control)
    is_it = (found.get("Package"), found.get("Version"), found.get("Architecture"))
    if is_it != (deb.name, deb.version, deb.architecture):
        raise Refused(
            f"{deb.name} {deb.version} is locked, and its file is another package:"
            f" {' '.join(word or '?' for word in is_it)}.",
            hint="`devbox lock` writes a new lock.",
        )
    lines = [line for line in control.splitlines() if line.strip()]
    lines += [f"Filename: {POOL}/{file.name}", f"Size: {deb.size}", f"SHA256: {deb.sha256}"]
    return "\n".join(lines) + "\n"


def control_of(file: Path) -> str:
    """The control data of a package. Raises DevboxError where dpkg cannot read it."""
    try:
        done = subprocess.run(
            ["dpkg-deb", "--field", str(file)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise DevboxError(
            "dpkg-deb is not installed, so Debian packages cannot be read.",
            hint="Install dpkg, as the base image is made from Debian's packages.",
        ) from None
    if done.returncode:
        raise DevboxError(f"{file.name} is no Debian package.", detail=done.stderr.splitlines())
    return done.stdout


def fields(control: str) -> Mapping[str, str]:
    """The fields of control data that fit on one line."""
    pairs = (line.partition(": ") for line in control.splitlines() if line[:1].isalpha())
    return {name: value.strip() for name, colon, value in pairs if colon}
