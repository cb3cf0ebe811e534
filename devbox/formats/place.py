"""Where the files of a version come from: the door outside, the bridge in a box, a folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from devbox.errors import DevboxError

if TYPE_CHECKING:
    from devbox.api import Devbox

CHUNK = 1 << 20
CACHE = "DEVBOX_MODEL_CACHE"


class Source(Protocol):
    """Gives versions and their files."""

    def version(self, ref: str) -> Mapping[str, Any]:
        """A version as a table: model, version, slots, files [{slot, path, digest, size}], ..."""

    def file(self, digest: str) -> Path:
        """A file by its digest, to be read only. Raises DevboxError where it can't be had."""

    def registered(self, note: str) -> int | None:
        """The number of the version that was registered with an id, None where it has none."""

    def trusted(self) -> tuple[str, ...]:
        """The types that the operator trusts in skops files."""


@dataclass(frozen=True)
class FileEntry:
    """A file of a version."""

    slot: str
    path: str
    digest: str
    size: int


class Door:
    """The registry of this machine."""

    def __init__(self, door: Devbox) -> None:
        self._door = door

    def version(self, ref: str) -> Mapping[str, Any]:
        found = self._door.models.get(ref)
        files = [asdict(file) for file in found.files]
        return {**vars(found), "files": files}

    def file(self, digest: str) -> Path:
        if not self._door.blobs.has(digest):
            self._door.storage.need(digest)  # it may lie in a location elsewhere
        return self._door.blobs.path(digest)

    def registered(self, note: str) -> int | None:
        found = self._door.models.registered(note)
        return found.version if found else None

    def trusted(self) -> tuple[str, ...]:
        return tuple(self._door.settings.trusted)


class Bridge:
    """The registry outside of this box, through its bridge; files are kept for the next time."""

    def __init__(self) -> None:
        self._operator: tuple[str, ...] = ()

    def version(self, ref: str) -> Mapping[str, Any]:
        from devbox.journal import bridge

        found = bridge.call("model", ref=ref)
        if not isinstance(found, Mapping):
            raise DevboxError(f"The bridge has no answer about {ref}.")
        self._operator = tuple(str(each) for each in found.get("trusted") or ())
        return found

    def file(self, digest: str) -> Path:
        from devbox.journal import bridge

        target = cache() / digest[:2] / digest
        if target.is_file() and _digest(target) == digest:
            return target
        bridge.fetch(digest, target)
        return target

    def registered(self, note: str) -> int | None:
        from devbox.journal import bridge

        answer = bridge.call("registered", id=note)
        number = answer.get("version") if isinstance(answer, Mapping) else None
        return number if isinstance(number, int) else None

    def trusted(self) -> tuple[str, ...]:
        return self._operator


class Folder:
    """One version in a folder: manifest.json, and each file by its digest in files/."""

    def __init__(self, folder: Path, trusted: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._trusted = trusted

    def version(self, ref: str) -> Mapping[str, Any]:  # noqa: ARG002 - it holds one
        import json

        try:
            found = json.loads((self._folder / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise DevboxError(f"{self._folder} holds no version of a model: {error}.") from error
        if not isinstance(found, Mapping):
            raise DevboxError(f"{self._folder} holds no version of a model.")
        return found

    def file(self, digest: str) -> Path:
        return self._folder / "files" / digest

    def registered(self, note: str) -> int | None:  # noqa: ARG002 - it knows no ids
        return None

    def trusted(self) -> tuple[str, ...]:
        return self._trusted


def cache() -> Path:
    """Where files from outside are kept in a box."""
    if given := os.environ.get(CACHE, ""):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or ""
    try:
        folder = Path(base) if base else Path.home() / ".cache"
        folder = folder / "devbox" / "models"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return Path(tempfile.gettempdir()) / f"devbox-models-{os.getuid()}"
    return folder


def verified(source: Source, entry: FileEntry) -> Path:
    """A file whose content is what was recorded. Raises DevboxError where it is missing or is
    something else."""
    if not is_digest(entry.digest):
        raise DevboxError(f"{entry.path} never came: the run did not keep it.")
    path = source.file(entry.digest)
    try:
        found = _digest(path)
    except OSError as error:
        raise DevboxError(
            f"{entry.path} is not there any more: {error.strerror}.",
            hint="`devbox model verify` looks at all files of a version.",
        ) from error
    if found != entry.digest:
        raise DevboxError(
            f"{entry.path} is damaged: its content is not what was recorded.",
            hint="`devbox model verify` looks at all files of a version.",
        )
    return path


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def content(source: Source, entry: FileEntry) -> bytes:
    """The bytes of a file, verified after they were read."""
    path = verified(source, entry)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != entry.digest:
        raise DevboxError(f"{entry.path} changed while it was read.")
    return data


def is_digest(text: object) -> bool:
    """Whether a text is a SHA-256 in hex."""
    return (
        isinstance(text, str)
        and len(text) == 64
        and all(each in "0123456789abcdef" for each in text)
    )


def entries(version: Mapping[str, Any], slot: str) -> tuple[FileEntry, ...]:
    """The files of a slot."""
    found = []
    for each in version.get("files") or ():
        if isinstance(each, Mapping) and each.get("slot") == slot:
            path, digest = str(each.get("path", "")), str(each.get("digest", ""))
            found.append(FileEntry(slot, path, digest, int(each.get("size") or 0)))
    return tuple(found)


def entry(version: Mapping[str, Any], slot: str, path: object) -> FileEntry:
    """One file of a slot by its path. Raises DevboxError where the version has none."""
    for each in entries(version, slot):
        if each.path == path:
            return each
    raise DevboxError(f"The version has no file {path} in its slot {slot}.")
