"""Datasets: immutable, numbered versions of files, folders, tables and pointers to them."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.progress import Report, silent
from devbox.storage import materialize
from devbox.storage.blobs import Readable, checked
from devbox.storage.manifest import (
    FILE,
    FOLDER,
    POINTER,
    Entry,
    Manifest,
    checked_name,
    decoded,
    difference,
    encoded,
    split_ref,
)
from devbox.storage.pointers import is_uri, point, reading
from devbox.storage.records import Dataset, DatasetVersion, Difference, Moved
from devbox.storage.scan import scan
from devbox.storage.service import Storage
from devbox.storage.store import StorageStore
from devbox.storage.tables import Table, table

LONGEST_TEXT = 10_000
MOST_PARTS = 1000
"""Files of a folder that are looked into as one table."""


class Data:
    """The datasets of one state file. A version is written NAME@3, the newest NAME."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(
        self,
        name: str,
        source: Path | str,
        *,
        message: str = "",
        tags: Mapping[str, str] | None = None,
        report: Report = silent,
    ) -> DatasetVersion:
        """Make a version of a file or folder, which are copied into storage, or of what lies at
        ``file:///...`` or ``s3://...``, which stays there and is only pointed to.

        Content that a version has already is that version (``new`` is False). Raises DevboxError
        for what can't be part of a dataset, and for what changes meanwhile.
        """
        checked_name(name)
        with self._storage.blobs.lease():
            if isinstance(source, str) and is_uri(source):
                made, found = point(self._storage, source, report), Table()
            else:
                made = scan(Path(source).expanduser().absolute(), self._storage.blobs, report)
                found = self._table(made)
            digest = self._storage.blobs.put(io.BytesIO(encoded(made)))
            version, new = self._store.version(
                DatasetVersion(
                    name=name,
                    version=0,
                    manifest=digest,
                    kind=made.kind,
                    uri=made.uri,
                    files=len(made.entries),
                    size=made.size,
                    rows=found.rows,
                    columns=found.columns,
                    message=message[:LONGEST_TEXT],
                    tags=dict(tags or {}),
                    user=self._storage.who,
                    created=time.time(),
                ),
                made.stored,
            )
        return replace(version, new=new)

    def ls(self) -> tuple[Dataset, ...]:
        """Every dataset, by name."""
        return self._store.datasets()

    def versions(self, name: str) -> tuple[DatasetVersion, ...]:
        """All versions of a dataset, newest first. Raises UsageError where there is none."""
        found = self._store.versions(checked_name(name))
        if not found:
            raise self._unknown(name)
        return found

    def get(self, ref: str) -> DatasetVersion:
        """A version: NAME@3, NAME@latest or NAME. Raises UsageError where there is none."""
        name, number = split_ref(ref)
        found = self._store.get(name, number)
        if found is None:
            raise self._unknown(ref)
        return found

    def manifest(self, ref: str) -> Manifest:
        """The files of a version. Raises DevboxError where its list can't be had."""
        return self._manifest(self.get(ref))

    def fetch(
        self,
        ref: str,
        target: Path | None = None,
        *,
        replace: bool = False,
        report: Report = silent,
    ) -> Path:
        """Write a version into the folder ``target`` (a file: into that folder under its own
        name); returns where it is. Without one it is the current folder, a folder below its name.

        Raises Refused where something is there, DevboxError naming what is damaged or nowhere;
        then nothing was written.
        """
        version = self.get(ref)
        what = self._manifest(version)
        if what.kind != POINTER:
            missing = [d for d in sorted(what.stored) if not self._storage.blobs.renew(d)]
            self._storage.pull(missing, report=report)

        @contextmanager
        def opened(entry: Entry, again: bool) -> Iterator[Readable]:
            if what.kind == POINTER:
                yield _Pieces(reading(self._storage, what, entry))
                return
            if again:  # got from where it is whole
                self._storage.need(entry.digest, report=report)
            with self._storage.blobs.path(entry.digest).open("rb") as file:
                yield file

        if what.kind == FOLDER or what.uri.endswith("/"):
            place = (target or Path(version.name)).expanduser().absolute()
            return materialize.into_folder(what, place, opened, report, replace=replace)
        (entry,) = what.entries
        place = (target or Path()).expanduser().absolute() / entry.path
        return materialize.into_file(entry, place, opened, replace=replace)

    def diff(self, old: str, new: str) -> Difference:
        """In what two versions differ."""
        return difference(self.manifest(old), self.manifest(new))

    def tag(self, ref: str, tags: Mapping[str, str], remove: tuple[str, ...] = ()) -> None:
        """Set tags of a version, and remove some."""
        version = self.get(ref)
        kept = {key: value for key, value in version.tags.items() if key not in remove}
        self._store.tag(version.name, version.version, {**kept, **tags})

    def rm(self, ref: str) -> tuple[DatasetVersion, ...]:
        """Forget a version (NAME@3) or all of a dataset (NAME); `gc` frees the space."""
        gone = (self.get(ref),) if "@" in ref else self.versions(ref)
        self._store.forget(gone[0].name, [version.version for version in gone])
        return gone

    def push(self, ref: str, to: str = "", report: Report = silent) -> Moved:
        """Have a version in a location, and its record, so that others can pull it.

        Raises UsageError where another version lies there under the same number.
        """
        version = self.get(ref)
        where = self._storage.get(to)
        record = _record(version)
        with self._storage.open(where) as shelf:
            there = shelf.noted(_key(version.name, version.version))
            if there is not None and there.get("manifest") != version.manifest:
                raise UsageError(
                    f"Another {version.ref} lies in the storage location {where.name}.",
                    hint=f"Pull it (`devbox data pull {version.ref}`), or take another name.",
                )
            moved = self._storage.push(self.digests(version), where.name, report)
            shelf.note(_key(version.name, version.version), record)
        return moved

    def pull(self, ref: str, source: str = "", report: Report = silent) -> Moved:
        """Have all of a version on this machine, also one that somebody else has pushed."""
        name, number = split_ref(ref)
        version = self._store.get(name, number) if number else None
        if version is None:
            version = self._import(name, number, source, report)
        manifest = self._storage.pull([version.manifest], source, report)
        moved = self._storage.pull(self._manifest(version).stored, source, report)
        return replace(moved, sent=(*manifest.sent, *moved.sent), size=manifest.size + moved.size)

    def kept(self) -> set[str]:
        """Every blob of every version."""
        return self._store.blobs()

    def record(self, version: DatasetVersion) -> dict[str, Any]:
        """A version as others can take it in, see :meth:`admit`."""
        return _record(version)

    def admit(self, said: Mapping[str, Any]) -> DatasetVersion:
        """Keep a version by the record that somebody else gave us; its content is here. It gets
        a number of its own where another version has its. Raises DevboxError for a record that
        is none, and for content that is not here."""
        name, number = checked_name(str(said.get("name"))), said.get("version")
        if not isinstance(number, int) or not 0 < number < 1_000_000_000:
            raise DevboxError(f"The record of the dataset {name} has no number.")
        version = _read_record(said, name, number)
        made = self._manifest(version)
        if lacking := [digest for digest in made.stored if not self._storage.blobs.has(digest)]:
            raise DevboxError(f"{version.ref} is not there whole: {lacking[0]} is missing.")
        known = self._store.get(name, number)
        taken = known is not None and known.manifest != version.manifest
        whole = replace(
            version,
            version=0 if taken else number,
            kind=made.kind,
            uri=made.uri,
            files=len(made.entries),
            size=made.size,
        )
        kept, new = self._store.version(whole, made.stored)
        return replace(kept, new=new)

    def digests(self, version: DatasetVersion) -> set[str]:
        """Every blob of a version."""
        return self._store.blobs(version.name, version.version)

    def _manifest(self, version: DatasetVersion) -> Manifest:
        self._storage.need(version.manifest)
        with self._storage.blobs.open(version.manifest) as file:
            return decoded(file.read())

    def _table(self, made: Manifest) -> Table:
        if len(made.entries) > MOST_PARTS:
            return Table()
        blobs = self._storage.blobs
        return table([(entry.path, blobs.path(entry.digest)) for entry in made.entries])

    def _import(self, name: str, number: int | None, source: str, report: Report) -> DatasetVersion:
        where = self._storage.get(source)
        with self._storage.open(where) as shelf:
            if number is None:
                number = max(shelf.numbers(_key(name, 0).rpartition("/")[0] + "/"), default=0)
            record = shelf.noted(_key(name, number)) if number else None
        if record is None:
            known = self._store.get(name, None)
            if number == 0 and known is not None:
                return known
            raise UsageError(
                f"There is no {name}@{number or 'latest'} in the storage location {where.name}.",
                hint="Whoever made it pushes it: `devbox data push`.",
            )
        version = _read_record(record, name, number)
        with self._storage.blobs.lease():
            self._storage.pull([version.manifest], where.name, report)
            made = self._manifest(version)
            version = replace(
                version, kind=made.kind, uri=made.uri, files=len(made.entries), size=made.size
            )
            self._storage.pull(made.stored, where.name, report)
            return self._store.version(version, made.stored)[0]

    def _unknown(self, ref: str) -> UsageError:
        return UsageError(
            f"No dataset {ref[:120]}.",
            hint="`devbox data ls` lists them; `devbox data pull` gets what others have pushed.",
        )

    @property
    def _store(self) -> StorageStore:
        return self._storage.store


class _Pieces:
    """Pieces of content as something to read; a piece may be longer than what was asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int, /) -> bytes:
        del size
        return next(self._pieces, b"")


def _key(name: str, version: int) -> str:
    return f"datasets/{name}/{version}"


def _record(version: DatasetVersion) -> dict[str, Any]:
    return {key: value for key, value in asdict(version).items() if key != "new"}


def _read_record(said: Any, name: str, number: int) -> DatasetVersion:
    """What somebody else's record says; every field is checked."""
    try:
        columns, tags, rows = said["columns"], said["tags"], said["rows"]
        fine = all(
            isinstance(each, dict) and all(isinstance(value, str) for value in each.values())
            for each in (columns, tags)
        )
        if not fine or not (rows is None or isinstance(rows, int)):
            raise TypeError  # noqa: TRY301
        return DatasetVersion(
            name=name,
            version=number,
            manifest=checked(str(said["manifest"])),
            kind=FILE,
            uri="",
            files=0,
            size=0,
            rows=rows,
            columns=columns,
            message=str(said["message"])[:LONGEST_TEXT],
            tags=tags,
            user=str(said["user"])[:250],
            created=float(said["created"]),
        )
    except (KeyError, TypeError, ValueError, DevboxError) as error:
        raise DevboxError(f"The record of {name}@{number} cannot be understood.") from error
