"""What storage tells: frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HERE = "here"
"""What this machine's own storage is called among the locations."""


@dataclass(frozen=True)
class Moved:
    """What a push or pull did. Digests, and bytes of ``sent``; ``there`` were there already."""

    location: str
    sent: tuple[str, ...]
    there: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Checked:
    """What a check of a location found: ``count`` blobs of ``size`` bytes, those that should be
    there and are not, and those whose content is another. ``read``: whether all were read."""

    location: str
    count: int
    size: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    read: bool
    problem: str = ""


@dataclass(frozen=True)
class Swept:
    """What garbage collection of a location removed, or would: blobs and their bytes, unfinished
    uploads; ``kept`` blobs are referred to, or too new."""

    location: str
    digests: tuple[str, ...]
    size: int
    kept: int
    unfinished: int
    done: bool


@dataclass(frozen=True)
class DatasetVersion:
    """A version of a dataset; it never changes but for its tags.

    ``kind`` is "file", "folder" or "pointer" (what lies at ``uri``, not stored by us).
    ``manifest`` is the digest of the list of its files. ``rows`` and ``columns`` (name to type)
    are those of a table, None and empty where it is none or could not be read.
    """

    name: str
    version: int
    manifest: str
    kind: str
    uri: str
    files: int
    size: int
    rows: int | None
    columns: Mapping[str, str]
    message: str
    tags: Mapping[str, str]
    user: str
    created: float
    new: bool = field(default=False, compare=False)

    @property
    def ref(self) -> str:
        """As it is written: name@3."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Dataset:
    """A dataset: its newest version, and how many there are."""

    name: str
    created: float
    versions: int
    latest: int
    size: int


@dataclass(frozen=True)
class Difference:
    """In what two versions differ: paths."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    same: int
