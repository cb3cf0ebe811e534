"""The folder store of MLflow: a folder for each experiment, run and registered model, a file for
each param, tag and metric."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from devbox.errors import UsageError
from devbox.runs.mlflow.records import (
    ACTIVE,
    STATUSES,
    MlInput,
    MlLoggedModel,
    MlModel,
    MlPoint,
    MlRun,
    MlVersion,
)

META = "meta.yaml"
MODELS = "models"
LARGEST = 1 << 20
LARGEST_METRIC = 1 << 30
DEEPEST = 50


class FolderStore:
    """A store in a folder, which is only read. Links in it are not followed."""

    def __init__(self, root: Path) -> None:
        if not any(_meta(folder) for folder in _folders(root)):
            raise UsageError(f"{root} is no store of MLflow.", hint="It is a folder called mlruns.")
        self._folder = root
        self.root = root.parent

    def runs(self) -> Iterator[MlRun]:
        """Every run."""
        for experiment, said in self._experiments():
            for folder in _folders(experiment):
                meta = _meta(folder)
                if meta.get("lifecycle_stage") == ACTIVE and "run_id" in meta:
                    yield self._run(experiment, folder, meta, _text(said.get("name")))

    def points(self, run: MlRun) -> Iterator[MlPoint]:
        """Every point of a run, those of one metric in their order."""
        for experiment, _ in self._experiments():
            for key, file in _files(experiment / run.id / "metrics"):
                yield from sorted(_points(key, file), key=lambda point: (point.time, point.step))

    def logged_models(self) -> Iterator[MlLoggedModel]:
        """Every model that a run has logged."""
        for experiment, _ in self._experiments():
            for folder in _folders(experiment / MODELS):
                meta = _meta(folder)
                if meta:
                    yield MlLoggedModel(
                        _text(meta.get("model_id")) or folder.name,
                        _text(meta.get("name")),
                        _text(meta.get("source_run_id")),
                        _text(meta.get("artifact_location")),
                    )

    def models(self) -> Iterator[MlModel]:
        """Every registered model."""
        for folder in _folders(self._folder / MODELS):
            meta = _meta(folder)
            if not meta:
                continue
            aliases = {}
            for alias, text in _texts(folder / "aliases").items():
                with suppress(ValueError):
                    aliases[alias] = int(text)
            versions = (_version(each) for each in _folders(folder))
            yield MlModel(
                name=_text(meta.get("name")) or folder.name,
                created=_number(meta.get("creation_timestamp")),
                description=_text(meta.get("description")),
                tags=_texts(folder / "tags"),
                aliases=aliases,
                versions=tuple(
                    sorted((each for each in versions if each), key=lambda each: each.number)
                ),
            )

    def _experiments(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for folder in _folders(self._folder):
            meta = _meta(folder)
            if "experiment_id" in meta and meta.get("lifecycle_stage", ACTIVE) == ACTIVE:
                yield folder, meta

    def _run(self, experiment: Path, folder: Path, meta: dict[str, Any], name: str) -> MlRun:
        tags = _texts(folder / "tags")
        return MlRun(
            id=folder.name,
            experiment=name,
            name=_text(meta.get("run_name")) or tags.get("mlflow.runName", ""),
            user=_text(meta.get("user_id")) or tags.get("mlflow.user", ""),
            status=_status(meta.get("status")),
            started=_number(meta.get("start_time")),
            ended=_number(meta.get("end_time")),
            artifacts=_text(meta.get("artifact_uri")),
            params=_texts(folder / "params"),
            tags=tags,
            inputs=tuple(_inputs(experiment, folder / "inputs")),
            models=tuple(each.name for each in _folders(folder / "outputs")),
        )


def _version(folder: Path) -> MlVersion | None:
    meta = _meta(folder)
    number = _number(meta.get("version"))
    if not number or _text(meta.get("current_stage")) == "Deleted_Internal":
        return None
    return MlVersion(
        number=number,
        created=_number(meta.get("creation_timestamp")),
        user=_text(meta.get("user_id")),
        run=_text(meta.get("run_id")),
        source=_text(meta.get("source")),
        place=_text(meta.get("storage_location")),
        description=_text(meta.get("description")),
        tags=_texts(folder / "tags"),
    )


def _inputs(experiment: Path, folder: Path) -> Iterator[MlInput]:
    for each in _folders(folder):
        link = _meta(each)
        source = _text(link.get("source_id"))
        if not source or "/" in source or source == "..":
            continue
        data = _meta(experiment / "datasets" / source)
        if data:
            tags = link.get("tags")
            context = tags.get("mlflow.data.context", "") if isinstance(tags, dict) else ""
            yield MlInput(
                _text(data.get("name")),
                _text(data.get("digest")),
                _text(data.get("source")),
                _text(context),
            )


def _points(key: str, file: Path) -> Iterator[MlPoint]:
    for line in _read(file, LARGEST_METRIC).splitlines():
        parts = line.split()
        with suppress(ValueError, OverflowError):
            if len(parts) == 2:  # of a time when there were no steps
                yield MlPoint(key, int(parts[0]), 0, float(parts[1]))
            elif len(parts) > 2:
                yield MlPoint(key, int(parts[0]), int(parts[2]), float(parts[1]))


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, but for hidden ones: that of what was deleted is one."""
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        )
    return []


def _files(folder: Path, above: str = "") -> Iterator[tuple[str, Path]]:
    """The files in a folder by key: one with a slash lies in a folder of its own."""
    if folder.is_symlink() or above.count("/") > DEEPEST:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), f"{above}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield f"{above}{entry.name}", Path(entry.path)


def _texts(folder: Path) -> dict[str, str]:
    return {key: _read(file, LARGEST) for key, file in _files(folder)}


def _read(file: Path, most: int) -> str:
    with suppress(OSError), file.open("rb") as stream:
        return stream.read(most).decode("utf-8", "replace")
    return ""


def _meta(folder: Path) -> dict[str, Any]:
    import yaml

    file = folder / META
    if file.is_symlink() or not file.is_file():
        return {}
    with suppress(yaml.YAMLError, RecursionError, ValueError):
        said = yaml.safe_load(_read(file, LARGEST))
        return said if isinstance(said, dict) else {}
    return {}


def _status(said: Any) -> str:
    if isinstance(said, int) and 0 < said <= len(STATUSES):
        return STATUSES[said - 1]
    return _text(said)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) else 0
