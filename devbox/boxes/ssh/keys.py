"""The keys of SSH to boxes: one of the person's for all boxes, one of each box's own.

All are made here, once. A box's host key lies in devbox's own folder of the box and reaches the
box's memory when somebody connects, so that what is pinned stays true over restarts and rebuilds.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.identity import BoxId
from devbox.errors import DevboxError

KIND = "ssh-ed25519"


@dataclass(frozen=True)
class Key:
    """A key pair: where its private half lies, and its public half as "ssh-ed25519 AAAA..."."""

    file: Path
    public: str


@dataclass(frozen=True)
class BoxKeys:
    """What client and box need to know each other. ``known`` pins the box's key for ssh."""

    client: Key
    host: Key
    known: Path

    @property
    def id(self) -> str:
        """A name for this pair of keys. It tells nothing about the private halves."""
        both = f"{self.host.public}\n{self.client.public}\n"
        return hashlib.sha256(both.encode()).hexdigest()[:16]


def folder(home: Path) -> Path:
    """Where the person's key and our own ssh configuration lie."""
    return home / "ssh"


def paths(home: Path, box: BoxId) -> tuple[Path, Path, Path]:
    """The client key, the host key and the known hosts file of a box."""
    own = box.folder(home)
    return folder(home) / "id_ed25519", own / "ssh_host_ed25519_key", own / "known_hosts"


def box_keys(home: Path, box: BoxId) -> BoxKeys:
    """The keys for one box, made where they are missing. Several processes may do so at once."""
    client_file, host_file, known = paths(home, box)
    try:
        for needed in (client_file.parent, host_file.parent):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
            if needed.stat().st_mode & 0o077:
                needed.chmod(0o700)
        keys = BoxKeys(_key(client_file), _key(host_file), known)
        pinned = f"{box.project} {keys.host.public}\n".encode()
        if write_once(known, lambda: pinned) != pinned:
            with _draft(known, pinned) as draft:
                draft.replace(known)
    except OSError as error:
        raise DevboxError(
            f"{error.filename or home} cannot be used: {error.strerror}.",
            hint="`devbox doctor` looks at the folder of devbox.",
        ) from error
    return keys


def _key(file: Path) -> Key:
    private = write_once(file, _new)
    public = write_once(file.with_name(f"{file.name}.pub"), lambda: _public(private, file))
    return Key(file, public.decode("ascii", "replace").strip())


def _new() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _public(private: bytes, file: Path) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    try:
        key = load_ssh_private_key(private, None)
    except ValueError:
        raise DevboxError(
            f"{file} is not a key.", hint="Delete it, and a new one is made."
        ) from None
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"


def write_once(file: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a private file, which the first of several processes makes, whole."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        pass
    with _draft(file, make()) as draft, suppress(FileExistsError):
        os.link(draft, file)  # unless another process was first: then its key is the one
    return file.read_bytes()


@contextmanager
def _draft(file: Path, content: bytes) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(descriptor)
        yield draft
    finally:
        draft.unlink(missing_ok=True)
