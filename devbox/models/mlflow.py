"""Models from a store of MLflow, with the runs that made them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.errors import DevboxError, UsageError
from devbox.journal.slots import is_model_name
from devbox.runs.mlflow.places import Places
from devbox.runs.mlflow.records import MlModel, MlVersion, Store
from devbox.runs.mlflow.taking import LOGGED, Taken

if TYPE_CHECKING:
    from devbox.models import Models
    from devbox.runs import Runs

NAME_TAG, VERSION_TAG = "mlflow.model", "mlflow.version"
_FORMATS = {
    ".onnx": "onnx",
    ".safetensors": "safetensors",
    ".skops": "skops",
    ".joblib": "joblib",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".cloudpickle": "pickle",
}


@dataclass(frozen=True)
class Brought:
    """What came out of a store: runs and versions (MODEL@N) that are new, how many were here
    already, and what could not be taken, in plain words."""

    runs: tuple[str, ...]
    known_runs: int
    versions: tuple[str, ...]
    known_versions: int
    problems: tuple[str, ...]


def bring(
    store: Store, places: Places, runs: Runs, models: Models, *, dry_run: bool = False
) -> Brought:
    """Take in what a store holds and is not here yet; with ``dry_run`` only tell what that is.

    Models get the names, descriptions, tags and aliases that they have there; aliases and texts
    that are here already stay. Versions are numbered as they come, and tagged with the number
    that they had.
    """
    taken = runs.take_mlflow(store, places, dry_run=dry_run)
    made = _Versions(places, runs, models, taken, {m.id: m.run for m in store.logged_models()})
    for model in store.models():
        made.model(model, dry_run=dry_run)
    return Brought(
        tuple(taken.new),
        len(taken.known),
        tuple(made.new),
        made.known,
        (*taken.problems, *made.problems),
    )


class _Versions:
    def __init__(
        self,
        places: Places,
        runs: Runs,
        models: Models,
        taken: Taken,
        logged: Mapping[str, str],
    ) -> None:
        self._places = places
        self._runs = runs
        self._models = models
        self._ids = taken.ids
        self._logged = logged
        self.new: list[str] = []
        self.known = 0
        self.problems: list[str] = []

    def model(self, model: MlModel, *, dry_run: bool) -> None:
        """Take in a model with its versions."""
        name = our_name(model.name)
        ours: dict[int, int] = {}
        before = len(self.new)
        for version in model.versions:
            number = our_version_id(model.name, version)
            here = self._models.registered(number)
            if here is not None:
                self.known += 1
                ours[version.number] = here.version
            elif dry_run:
                self.new.append(f"{model.name} {version.number}")
            else:
                with self._noting(f"Model {model.name} {version.number}"):
                    ours[version.number] = self._register(name, number, model, version)
        if len(self.new) > before and not dry_run:
            self._finish(name, model, ours)

    def _register(self, name: str, number: str, model: MlModel, version: MlVersion) -> int:
        run = self._ids.get(version.run, "")
        if run:
            with suppress(UsageError):  # it was removed here
                run = self._runs.get(run).id
        kept, files = self._files(run, version)
        places = [*kept, *files]
        tags = {key: value for key, value in version.tags.items() if key and value}
        tags[VERSION_TAG] = str(version.number)
        if name != model.name:
            tags[NAME_TAG] = model.name
        made = self._models.register(
            name,
            run=run,
            slots=_slots(places),
            artifacts={"parameters": kept} if kept else {},
            files={"parameters": files} if files else {},
            tags=tags,
            description=version.description,
            id=number,
            created=version.created / 1000,
            user=version.user,
        )
        self.new.append(made.ref)
        return made.version

    def _files(self, run: str, version: MlVersion) -> tuple[list[str], dict[str, Path | str]]:
        """The files of a version: paths among what its run has kept, else where they are."""
        below = ""
        if version.source.startswith("runs:/"):
            of, _, path = version.source.removeprefix("runs:/").partition("/")
            below = f"{path.strip('/')}/" if of == version.run and path.strip("/") else ""
        elif version.source.startswith("models:/"):
            number = version.source.removeprefix("models:/").strip("/")
            if self._ids.get(self._logged.get(number, "")) == run:
                below = f"{LOGGED}/{number}/"
        if run and below:
            every = [each.path for each in self._runs.get(run).artifacts]
            if found := [path for path in every if path.startswith(below)]:
                return found, {}
        for said in (version.place, version.source):
            if said and not said.startswith(("runs:/", "models:/")):
                folder = self._places.folder(said)
                if folder:
                    return [], dict(self._places.files(folder))
        return [], {}

    def _finish(self, name: str, model: MlModel, ours: Mapping[int, int]) -> None:
        here = self._models.model(name)
        with self._noting(f"Model {model.name}"):
            if model.description and not here.description:
                self._models.describe(name, model.description)
            tags = {key: value for key, value in model.tags.items() if key not in here.tags}
            if tags:
                self._models.tag(name, tags)
        for alias, number in model.aliases.items():
            if alias not in here.aliases and number in ours:
                with self._noting(f"Alias {alias} of model {model.name}"):
                    self._models.set_alias(f"{name}@{ours[number]}", alias)

    def _noting(self, what: str) -> _Noting:
        return _Noting(what, self.problems)


class _Noting:
    """What goes wrong within is a problem to be told, and no end of it all."""

    def __init__(self, what: str, problems: list[str]) -> None:
        self._what = what
        self._problems = problems

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, DevboxError):
            self._problems.append(f"{self._what}: {error.message} {error.hint}".strip())
            return True
        return False


def our_name(name: str) -> str:
    """The name that a model has here: what no name here can have becomes "-". Pure."""
    if is_model_name(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:80]
    # Two that differ only in what was replaced are two models.
    return f"{plain or 'model'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def our_version_id(model: str, version: MlVersion) -> str:
    """The id that a version has here, always the same. Pure."""
    said = f"mlflow:{model}:{version.number}:{version.created}:{version.source}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _slots(places: list[str]) -> dict[str, dict[str, Any]]:
    formats = {place: _FORMATS.get(Path(place).suffix, "") for place in places}
    for place, kind in formats.items():
        if kind:
            return {"parameters": {"format": kind, "file": place}}
    return {"parameters": {"format": "other"}} if places else {}
