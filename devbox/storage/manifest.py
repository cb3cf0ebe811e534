"""The manifest of a dataset version: its files, by relative path, with size and digest. Pure.

It is JSON in one spelling only, so that the same content has the same digest. Names of files may
be any bytes: what is no UTF-8 is escaped as Python's ``surrogateescape`` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.storage.records import Difference

FILE, FOLDER, POINTER = "file", "folder", "pointer"
FORMAT = 1
LONGEST_PART, LONGEST_PATH = 255, 4096
MOST_FILES = 5_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Entry:
    """One file: relative path, SHA-256, bytes, and whether it may be run."""

    path: str
    digest: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class Manifest:
    """All files of a version, by path. ``uri`` is where they lie where we don't store them."""

    kind: str
    entries: tuple[Entry, ...]
    uri: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    @property
    def stored(self) -> frozenset[str]:
        """The blobs that storage must have; none for a pointer."""
        if self.kind == POINTER:
            return frozenset()
        return frozenset(entry.digest for entry in self.entries)


def manifest(kind: str, entries: Iterable[Entry], uri: str = "") -> Manifest:
    """A checked manifest. Raises DevboxError for paths that cannot lie beside each other."""
    made = tuple(sorted(entries, key=lambda entry: _sortable(entry.path)))
    folders: set[str] = set()
    seen: set[str] = set()
    for entry in made:
        checked_path(entry.path)
        if entry.path in seen:
            raise _hostile(entry.path, "it is there twice")
        seen.add(entry.path)
        folders.update(str(parent) for parent in PurePosixPath(entry.path).parents)
    if both := seen & folders:
        raise _hostile(min(both), "it is a file and a folder")
    if kind == FILE and len(made) != 1:
        raise DevboxError("The manifest of a single file has several.")
    return Manifest(kind, made, uri)


def encoded(what: Manifest) -> bytes:
    """The manifest as bytes; the same for the same content."""
    data: dict[str, Any] = {"devbox": "dataset", "format": FORMAT, "kind": what.kind}
    data["files"] = [
        [entry.path, entry.digest, entry.size, *([1] if entry.executable else [])]
        for entry in what.entries
    ]
    if what.uri:
        data["uri"] = what.uri
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def decoded(data: bytes) -> Manifest:
    """What :func:`encoded` made. Raises DevboxError for anything else: it may come from anybody."""
    try:
        said = json.loads(data)
        if said["devbox"] != "dataset" or said["kind"] not in {FILE, FOLDER, POINTER}:
            raise ValueError  # noqa: TRY301
        if said["format"] != FORMAT:
            raise DevboxError(
                "The manifest of the dataset was made by a later devbox.", hint="Upgrade devbox."
            )
        files = said["files"]
        uri = said.get("uri", "")
        if not isinstance(uri, str) or not isinstance(files, list) or len(files) > MOST_FILES:
            raise TypeError  # noqa: TRY301
        entries = [_entry(*each) for each in files]
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise DevboxError("What should be the manifest of a dataset is none.") from error
    return manifest(said["kind"], entries, uri)


def checked_path(path: str) -> str:
    """A path that stays below the folder it is put in. Raises DevboxError."""
    parts = path.split("/")
    bad = "\0" in path or "" in parts or "." in parts or ".." in parts
    try:
        data = path.encode(errors="surrogateescape")
        longest = max(len(part.encode(errors="surrogateescape")) for part in parts)
    except UnicodeEncodeError:
        raise _hostile(path, "no file can be called so") from None
    if bad:
        raise _hostile(path, "it leads out of its folder, or is no plain path")
    if len(data) > LONGEST_PATH or longest > LONGEST_PART:
        raise _hostile(path, "it is too long")
    return path


def difference(old: Manifest, new: Manifest) -> Difference:
    """In what two versions differ."""
    before: Mapping[str, Entry] = {entry.path: entry for entry in old.entries}
    after: Mapping[str, Entry] = {entry.path: entry for entry in new.entries}
    both = [path for path in after if path in before]
    changed = tuple(path for path in both if before[path] != after[path])
    return Difference(
        tuple(path for path in after if path not in before),
        tuple(path for path in before if path not in after),
        changed,
        len(both) - len(changed),
    )


def checked_name(name: str) -> str:
    """A dataset's name. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:60]!a} is no name for a dataset.",
            hint="Use letters, digits, '.', '_' and '-', 100 characters at most.",
        )
    return name


def split_ref(ref: str) -> tuple[str, int | None]:
    """ "name@3" as name and number; "name" and "name@latest" mean the newest: None. Raises
    DevboxError."""
    name, _, version = ref.partition("@")
    checked_name(name)
    if version in {"", "latest"}:
        return name, None
    if not version.isascii() or not version.isdigit() or len(version) > 9 or not int(version):
        raise DevboxError(
            f"{ref[:80]!a} is no version of a dataset.", hint="Write it as NAME@3 or NAME@latest."
        )
    return name, int(version)


def shown(path: str) -> str:
    """A path for a person: what is no text is escaped."""
    return path if path.isprintable() else ascii(path)[1:-1]


def _entry(path: object, digest: object, size: object, executable: object = 0) -> Entry:
    fine = isinstance(path, str) and isinstance(digest, str) and isinstance(size, int)
    if not fine or isinstance(size, bool) or executable not in {0, 1}:
        raise TypeError
    assert isinstance(path, str)
    assert isinstance(digest, str)
    assert isinstance(size, int)
    if not _DIGEST.fullmatch(digest) or not 0 <= size < 1 << 63:
        raise ValueError
    return Entry(path, digest, size, bool(executable))


def _sortable(path: str) -> bytes:
    return path.encode(errors="surrogatepass")


def _hostile(path: str, why: str) -> DevboxError:
    return DevboxError(f"The path {path[:200]!a} cannot be part of a dataset: {why}.")
