"""Where a store says that files are, and whether they are taken from there.

A store that somebody hands on can name any folder of this machine: only what lies below the
store's own folder, or below one that was named, is read. Links are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from devbox.errors import UsageError
from devbox.journal.artifacts import checked_path

_TOPS = ("mlruns", "mlartifacts")
"""What the folder of all files is called: that of MLflow itself, and that of its server."""


@dataclass(frozen=True)
class Places:
    """The folders that files are taken from."""

    roots: tuple[Path, ...]

    def folder(self, said: str) -> Path | None:
        """A folder of files as the store names it, None where it is none of these roots'.

        Raises UsageError with the reason where it is elsewhere.
        """
        if not said:
            return None
        scheme = urlsplit(said).scheme if ":/" in said else ""
        if scheme not in {"", "file", "mlflow-artifacts"}:
            raise UsageError(f"{said[:200]} is not on this machine.")
        path = Path(unquote(urlsplit(said).path) if scheme else said)
        if scheme != "mlflow-artifacts":
            given = path if path.is_absolute() else self.roots[0] / path
            if found := self._inside(given):
                return found
        for moved in self._moved(path, server=scheme == "mlflow-artifacts"):
            if found := self._inside(moved):
                return found
        if not path.exists():
            return None
        raise UsageError(
            f"The files in {path} lie outside of the store.", hint=f"--artifacts {path}"
        )

    def files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """The plain files below a folder, each with its place among them."""
        for above, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                file = Path(above, name)
                if file.is_file() and not file.is_symlink():
                    place = str(PurePosixPath(*file.relative_to(folder).parts))
                    yield checked_path(place), file

    def _inside(self, path: Path) -> Path | None:
        real = path.resolve()
        roots = [root.resolve() for root in self.roots]
        return real if real.is_dir() and any(real.is_relative_to(root) for root in roots) else None

    def _moved(self, path: Path, *, server: bool) -> Iterator[Path]:
        """Where files are that have moved along with their store."""
        parts = [part for part in path.parts if part != path.anchor]
        if server:
            yield from (root / "mlartifacts" / Path(*parts) for root in self.roots)
        for top in _TOPS:
            if top in parts:
                at = len(parts) - 1 - parts[::-1].index(top)
                yield from (root / Path(*parts[at:]) for root in self.roots)


def places(root: Path, more: Sequence[Path]) -> Places:
    """The folder of a store, and those that were named."""
    return Places((root, *(path.absolute() for path in more)))
