"""What a file is by its content: endings lie."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, UsageError

SKOPS, SAFETENSORS, ONNX = "skops", "safetensors", "onnx"
JOBLIB, PICKLE, OTHER = "joblib", "pickle", "other"
FORMATS = (SKOPS, SAFETENSORS, ONNX, JOBLIB, PICKLE, OTHER)
RUNS_CODE = frozenset({JOBLIB, PICKLE})
"""Reading one of these runs whatever code its author put into it."""

ENDINGS = {
    ".skops": SKOPS,
    ".safetensors": SAFETENSORS,
    ".onnx": ONNX,
    ".joblib": JOBLIB,
    ".pkl": PICKLE,
    ".pickle": PICKLE,
    ".pt": PICKLE,
    ".pth": PICKLE,
    ".ckpt": PICKLE,
}
LARGEST_HEADER = 100_000_000
"""Bytes of a safetensors header, the limit of the format's own library."""
MOST_MEMBERS = 1_000_000
FREELY = 64 << 20
"""Bytes that any archive may unpack to."""
MOST_RATIO = 200
"""How many times its own size a larger archive may unpack to."""
# The first byte of a message of ONNX: its fields, each with the type that it has.
_ONNX_STARTS = frozenset({0x08, 0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72})


def by_ending(path: Path) -> str:
    """The format that a file's name speaks of; "other" for all that are not known."""
    return ENDINGS.get(path.suffix.lower(), OTHER)


def contains(path: Path) -> str:
    """The format of a file by its content; "other" where the content tells none."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == b"PK\x03\x04":
        return _zipped(path)
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return PICKLE
    if len(head) > 8 and head[8:9] == b"{":
        return SAFETENSORS
    if head and head[0] in _ONNX_STARTS:
        return ONNX
    return OTHER


def checked(path: Path, kind: str, name: str = "") -> None:
    """Raise DevboxError where a file is not of the format that it is said to be of, is cut off,
    or would unpack to far more than it is. Nothing of it is run or unpacked. ``name`` is what to
    call it in errors (the file's own)."""
    name = name or path.name
    try:
        found = contains(path)
    except OSError as error:
        raise DevboxError(f"{path} can't be read: {error.strerror}.") from error
    if found == PICKLE and kind not in RUNS_CODE:
        raise DevboxError(
            f"{name} is said to be {kind}, and is a pickle, which runs code when it is read.",
            hint="Get the model in a safe format: skops, safetensors or onnx.",
        )
    if kind in {SKOPS, ONNX} and found != kind:
        raise DevboxError(f"{name} is no {kind} file: it is damaged, or something else.")
    if kind == SKOPS:
        bounded(path)
    elif kind == SAFETENSORS:
        header(path)


def bounded(path: Path) -> None:
    """Raise DevboxError for a zip file that would unpack to far more than it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DevboxError(f"{path.name} is damaged: {error}.") from error
    size = sum(member.file_size for member in members)
    if size > max(FREELY, MOST_RATIO * path.stat().st_size) or len(members) > MOST_MEMBERS:
        raise DevboxError(
            f"{path.name} would unpack to {size} bytes in {len(members)} files,"
            " which no model of its size does."
        )


def header(path: Path) -> Mapping[str, Any]:
    """The tensors of a safetensors file: dtype, shape and data_offsets by name.

    Raises DevboxError where the header is too large, damaged, or speaks of bytes that are not
    there.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, LARGEST_HEADER):
            raise _damaged(path, f"its header has {length} bytes, and the file {size}")
        try:
            found = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise _damaged(path, "its header can't be read") from None
    if not isinstance(found, dict):
        raise _damaged(path, "its header is no table")
    found.pop("__metadata__", None)
    try:
        ends = [int(each["data_offsets"][1]) for each in found.values()]
        shapes = [each["shape"] for each in found.values()]
    except (TypeError, KeyError, ValueError, IndexError):
        raise _damaged(path, "its header can't be read") from None
    if not all(
        isinstance(shape, list) and all(type(side) is int and side >= 0 for side in shape)
        for shape in shapes
    ):
        raise _damaged(path, "its header has shapes that are none")
    if max(ends, default=0) != size - 8 - length:
        raise _damaged(path, "it is cut off, or has more than its header says")
    return found


def _damaged(path: Path, why: str) -> DevboxError:
    return DevboxError(f"{path.name} is no whole safetensors file: {why}.")


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return OTHER
    if "schema.json" in names:
        return SKOPS
    # What torch.save writes is a pickle in a zip.
    return PICKLE if any(name.endswith("data.pkl") for name in names) else OTHER


def known(kind: str) -> str:
    """A format's name. Raises UsageError for one that there is not."""
    if kind not in FORMATS:
        raise UsageError(
            f"{kind!r} is no format of models.", hint=f"There are: {', '.join(FORMATS)}."
        )
    return kind
