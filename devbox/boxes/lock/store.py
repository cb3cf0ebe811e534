"""The files of locked packages: kept in storage, else fetched, and never another than the lock's.

Every file that was ever needed stays in storage under its hash, so that a package that its mirror
has forgotten can still be had.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, TypeVar

from devbox.boxes.lock.index import Found, Indexes, normal
from devbox.boxes.lock.records import Deb, Wheel
from devbox.boxes.lock.web import Absent, Web
from devbox.config.spec import Network
from devbox.errors import DevboxError, Refused
from devbox.progress import Progress, Report
from devbox.storage.blobs import Blobs, Damaged

AT_ONCE = 6
Package = TypeVar("Package", Deb, Wheel)


class Differs(Exception):
    """The content is not that of the hash."""


@dataclass(frozen=True)
class Lost:
    """A package that cannot be had, and why."""

    name: str
    why: str


class Store:
    """Where locked files are, on this machine and beyond it."""

    def __init__(self, blobs: Blobs, network: Network) -> None:
        self.blobs = blobs
        self.network = network
        self.web = Web(network)
        self.indexes = Indexes(network, self.web)

    def debs(self, packages: Sequence[Deb], archives: Sequence[str], report: Report) -> None:
        """Have the files of Debian packages in storage.

        ``archives`` are tried after the settings' mirror. Raises Refused naming every package
        that can't be had.
        """

        def fetch(deb: Deb) -> Lost | None:
            addresses = [
                f"{root}/{urllib.parse.quote(deb.file, safe='/+~:%')}"
                for root in archive_roots(self.network, archives)
            ]
            return self._first(f"{deb.name} {deb.version}", deb.sha256, addresses)

        self._all(packages, fetch, report)

    def wheels(self, packages: Sequence[Wheel], report: Report) -> None:
        """Have the files of Python packages in storage; raises like :meth:`debs`."""

        def fetch(wheel: Wheel) -> Lost | None:
            label = f"{normal(wheel.name)} {wheel.version}"
            try:
                found = [f for f in self.indexes.files(wheel.name) if f.file == wheel.file]
            except DevboxError as error:
                return Lost(label, error.message.rstrip("."))
            return self._first(label, wheel.sha256, found)

        self._all(packages, fetch, report)

    def take(self, found: Found) -> str:
        """Put a file that was found into storage, checked against what its index says; returns
        its hash. Raises Absent, Differs or DevboxError."""
        with self._stream(found) as stream:
            if not found.sha256:
                return self.blobs.put(stream)
            self.blobs.put(_Checked(stream, found.sha256))
            return found.sha256

    def _first(self, label: str, digest: str, places: Iterable[str | Found]) -> Lost | None:
        """Take a file from the first place that has it as it should be."""
        why = "no index or folder of wheels has it"
        for place in places:
            found = place if isinstance(place, Found) else Found("", place)
            try:
                with self._stream(found) as stream:
                    self.blobs.put(_Checked(stream, digest))
            except Absent as error:
                why = str(error)
            except Differs:
                why = "what is there now has another hash"
            except OSError as error:
                why = error.strerror or str(error)
            except DevboxError as error:
                why = error.message.rstrip(".")
            else:
                return None
        return Lost(label, why)

    @contextmanager
    def _stream(self, found: Found) -> Iterator[IO[bytes]]:
        if found.path is not None:
            with found.path.open("rb") as file:
                yield file
        else:
            with self.web.open(found.address) as answer:
                try:
                    yield answer
                except HTTPException as error:
                    raise DevboxError("The connection broke off.") from error

    def _all(
        self,
        packages: Sequence[Package],
        fetch: Callable[[Package], Lost | None],
        report: Report,
    ) -> None:
        needed = [p for p in packages if p.sha256 and not self.blobs.has(p.sha256)]
        lost: list[Lost] = []
        if needed:
            size = sum(package.size for package in needed) / (1 << 20)
            report(Progress("fetch", "packages", f"{len(needed)} files, {size:.1f} MiB"))
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            work: dict[Future[Lost | None], Package] = {pool.submit(fetch, p): p for p in needed}
            for number, done in enumerate(as_completed(work), start=1):
                text = f"{number}/{len(needed)} {work[done].file.rpartition('/')[2]}"
                report(Progress("fetch", "packages", text, log=True))
                if missing := done.result():
                    lost.append(missing)
        finally:
            pool.shutdown(cancel_futures=True)
        if lost:
            raise gone(lost)


def gone(lost: Sequence[Lost]) -> Refused:
    """The refusal that names packages which cannot be had."""
    lost = sorted(lost, key=lambda one: one.name)
    first, more = lost[0], len(lost) - 1
    what = f"{first.name} is locked and cannot be had: {first.why}"
    return Refused(
        f"{what}{f'; {more} more' if more else ''}.",
        hint="Storage of this machine does not have it either. `devbox lock --upgrade` locks what"
        " there is today.",
        detail=[f"{one.name}: {one.why}" for one in lost] if more else (),
    )


def archive_roots(network: Network, archives: Sequence[str]) -> list[str]:
    """Where to look for a Debian package: the settings' mirror, then where it came from."""
    mirror = network.apt_mirror.rstrip("/")
    mirrors = [mirror, f"{mirror}-security"] if mirror else []
    return list(dict.fromkeys([*mirrors, *(root.rstrip("/") for root in archives)]))


class _Checked:
    """A stream that fails at its end where its content is not that of a hash: so that a blob is
    never stored under a hash nobody asked for."""

    def __init__(self, stream: IO[bytes], digest: str) -> None:
        self._stream = stream
        self._digest = digest
        self._hasher = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._hasher.update(data)
        if not data and self._hasher.hexdigest() != self._digest:
            raise Differs
        return data


def place_files(blobs: Blobs, files: Iterable[tuple[str, str]], folder: Path) -> Path:
    """Make a folder of files from storage, as (name, hash), read again so that a damaged one is
    noticed; linked where it can be."""
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    for name, digest in files:
        target = folder / name
        try:
            blobs.open(digest).close()
        except Damaged as error:
            raise DevboxError(
                f"{name} is damaged in storage ({blobs.path(digest)}).",
                hint="Delete that file; it is fetched again.",
            ) from error
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(blobs.path(digest))
        except OSError:
            shutil.copyfile(blobs.path(digest), target)
    return folder
