"""Runs and models from a store of MLflow, read without MLflow: an SQLite file or a folder, of
MLflow 2 or 3. What is in it was written by somebody else: nothing of it is trusted, and nothing
of it changed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from devbox.errors import UsageError
from devbox.runs.mlflow.records import Store

__all__ = ["Store", "open_store"]


def open_store(uri: str) -> Store:
    """The store at ``sqlite:///PATH`` or at a folder (``mlruns``, ``file:///PATH/mlruns``).

    Raises UsageError where there is none, or it is of another kind.
    """
    path = _path(uri)
    if path.is_dir():
        from devbox.runs.mlflow.folder import FolderStore

        return FolderStore(path)
    if path.is_file():
        from devbox.runs.mlflow.sql import SqlStore

        return SqlStore(path)
    raise UsageError(f"There is no store of MLflow at {path}.", hint="sqlite:///mlflow.db")


def _path(uri: str) -> Path:
    scheme = urlsplit(uri).scheme if "://" in uri or uri.startswith("file:") else ""
    if scheme == "sqlite":
        # Three slashes before a relative path, four before an absolute one.
        return Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0])).absolute()
    if scheme == "file":
        return Path(unquote(urlsplit(uri).path)).absolute()
    if scheme:
        raise UsageError(
            f"A store at {scheme}:// can't be read.",
            hint="An SQLite file (sqlite:///mlflow.db) or a folder (mlruns) can.",
        )
    return Path(uri).expanduser().absolute()
