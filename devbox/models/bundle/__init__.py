"""Model versions in a file each, with everything that they were made from: out, and in elsewhere.

The file is described in :mod:`devbox.models.bundle.manifest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from devbox.errors import DevboxError
from devbox.journal.slots import DATA, checked_model_name
from devbox.models.records import ModelVersion
from devbox.models.slots import inputs
from devbox.progress import Report, silent

if TYPE_CHECKING:
    from devbox.models import Models
    from devbox.models.bundle.manifest import Manifest
    from devbox.models.bundle.out import Parts
    from devbox.models.bundle.taken import Bundle
    from devbox.runs.records import RunRecord
    from devbox.runs.series import Series
    from devbox.runs.store import RunStore
    from devbox.state import State
    from devbox.storage import Blobs
    from devbox.storage.data import Data
    from devbox.storage.records import DatasetVersion

__all__ = ["Bundles", "Exported", "Imported"]


@dataclass(frozen=True)
class Exported:
    """What was written: the version ``ref`` (churn@3) to ``file`` of ``size`` bytes, with
    ``files`` of it, ``runs`` by id and dataset versions (``data``). ``left_out`` are dataset
    versions that it was made from and that are not in the file."""

    ref: str
    id: str
    file: Path
    size: int
    files: int
    runs: tuple[str, ...]
    data: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """What a file holds, and what became of it: ``was`` is what the version was called where it
    was exported, ``ref`` what it is called here, "" with a dry run. ``new`` is False where it was
    here before; ``mended`` files of it were gone or damaged here then, and came again. ``runs``
    and ``data`` are what came with it, ``data`` by what it is called here.
    """

    ref: str
    was: str
    id: str
    new: bool
    files: int
    size: int
    runs: tuple[str, ...]
    data: tuple[str, ...]
    mended: int = 0


class Bundles:
    """Writes and reads files of model versions. ``need`` fetches content that is not here."""

    def __init__(
        self,
        *,
        state: Callable[[], State],
        blobs: Blobs,
        models: Callable[[], Models],
        data: Callable[[], Data],
        need: Callable[[str], object],
    ) -> None:
        self._state = state
        self._blobs = blobs
        self._models = models
        self._data = data
        self._need = need

    def export(
        self,
        ref: str,
        file: Path,
        *,
        with_data: bool = False,
        force: bool = False,
        report: Report = silent,
    ) -> Exported:
        """Write a version to a file (.tar, .tar.gz); the same version gives the same bytes.

        ``with_data``: the dataset versions that it was made from, too. Raises Refused where the
        file is there, unless ``force``; DevboxError where the version still grows, or content
        of it is nowhere or damaged. Then nothing is written.
        """
        from devbox.models.bundle.out import check_target, write

        check_target(file, force=force)
        version = self._models().get(ref)
        known = self._datasets(version)
        parts = self._parts(version, known if with_data else [])
        manifest = write(parts, file, self._opened, report)
        return Exported(
            ref=version.ref,
            id=version.id,
            file=file,
            size=file.stat().st_size,
            files=len(version.files),
            runs=manifest.runs,
            data=tuple(each.ref for each in known if with_data),
            left_out=tuple(each.ref for each in known if not with_data),
        )

    def take_in(
        self, file: Path, *, name: str = "", dry_run: bool = False, report: Report = silent
    ) -> Imported:
        """Make the version that a file holds the next one of its model, or of the model ``name``,
        with its runs and data: all of it or nothing. One that is here already is left as it is;
        only content of it that is gone or damaged here is taken again.

        ``dry_run``: only check all of it. Raises DevboxError where anything of the file is not as
        it should be.
        """
        from devbox.models.bundle.taken import bundle

        asked = checked_model_name(name) if name else ""
        with bundle(file) as found:
            found.needs(self._blobs.root)
            found.check(report)
            known = self._models().registered(found.manifest.version.id)
            if known:
                mended = 0 if dry_run else self._mend(found, report)
                return replace(_told(found.manifest, known.ref, new=False), mended=mended)
            if dry_run:
                return _told(found.manifest, "", new=True)
            with self._blobs.lease():
                return self._keep(found, asked or found.manifest.model.name, report)

    def _keep(self, found: Bundle, model: str, report: Report) -> Imported:
        """Content first, which nothing refers to yet; then all that refers to it, at once."""
        from devbox.models.bundle.store import BundleStore
        from devbox.runs.bring import bring_in

        manifest, store = found.manifest, BundleStore(self._state())
        with closing(found.members(report)) as members:
            runs = []
            for member, content in members:
                if member.run:
                    runs.append((member, content))
                    break
                self._blobs.receive(member.sha256, content)
            with self._state().transaction(durable=True):
                new = []
                for member, content in chain(runs, members):
                    if bring_in(store.runs, member.run, content, manifest.lost.get(member.run, 0)):
                        new.append(member.run)
                data = [self._data().admit(each).ref for each in manifest.data]
                kept, added = store.add(manifest, model)
        return replace(_told(manifest, kept.ref, new=added), runs=tuple(new), data=tuple(data))

    def _mend(self, found: Bundle, report: Report) -> int:
        """Take what is gone or damaged here of a version; returns how many files that were."""
        mended = 0
        with self._blobs.lease(), closing(found.members(report)) as members:
            for member, content in members:
                if member.run:
                    break
                if not self._whole(member.sha256):
                    self._blobs.receive(member.sha256, content)
                    mended += 1
        return mended

    def _whole(self, digest: str) -> bool:
        try:
            self._blobs.open(digest).close()
        except DevboxError:
            return False
        return True

    def _parts(self, version: ModelVersion, data: Iterable[DatasetVersion]) -> Parts:
        from devbox.models.bundle.out import Parts
        from devbox.models.bundle.store import BundleStore

        store = BundleStore(self._state())
        records = list(data)
        digests = {digest for each in records for digest in self._data().digests(each)}
        for digest in digests:
            self._need(digest)
        return Parts(
            model=self._models().model(version.model),
            version=version,
            runs=[(run, _series(store.runs, run)) for run in self._models().ancestors(version.run)],
            history=store.history(version),
            data=[self._data().record(each) for each in records],
            blobs={digest: self._blobs.size(digest) for digest in digests},
        )

    def _datasets(self, version: ModelVersion) -> list[DatasetVersion]:
        """The dataset versions that are named as inputs and known here, each once."""
        found: dict[str, DatasetVersion] = {}
        for each in inputs(version.slots.get(DATA, {})):
            if known := self._dataset(each):
                found[known.ref] = known
        return [found[ref] for ref in sorted(found)]

    def _dataset(self, told: Mapping[str, Any]) -> DatasetVersion | None:
        name, number = told.get("name"), told.get("version")
        if not name or not number:
            return None
        try:
            found = self._data().get(f"{name}@{number}")
        except DevboxError:
            return None
        digest = str(told.get("digest") or "").removeprefix("sha256:")
        return found if digest in {"", found.manifest} else None

    def _opened(self, digest: str) -> BinaryIO:
        self._need(digest)
        return self._blobs.open(digest)


def _series(store: RunStore, run: RunRecord) -> Callable[[], Iterable[Series]]:
    def every() -> Iterable[Series]:
        for key in sorted(run.metrics):
            found = store.series(run.id, key)
            if found is not None:
                yield found

    return every


def _told(manifest: Manifest, ref: str, *, new: bool) -> Imported:
    version = manifest.version
    return Imported(
        ref=ref,
        was=f"{manifest.model.name}@{version.number}",
        id=version.id,
        new=new,
        files=len(version.files),
        size=manifest.size,
        runs=() if ref else manifest.runs,
        data=() if ref else tuple(f"{e.get('name')}@{e.get('version')}" for e in manifest.data),
    )
