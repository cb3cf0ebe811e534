"""Finding the file that an installed Python package came in.

The tags of the installed package say which of an index's wheels it can be, its list of hashed
files says which it is. What fits no wheel was built from source, and then the source is locked.
"""

from __future__ import annotations

import base64
import itertools
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devbox.boxes.lock.collect import Installed
from devbox.boxes.lock.index import Found, normal
from devbox.boxes.lock.records import LockedBox, Wheel
from devbox.boxes.lock.store import AT_ONCE, Differs, Store
from devbox.boxes.lock.web import Absent
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_SOURCES = (".tar.gz", ".zip")
_RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
_WHEEL = re.compile(
    r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)"
    r"-(?P<platform>[^-]+)\.whl"
)


@dataclass(frozen=True)
class Wish:
    """An installed package whose file is to be found; ``optional`` where it may have none."""

    package: Installed
    optional: bool = False


class Wheels:
    """Finds files of packages, and puts them into storage."""

    def __init__(self, store: Store, known: LockedBox | None, platform: str) -> None:
        self._store = store
        self._machine = _MACHINES.get(platform, "")
        locked = [wheel for image in known.images for wheel in image.python] if known else []
        if known and known.uv:
            locked.append(known.uv)
        self._known = {(normal(wheel.name), wheel.version): wheel for wheel in locked if wheel.file}

    def find(self, wishes: Sequence[Wish], report: Report) -> dict[tuple[str, str], Wheel]:
        """The file of each package, by name and version. Raises DevboxError naming those that
        have none."""
        found: dict[tuple[str, str], Wheel] = {}
        lost = []
        if wishes:
            report(Progress("lock", "python", f"where {len(wishes)} packages come from"))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = pool.map(self._attempt, wishes)
            for number, (wish, answer) in enumerate(zip(wishes, answers, strict=True), start=1):
                package = wish.package
                text = f"{number}/{len(wishes)} {package.name} {package.version}"
                report(Progress("lock", "python", text, log=True))
                if isinstance(answer, Wheel):
                    found[package.name, package.version] = answer
                elif not wish.optional:
                    lost.append(answer)
        if lost:
            more = f"; {len(lost) - 1} more" if len(lost) > 1 else ""
            raise DevboxError(
                f"{lost[0]}{more}.",
                hint="Lock what is in an index, or in a folder of network.wheels.",
                detail=lost if more else (),
            )
        return found

    def uv(self, version: str, digest: str) -> Wheel:
        """The wheel whose uv has this SHA-256. Raises DevboxError where there is none."""
        wanted = base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
        package = Installed("uv", version)
        for wheel in self._candidates(package):
            if wheel and any(
                path.endswith(".data/scripts/uv") and hashed == f"sha256={wanted}"
                for path, hashed in self._record(wheel).items()
            ):
                return wheel
        raise DevboxError(f"uv {version} cannot be locked: no index has the one of the image.")

    def _attempt(self, wish: Wish) -> Wheel | str:
        package = wish.package
        label = f"{package.name} {package.version} cannot be locked"
        if package.origin:
            return f"{label}: it was installed from an address, and not from an index"
        try:
            return self._find(package) or f"{label}: no index has the file it was installed from"
        except DevboxError as error:
            return f"{label}: {error.message.rstrip('.')}"

    def _find(self, package: Installed) -> Wheel | None:
        for wheel in self._candidates(package):
            if wheel.file.endswith(_SOURCES) or self._is_of(wheel, package):
                return wheel
        return None

    def _candidates(self, package: Installed) -> Iterator[Wheel]:
        """Files of the package's version in storage, likeliest first; sources last."""
        known = self._known.get((normal(package.name), package.version))
        if known and self._store.blobs.has(known.sha256):
            yield known
        files = self._store.indexes.files(package.name)
        fitting = sorted((_rank(f.file, package, self._machine), n) for n, f in enumerate(files))
        for rank, number in fitting:
            if rank < _UNFIT and (wheel := self._take(files[number], package)):
                yield wheel

    def _take(self, found: Found, package: Installed) -> Wheel | None:
        try:
            digest = self._store.take(found)
        except (Absent, Differs, OSError):
            return None
        size = self._store.blobs.size(digest)
        return Wheel(package.name, package.version, digest, size, found.file)

    def _is_of(self, wheel: Wheel, package: Installed) -> bool:
        """Whether every file of a wheel is installed as it is in the wheel."""
        record = self._record(wheel)
        return bool(record) and all(
            package.record.get(path) == hashed
            for path, hashed in record.items()
            if ".data/" not in path
        )

    def _record(self, wheel: Wheel) -> Mapping[str, str]:
        """The hashes of a wheel's files, as it lists them itself."""
        try:
            with zipfile.ZipFile(self._store.blobs.path(wheel.sha256)) as archive:
                # Packages that it carries along have lists of their own, further down.
                name = next(n for n in archive.namelist() if _RECORD.fullmatch(n))
                rows = archive.read(name).decode("utf-8", "replace").splitlines()
        except (OSError, zipfile.BadZipFile, StopIteration, NotImplementedError):
            return {}
        parts = (row.rsplit(",", 2) for row in rows)
        return {part[0]: part[1] for part in parts if len(part) == 3 and part[1]}


_EXACT, _CLOSE, _SOURCE, _UNFIT = range(4)


def _rank(file: str, package: Installed, machine: str) -> int:
    """How likely a file is the one that a package was installed from; lower is likelier."""
    if file.endswith(_SOURCES):
        stem = file.removesuffix(".tar.gz").removesuffix(".zip")
        _, _, version = stem.rpartition("-")
        return _SOURCE if package.tags and _same(version, package.version) else _UNFIT
    match = _WHEEL.fullmatch(file)
    if match is None or not _same(match["version"], package.version):
        return _UNFIT
    tags = wheel_tags(match["python"], match["abi"], match["platform"])
    if tags == package.tags:
        return _EXACT
    # Some wheels say less inside than in their name, and uv's is only looked for by platform.
    kinds = {tag.rpartition("-")[0] for tag in package.tags}
    fits = not kinds or any(tag.rpartition("-")[0] in kinds for tag in tags)
    here = any(_for_machine(tag.rpartition("-")[2], machine) for tag in tags)
    return _CLOSE if fits and here else _UNFIT


def wheel_tags(python: str, abi: str, platform: str) -> frozenset[str]:
    """The tags that the three parts of a wheel's name stand for (PEP 425)."""
    parts = (part.split(".") for part in (python, abi, platform))
    return frozenset("-".join(tag) for tag in itertools.product(*parts))


def _for_machine(platform: str, machine: str) -> bool:
    if platform == "any":
        return True
    return platform.startswith(("linux", "manylinux", "musllinux")) and platform.endswith(machine)


def _same(one: str, other: str) -> bool:
    """Whether two spellings are one version."""
    return _spelled(one) == _spelled(other)


def _spelled(version: str) -> Iterable[str]:
    return re.split(r"[-_.+]", version.lower())
