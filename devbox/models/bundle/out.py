"""Writing a bundle: gathered first, then written whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from devbox.errors import DevboxError, Refused, UsageError
from devbox.journal.ids import new_id
from devbox.models.bundle import manifest as telling
from devbox.models.bundle.manifest import Described, Manifest, Member, Version
from devbox.models.bundle.tar import Sink, Writer
from devbox.models.records import Model, ModelVersion
from devbox.progress import Progress, Report
from devbox.runs.bring import is_over, journal_of
from devbox.runs.records import LOST, RunRecord
from devbox.runs.series import Series

PLAIN, PACKED = (".tar",), (".tar.gz", ".tgz")
ALIASES = ("model.alias", "model.unalias")


@dataclass(frozen=True)
class Parts:
    """What goes into a bundle. ``runs`` are the version's run and those above it, nearest first,
    each with a function that gives the points of its metrics; ``data`` the records of dataset
    versions, whose content is ``blobs`` (digest and size)."""

    model: Model
    version: ModelVersion
    runs: Sequence[tuple[RunRecord, Callable[[], Iterable[Series]]]]
    history: Sequence[Mapping[str, Any]]
    data: Sequence[Mapping[str, Any]]
    blobs: Mapping[str, int]


def check_target(file: Path, *, force: bool) -> None:
    """Raise UsageError for a name that says no format, Refused where the file is there."""
    if not file.name.endswith((*PLAIN, *PACKED)):
        endings = ", ".join((*PLAIN, *PACKED))
        raise UsageError(
            f"{file.name} does not say what to write.", hint=f"End the name with one of {endings}."
        )
    if file.is_dir():
        raise UsageError(f"{file} is a folder.", hint="Name a file in it.")
    if file.exists() and not force:
        raise Refused(f"{file} is there already.", hint="Add --force to write over it.")


def check_parts(parts: Parts) -> None:
    """Raise DevboxError for a version that can't be written down whole."""
    ref = parts.version.ref
    if parts.version.open or not all(is_over(run) for run, _ in parts.runs[:1]):
        raise DevboxError(
            f"{ref} still grows: its run goes on.", hint="Export it when the run is over."
        )
    if above := [run.id for run, _ in parts.runs if not is_over(run)]:
        raise DevboxError(
            f"The run {above[0][:12]} above that of {ref} goes on.",
            hint="Export the version when it is over.",
        )


def write(parts: Parts, file: Path, opened: Callable[[str], BinaryIO], report: Report) -> Manifest:
    """Write a bundle to a file, in place of what is there. ``opened`` gives verified content.

    Raises DevboxError where content is missing, or the file can't be written.
    """
    check_parts(parts)
    packed = file.name.endswith(PACKED)
    with tempfile.TemporaryFile() as journals:
        runs = list(_spooled(parts, journals))
        manifest = _manifest(parts, runs)
        try:
            with _draft(file) as target, _compressed(target, packed=packed) as sink:
                _fill(Writer(sink), manifest, journals, opened, report)
        except OSError as error:
            raise DevboxError(
                f"{file} can't be written: {error.strerror or error}.",
                hint="Nothing was left there. Check the folder, and the room on its disk.",
            ) from error
    return manifest


def _manifest(parts: Parts, runs: Sequence[Member]) -> Manifest:
    version = parts.version
    sizes = dict(parts.blobs)
    sizes |= {file.digest: file.size for file in version.files if file.digest}
    for run, _ in parts.runs:
        sizes |= {artifact.digest: artifact.size for artifact in run.artifacts}
    return Manifest(
        Described(parts.model.name, parts.model.description, parts.model.tags),
        Version(
            number=version.version,
            id=version.id,
            created=version.created,
            user=version.user,
            run=version.run,
            description=version.description,
            tags=version.tags,
            aliases=tuple(sorted(version.aliases)),
            slots=version.slots,
            files=tuple(sorted(version.files, key=lambda file: (file.slot, file.path))),
        ),
        runs=tuple(member.run for member in runs),
        lost={run.id: run.ended or 0.0 for run, _ in parts.runs if run.status == LOST},
        history=tuple(parts.history),
        data=tuple(parts.data),
        members=(*(telling.blob(digest, sizes[digest]) for digest in sorted(sizes)), *runs),
    )


def _spooled(parts: Parts, journals: BinaryIO) -> Iterator[Member]:
    """Write each run to a file, one after the other, the uppermost first."""
    for run, series in reversed(parts.runs):
        digest, size = hashlib.sha256(), 0
        for piece in journal_of(run, series()):
            digest.update(piece)
            size += journals.write(piece)
        yield telling.journal(run.id, size, digest.hexdigest())


def _fill(
    writer: Writer,
    manifest: Manifest,
    journals: BinaryIO,
    opened: Callable[[str], BinaryIO],
    report: Report,
) -> None:
    head = telling.written(manifest)
    if len(head) > telling.LARGEST:
        raise DevboxError("The version has too many files for one file.")
    writer.add(telling.NAME, len(head), BytesIO(head))
    journals.seek(0)
    for count, member in enumerate(manifest.members, start=1):
        if member.run:
            writer.add(member.name, member.size, _Part(journals, member.size))
            continue
        short, total = member.sha256[:12], len(manifest.members)
        report(Progress("export", manifest.model.name, short, count, total, log=True))
        with opened(member.sha256) as content:
            writer.add(member.name, member.size, content)
    writer.end()


class _Part:
    """The next bytes of a file, as if they were all of it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int, /) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


@contextmanager
def _compressed(target: BinaryIO, *, packed: bool) -> Iterator[Sink]:
    if not packed:
        yield target
        return
    # No name and no time in it: the same bytes every time.
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=target, mtime=0) as stream:
        yield stream


@contextmanager
def _draft(file: Path) -> Iterator[BinaryIO]:
    """What becomes the file at the end: until then it has no name, and is gone with its writer."""
    draft = file.with_name(f".{new_id()}")
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        nameless = _nameless(file.parent)
        with os.fdopen(nameless, "wb") if nameless >= 0 else draft.open("xb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
            if nameless >= 0:
                # Given a folder, Python follows the link that /proc has for the open file.
                os.link(
                    f"/proc/self/fd/{nameless}", draft.name, src_dir_fd=folder, dst_dir_fd=folder
                )
        draft.replace(file)
    finally:
        with suppress(OSError):
            draft.unlink()
        os.close(folder)


def _nameless(folder: Path) -> int:
    """A new file without a name, -1 where the system or the filesystem has no such thing."""
    flags = getattr(os, "O_TMPFILE", 0)
    with suppress(OSError):
        if flags and Path("/proc/self/fd").is_dir():
            return os.open(folder, os.O_WRONLY | flags | os.O_CLOEXEC, 0o644)
    return -1
