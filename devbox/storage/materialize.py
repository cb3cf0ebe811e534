"""Writing a dataset version into a folder: whole or not at all, every file checked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from devbox.errors import DevboxError, Refused
from devbox.progress import Progress, Report
from devbox.storage.blobs import Damaged, Readable, hashed_copy
from devbox.storage.manifest import Entry, Manifest, shown

Opened = Callable[[Entry, bool], AbstractContextManager[Readable]]
"""Opens a file; the second argument says that what was opened before was damaged."""
STEP = 200


def into_folder(
    what: Manifest, target: Path, opened: Opened, report: Report, *, replace: bool = False
) -> Path:
    """Write all files into the folder ``target``, which must not be there, or be empty.

    ``replace`` takes the place of what is there. Raises Refused, or DevboxError where a file can
    not be had or written; then nothing has changed.
    """
    _refuse_taken(target, replace=replace)
    with _draft(target) as draft:
        made = draft / "made"
        made.mkdir(mode=0o755)
        for number, entry in enumerate(what.entries, start=1):
            place = made / entry.path
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(entry, place, opened)
            if number % STEP == 0 or number == len(what.entries):
                text = shown(entry.path)
                report(Progress("write", target.name, text, number, len(what.entries)))
        _refuse_taken(target, replace=replace)
        if os.path.lexists(target):
            if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
                target.rmdir()
            else:
                target.rename(draft / "old")
        made.rename(target)
    return target


def into_file(entry: Entry, target: Path, opened: Opened, *, replace: bool = False) -> Path:
    """Write one file to ``target``; raises as :func:`into_folder`."""
    if os.path.lexists(target) and not replace:
        raise _taken(target)
    with _draft(target) as draft:
        _write(entry, draft / "made", opened)
        if replace:
            (draft / "made").replace(target)
        else:
            try:  # a link is never made over what came meanwhile
                target.hardlink_to(draft / "made")
            except FileExistsError:
                raise _taken(target) from None
            except OSError:
                (draft / "made").rename(target)
    return target


def _write(entry: Entry, place: Path, opened: Opened) -> None:
    try:
        mode = 0o755 if entry.executable else 0o644
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "r+b", buffering=0):
            for again in (False, True):
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                with opened(entry, again) as content:
                    digest = hashed_copy(content, descriptor)
                if digest == entry.digest:
                    return
    except OSError as error:
        raise DevboxError(
            f"{shown(str(place.name))} cannot be written to {place.parent}: {error.strerror}."
        ) from error
    raise Damaged(entry.digest, shown(entry.path))


def _refuse_taken(target: Path, *, replace: bool) -> None:
    if replace or not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir() or any(target.iterdir()):
        raise _taken(target)


def _taken(target: Path) -> Refused:
    return Refused(
        f"{shown(str(target))} is there already.",
        hint="Name another place, or add --force to replace it.",
    )


class _draft:  # noqa: N801 - used as a verb
    """A folder beside a target, on the same filesystem; gone afterwards."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._folder = Path()

    def __enter__(self) -> Path:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            made = tempfile.mkdtemp(prefix=".devbox-", dir=self._target.parent)
        except OSError as error:
            raise DevboxError(
                f"{self._target} cannot be written: {error.strerror}.",
                hint="Name a place that is yours to write.",
            ) from error
        self._folder = Path(made)
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
