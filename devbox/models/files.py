"""The files of a version: read again, and served only as they were registered."""

from __future__ import annotations

from typing import BinaryIO

from devbox.errors import DevboxError, UsageError
from devbox.models.records import Checked, ModelFile, ModelVersion, Verification
from devbox.storage import Blobs
from devbox.storage.blobs import Damaged

OK, MISSING, DAMAGED = "ok", "missing", "damaged"


def verification(version: ModelVersion, blobs: Blobs) -> Verification:
    """Read every file of a version."""
    states: dict[str, str] = {}
    checked = []
    for file in version.files:
        if file.digest not in states:
            states[file.digest] = _state(file, blobs)
        state = states[file.digest]
        checked.append(Checked(file.slot, file.path, file.digest, file.size, state))
    return Verification(version.model, version.version, tuple(checked))


def open_checked(version: ModelVersion, path: str, slot: str, blobs: Blobs) -> BinaryIO:
    """A file of a version for reading, from its start, once all of it was found to be right.

    Raises UsageError where the version has no such file, DevboxError where its content is gone or
    is another.
    """
    file = find(version, path, slot)
    if not file.digest:
        raise _broken(version, file, "never came: its run named it and did not keep it")
    try:
        return blobs.open(file.digest)
    except Damaged:
        raise _broken(version, file, "is damaged") from None
    except DevboxError:
        raise _broken(version, file, "is missing") from None


def find(version: ModelVersion, path: str, slot: str = "") -> ModelFile:
    """The file of a version at a path; of one slot, where it is given."""
    for file in version.files:
        if file.path == path and slot in {"", file.slot}:
            return file
    known = ", ".join(file.path for file in version.files[:10]) or "none"
    raise UsageError(f"{version.ref} has no file {path}.", hint=f"It has: {known}.")


def _state(file: ModelFile, blobs: Blobs) -> str:
    try:
        blobs.open(file.digest).close()
    except Damaged:
        return DAMAGED
    except (DevboxError, OSError):
        return MISSING
    return OK


def _broken(version: ModelVersion, file: ModelFile, what: str) -> DevboxError:
    return DevboxError(
        f"{file.path} of {version.ref} {what} (blob {file.digest[:12] or 'unknown'}).",
        hint="Import the version again, or fetch the blob from another storage location.",
    )
