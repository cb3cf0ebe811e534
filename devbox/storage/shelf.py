"""The blobs of one storage location: content-addressed, as they are on this machine.

Layout: ``ab/abcd...``; ``refs/ID`` lists what a state file (a person) refers to there, so that
others don't delete it; ``collecting/ID`` stands there while somebody deletes.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from devbox.errors import DevboxError
from devbox.storage.backend import Backend, Item, Tell
from devbox.storage.blobs import Blobs, Damaged, checked

COLLECTING = "collecting/"
COLLECTING_SECONDS = 3600.0
"""How long a collection may take: what is older was left by one that died."""
MANY = 200
REFS = "refs/"
_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")


class Shelf:
    """The blobs of a location called ``name``."""

    def __init__(self, name: str, backend: Backend) -> None:
        self.name = name
        self._backend = backend

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.close()

    def sizes(self, digests: Collection[str]) -> Mapping[str, int]:
        """The bytes of those of the blobs that are there."""
        if len(digests) > MANY:
            wanted = set(digests)
            return {digest: item.size for digest, item in self.ls() if digest in wanted}
        found = {digest: self._backend.stat(_key(digest)) for digest in digests}
        return {digest: item.size for digest, item in found.items() if item is not None}

    def ls(self) -> Iterator[tuple[str, Item]]:
        """Every blob."""
        for item in self._backend.ls(""):
            if found := _KEY.fullmatch(item.key):
                yield found[2], item

    def send(self, digest: str, source: Path, tell: Tell) -> None:
        """Put a blob there, going on where an earlier attempt has ended."""
        self._backend.send(_key(digest), source, tell)

    def fetch(self, digest: str, blobs: Blobs, tell: Tell) -> int:
        """Get a blob; returns its bytes. Raises FileNotFoundError where it is not there, Damaged
        where its content is another."""
        stream = _Stream(self._backend.read(_key(digest)), tell)
        stream.begin()
        try:
            return blobs.receive(digest, stream)
        except Damaged:
            raise Damaged(digest, f"the storage location {self.name}") from None

    def damaged(self, digest: str) -> bool | None:
        """Whether a blob's content is another, read in full; None where it is not there."""
        hasher = hashlib.sha256()
        try:
            for chunk in self._backend.read(_key(digest)):
                hasher.update(chunk)
        except FileNotFoundError:
            return None
        return hasher.hexdigest() != digest

    def remove(self, digest: str) -> None:
        """Remove a blob."""
        self._backend.remove(_key(digest))

    def sweep(self, before: float) -> int:
        """Remove what uploads have left that ended before a time; returns how many."""
        return self._backend.sweep(before)

    def note(self, key: str, data: object) -> None:
        """Leave a record for others there, in place of an older one."""
        self._backend.write(key, json.dumps(data, sort_keys=True).encode())

    def noted(self, key: str) -> Any:
        """A record that somebody left there; None where there is none, or nothing readable."""
        try:
            return json.loads(b"".join(self._backend.read(key)))
        except (FileNotFoundError, ValueError, RecursionError):
            return None

    def numbers(self, prefix: str) -> Iterator[int]:
        """The records below a prefix that are called by a number."""
        for item in self._backend.ls(prefix):
            name = item.key.removeprefix(prefix)
            if name.isascii() and name.isdigit() and len(name) < 10:
                yield int(name)

    # Who refers to what

    def refer(self, installation: str, who: str, digests: Collection[str]) -> None:
        """Say what a state file refers to here: all of it."""
        data = {"who": who, "time": time.time(), "digests": sorted(digests)}
        self._backend.write(REFS + installation, json.dumps(data).encode())

    def referred(self, but: str = "") -> set[str]:
        """What all state files but one refer to here. Raises DevboxError where a list of them
        cannot be understood: then nothing may be deleted."""
        found: set[str] = set()
        for item in self._backend.ls(REFS):
            if item.key == REFS + but:
                continue
            found |= self.referred_by(item.key.removeprefix(REFS))
        return found

    def referred_by(self, installation: str) -> set[str]:
        """What one state file refers to here; raises as :meth:`referred` does."""
        key = REFS + installation
        try:
            said = b"".join(self._backend.read(key))
        except FileNotFoundError:
            return set()
        try:
            return set(map(checked, json.loads(said)["digests"]))
        except (ValueError, KeyError, TypeError, RecursionError, DevboxError) as error:
            raise DevboxError(
                f"{key} of the storage location {self.name} cannot be understood, so nothing is"
                " changed there.",
                hint="It says what somebody refers to; have it removed by whose it is.",
            ) from error

    def not_collecting(self) -> None:
        """Raises DevboxError while somebody deletes here: what is found now may be gone soon.

        Who stores here refers first and asks this afterwards; who deletes says so first and looks
        at what is referred to afterwards. So one of them sees the other.
        """
        for item in self._backend.ls(COLLECTING):
            with suppress(ValueError, KeyError, TypeError, FileNotFoundError):
                data = json.loads(b"".join(self._backend.read(item.key)))
                if time.time() - float(data["time"]) > COLLECTING_SECONDS:
                    continue
            raise DevboxError(
                f"Somebody collects garbage in the storage location {self.name} right now.",
                hint="Try again in a minute.",
            )

    @contextmanager
    def collecting(self, installation: str, who: str) -> Iterator[float]:
        """Say that we delete; yields until when we may (seconds since the epoch)."""
        now = time.time()
        key = COLLECTING + installation
        self._backend.write(key, json.dumps({"who": who, "time": now}).encode())
        try:
            yield now + COLLECTING_SECONDS / 2
        finally:
            self._backend.remove(key)


class _Stream:
    """Pieces of content as something to read."""

    def __init__(self, pieces: Iterator[bytes], tell: Tell) -> None:
        self._pieces = pieces
        self._tell = tell
        self._left = b""

    def begin(self) -> None:
        """Read the first piece: where there is nothing, that tells."""
        self._left = next(self._pieces, b"")

    def read(self, size: int, /) -> bytes:
        while len(self._left) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left += piece
        data, self._left = self._left[:size], self._left[size:]
        self._tell(len(data))
        return data


def _key(digest: str) -> str:
    return f"{checked(digest)[:2]}/{digest}"
