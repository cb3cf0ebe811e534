"""What a box gets privately: secrets, the way to package indexes, certificates, git's access."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devbox.boxes.images.network import box_files, box_mounts
from devbox.boxes.secrets import SecretSources
from devbox.config.spec import Settings
from devbox.home import settings_file
from devbox.redact import SECRETS

_MEANING = {
    "gitconfig": "git settings",
    "ca.pem": "certificates",
    "pip.conf": "package indexes",
    "uv.toml": "package indexes",
    "env": "secrets",
}


@dataclass(frozen=True)
class Given:
    """What a box is given: ``files`` by name, never shown; the ``hosts`` that git has credentials
    for; ``warnings`` for the person. ``known`` is the digest of :meth:`Private.known`."""

    files: Mapping[str, bytes] = field(repr=False)
    hosts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    known: str = ""


class Private:
    """The private files of one person's boxes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secrets = SecretSources(settings.secrets, settings.file or settings_file())

    def check(self, names: Sequence[str]) -> None:
        """Raise UsageError where one of these secrets has no source on this machine."""
        self._secrets.check(names)

    def gather(self, names: Sequence[str], project: Path) -> Given:
        """All that a box of a project is given; ``names`` are its secrets.

        Raises UsageError where the value of a secret cannot be had.
        """
        from devbox.boxes.gitaccess import git_access

        warnings = list[str]()
        values = self._secrets.values(names, warnings.append)
        git = git_access(project, credentials=self._settings.git_credentials)
        network = self._network()
        files = {**network, **git.files}
        lines = "".join(f"export {name}={shlex.quote(values[name])}\n" for name in names)
        if lines:
            # Runs mask what these variables hold, whatever they are called.
            lines = f"export {SECRETS}={','.join(names)}\n{lines}"
            files["env"] = files.get("env", b"") + lines.encode()
        return Given(files, git.hosts, tuple(warnings), self._digest(names, network))

    def known(self, names: Sequence[str]) -> str:
        """A digest of the files, which tells whether a box has them, without asking it; "" where
        something is secret: then nothing of it is kept here to compare with."""
        return self._digest(names, self._network())

    def _digest(self, names: Sequence[str], files: Mapping[str, bytes]) -> str:
        if names or self._settings.git_credentials:
            return ""
        if any(b"@" in data for name, data in files.items() if not name.endswith(".pem")):
            return ""
        parts = [f"{name}\0".encode() + data for name, data in sorted(files.items())]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def _network(self) -> Mapping[str, bytes]:
        network = self._settings.network
        return box_files(network, [mount.target for mount in box_mounts(network)])


def meaning(names: Sequence[str]) -> str:
    """What files are about, for a person: "secrets, certificates"."""
    return ", ".join(dict.fromkeys(_MEANING.get(name, "git credentials") for name in names))
