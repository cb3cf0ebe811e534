"""What a storage location can do for us, whatever it is: a small protocol over keys.

A key is a relative path of plain names, such as ``ab/abcd...``. All raise Unreachable where the
location does not answer or does not let us in, DevboxError for what else fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devbox.storage.locations import DISK, SSH, Address, Location, address

Tell = Callable[[int], None]
"""Is told how many bytes more were sent."""


@dataclass(frozen=True)
class Item:
    """What lies at a key; ``modified`` in seconds since the epoch, by the location's clock."""

    key: str
    size: int
    modified: float


class Backend(Protocol):
    """One location, connected to."""

    def stat(self, key: str) -> Item | None:
        """What lies at a key; None where nothing does."""

    def ls(self, prefix: str) -> Iterator[Item]:
        """What lies below a prefix that ends with "/", or below everything ("")."""

    def read(self, key: str) -> Iterator[bytes]:
        """The content. Raises FileNotFoundError where there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Put something small there, whole or not at all."""

    def send(self, key: str, source: Path, tell: Tell) -> None:
        """Put a file there, whole or not at all, going on where an earlier attempt for the same
        key has ended. ``tell`` hears only of what is sent now.

        The content belongs to the key: the end of the key is its SHA-256.
        """

    def remove(self, key: str) -> None:
        """Remove what lies there, if anything does."""

    def sweep(self, before: float) -> int:
        """Remove what attempts that ended before a time have left; returns how many."""

    def close(self) -> None:
        """Let go of the connection."""


def connect(location: Location, *, ca: Path | None = None) -> Backend:
    """Connect to a location. ``ca`` are the certificates to trust, in PEM."""
    found: Address = address(location.url)
    if found.kind == DISK:
        from devbox.storage.disk import Disk

        return Disk(Path(found.path))
    if found.kind == SSH:
        from devbox.storage.sftp import connect as connect_sftp

        return connect_sftp(location.name, found)
    from devbox.storage.s3 import connect as connect_s3

    return connect_s3(location, found, ca=ca)
