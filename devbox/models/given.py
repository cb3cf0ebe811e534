"""The files that a version is registered with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from devbox.errors import UsageError
from devbox.journal.artifacts import checked_path
from devbox.journal.slots import checked_slot
from devbox.models.records import ModelFile
from devbox.runs.records import RunRecord
from devbox.storage import Blobs

Files = Mapping[str, Mapping[str, Path | str]]
"""For each slot, paths in the version with the file or folder, or the digest of stored content."""


def stored(files: Files, blobs: Blobs) -> Iterator[ModelFile]:
    """Store files; what is given by its digest must be stored already."""
    for slot, some in files.items():
        name = checked_slot(slot)
        for path, source in some.items():
            for place, file in _each(path, source):
                digest = blobs.put(file) if isinstance(file, Path) else file
                blobs.renew(digest)
                yield ModelFile(name, checked_path(place), digest, blobs.size(digest))


def artifacts_of(
    run: RunRecord | None, artifacts: Mapping[str, Sequence[str]]
) -> Iterator[ModelFile]:
    """Files that a run kept, by their paths. Raises UsageError where it has none such."""
    known = {artifact.path: artifact for artifact in run.artifacts} if run else {}
    for slot, paths in artifacts.items():
        for path in paths:
            if path not in known:
                whose = f"Run {run.id[:12]}" if run else "A version without a run"
                hint = f"It has: {', '.join(known) or 'none'}." if run else "Name it with --run."
                raise UsageError(f"{whose} has no artifact {path}.", hint=hint)
            found = known[path]
            yield ModelFile(checked_slot(slot), path, found.digest, found.size)


def _each(path: str, source: Path | str) -> Iterator[tuple[str, Path | str]]:
    """A file, or the files of a folder, by their places."""
    if isinstance(source, Path) and source.is_dir():
        for file in sorted(source.rglob("*")):
            if file.is_file():
                yield f"{path}/{file.relative_to(source).as_posix()}", file
    else:
        yield path, source
