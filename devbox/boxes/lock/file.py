"""devbox.lock as a file beside devbox.toml: one line for each package, so that a change of one
package is a change of one line."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from devbox.boxes.lock.parse import FILE, VERSION, broken, parse
from devbox.boxes.lock.records import Lock
from devbox.errors import DevboxError

LARGEST = 16 << 20
_HEAD = """\
# Written by `devbox lock`; commit it. `devbox up --locked` builds exactly this, or says what
# cannot be had. A package is: name, version, (architecture,) SHA-256, bytes, file.
"""


def place(project: Path) -> Path:
    """Where the lock of a project is."""
    return project / FILE


def load(project: Path) -> Lock | None:
    """The lock of a project, None where there is none. Raises ConfigError for one that cannot be
    used."""
    file = place(project)
    try:
        # A pipe in its place opens at once, instead of when somebody writes into it.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise broken(str(file), 0, "is no file")
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise broken(str(file), 0, f"cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise broken(str(file), 0, "is far too large to be a lock")
    try:
        return parse(data.decode(), str(file))
    except UnicodeDecodeError as error:
        raise broken(str(file), 0, "is not UTF-8 text") from error


def save(lock: Lock, project: Path) -> Path:
    """Write the lock of a project, whole or not at all; returns the file."""
    file = place(project)
    draft = ""
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{FILE}.", dir=project)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text(lock))
            # Like a file of the project, not like a temporary one.
            owner = project.stat()
            os.fchmod(descriptor, 0o644)
            if os.geteuid() == 0:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        Path(draft).replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise DevboxError(f"{file} cannot be written: {error.strerror}.") from error
    return file


def text(lock: Lock) -> str:
    """The lock as TOML."""
    out = [_HEAD, f"version = {VERSION}\n"]
    for box in lock.boxes:
        out.append("\n[[box]]\n")
        out += _values(name=box.name, platform=box.platform, python=box.python)
        out += _values(uv=box.uv.line if box.uv else "", archives=box.archives)
        out.append("\n[box.inputs]\n")
        out += _values(**dict(sorted(box.inputs.items())))
        base = box.base
        out.append("\n[box.base]\n")
        out += _values(reference=base.reference, digest=base.digest, release=base.release)
        out += _values(apt=[deb.line for deb in base.apt])
        out += _values(python=[wheel.line for wheel in base.python])
        for image in box.images:
            out.append("\n[[box.image]]\n")
            out += _values(name=image.name, removed=image.removed)
            out += _values(apt=[deb.line for deb in image.apt])
            out += _values(python=[wheel.line for wheel in image.python])
    return "".join(out)


def _values(**values: str | Iterable[str]) -> list[str]:
    """Lines ``key = value`` for what is not empty; a list has a line for each item."""
    lines = []
    for key, value in values.items():
        if isinstance(value, str):
            lines += [f"{key} = {_quoted(value)}\n"] if value else []
            continue
        items = [f"    {_quoted(item)},\n" for item in value]
        lines += [f"{key} = [\n", *items, "]\n"] if items else []
    return lines


def _quoted(value: str) -> str:
    # JSON's strings are TOML's, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
