"""Data that lies elsewhere: ``file:///...`` and ``s3://...``, read to know its content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report
from devbox.storage.backend import Backend, connect
from devbox.storage.locations import DISK, S3, Location, address
from devbox.storage.manifest import FILE, POINTER, Entry, Manifest, manifest
from devbox.storage.scan import digest_of, scan
from devbox.storage.service import Storage


def is_uri(source: str) -> bool:
    """Whether a source is written as an address."""
    return "://" in source


def point(storage: Storage, uri: str, report: Report) -> Manifest:
    """The manifest of what lies at an address: every file is read once. Raises UsageError for an
    address that we can't read."""
    at = address(uri)
    if at.kind == DISK:
        path = Path(at.path)
        found = scan(path, None, report)
        whole = path.as_uri()
        return manifest(POINTER, found.entries, whole if found.kind == FILE else f"{whole}/")
    if at.kind != S3 or not at.path:
        raise UsageError(
            f"{uri} cannot be a dataset.",
            hint="Give a path, file:///PATH, s3://BUCKET/KEY or s3://BUCKET/PREFIX/.",
        )
    backend, key = _bucket(storage, uri)
    entries = []
    if not uri.endswith("/"):
        pieces = backend.read(key)
        digest, size = _read(uri, pieces)
        entries.append(Entry(key.rpartition("/")[2], digest, size))
    else:
        items = [item for item in backend.ls(f"{key}/") if not item.key.endswith("/")]
        for number, item in enumerate(items, start=1):
            report(Progress("read", uri, item.key, number, len(items)))
            digest, size = _read(f"s3://{at.host}/{item.key}", backend.read(item.key))
            entries.append(Entry(item.key.removeprefix(f"{key}/"), digest, size))
    if not entries:
        raise UsageError(f"There is nothing at {uri}.")
    return manifest(POINTER, entries, uri)


def reading(storage: Storage, what: Manifest, entry: Entry) -> Iterator[bytes]:
    """The content of one file of a pointer. Raises DevboxError where it is gone."""
    uri = what.uri + (entry.path if what.uri.endswith("/") else "")
    at = address(what.uri)
    try:
        if at.kind == DISK:
            path = Path(at.path)
            backend: Backend = connect(_location(path.parent.as_uri()))
            key = f"{path.name}/{entry.path}" if what.uri.endswith("/") else path.name
        else:
            backend, key = _bucket(storage, what.uri)
            key = f"{key}/{entry.path}" if what.uri.endswith("/") else key
        yield from backend.read(key)
    except FileNotFoundError as error:
        raise DevboxError(
            f"{uri} is gone, and the dataset only points to it.",
            hint="Only its owner can bring it back; `devbox data add` of a path keeps a copy.",
        ) from error


def _read(uri: str, pieces: Iterator[bytes]) -> tuple[str, int]:
    try:
        return digest_of(pieces)
    except FileNotFoundError as error:
        raise UsageError(f"There is nothing at {uri}.") from error


def _bucket(storage: Storage, uri: str) -> tuple[Backend, str]:
    """The bucket of an address, reached as a location in the same bucket is; and the key."""
    at = address(uri)
    options = next(
        (
            each.options
            for each in storage.ls()
            if each.kind == S3 and address(each.url).host == at.host
        ),
        {},
    )
    return connect(Location("data", S3, f"s3://{at.host}", options)), at.path


def _location(url: str) -> Location:
    return Location("data", DISK, url)
