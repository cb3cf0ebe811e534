"""Stores that real MLflows made (see mlflow_fixtures/make.py), compared with what they say."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devbox.errors import UsageError
from devbox.models import Models
from devbox.models.mlflow import bring, our_name
from devbox.runs import Runs
from devbox.runs.mlflow import open_store
from devbox.runs.mlflow.places import places
from devbox.runs.mlflow.taking import our_id

FIXTURES = Path(__file__).parent / "mlflow_fixtures"
STATUS = {"FINISHED": "succeeded", "FAILED": "failed", "KILLED": "cancelled"}


@pytest.fixture(params=["2sql", "2folder", "3sql", "3folder"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """A store, moved to another place than it was made in, and what MLflow read of it."""
    kind: str = request.param
    with tarfile.open(FIXTURES / f"{kind}.tar.gz") as archive:
        archive.extractall(tmp_path / "store", filter="data")
    said = json.loads((FIXTURES / f"{kind}.json").read_text())
    if kind.endswith("folder"):
        return str(tmp_path / "store" / "mlruns"), said
    path = tmp_path / "store" / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / f"{kind[0]}.sql").read_text())
        connection.commit()
    return f"sqlite:///{path}", said


@pytest.fixture
def models(runs: Runs) -> Models:
    return Models(state=runs._state, blobs=runs._blobs, runs=lambda: runs)


def test_everything_comes_as_mlflow_reads_it(
    made: tuple[str, dict[str, Any]], runs: Runs, models: Models
) -> None:
    uri, said = made
    store = open_store(uri)
    found = bring(store, places(store.root, ()), runs, models)
    assert found.problems == ()
    assert len(found.runs) == len(said["runs"])
    for theirs, expected in said["runs"].items():
        run = runs.get(our_id(theirs, expected["started"]))
        assert (run.name, run.experiment) == (expected["name"], "churn")
        assert (run.status, run.user) == (STATUS[expected["status"]], expected["user"])
        assert round(run.started * 1000) == expected["started"]
        assert run.ended is not None
        assert round(run.ended * 1000) == expected["ended"]
        assert run.params == expected["params"]
        assert run.tags.items() >= expected["tags"].items()
        assert run.tags["mlflow.run_id"] == theirs
        inputs = [{"name": each.name, "digest": each.digest} for each in run.inputs]
        assert inputs == expected["inputs"]
        paths = [each.path for each in run.artifacts if not each.path.startswith("models/")]
        assert paths == expected["artifacts"]
        assert run.metrics.keys() == expected["metrics"].keys()
        for key, points in expected["metrics"].items():
            series = runs.metric(run.id, key)
            ours = [
                (time // 1_000_000, step, repr(value))
                for time, step, value in zip(series.times, series.steps, series.values, strict=True)
            ]
            assert ours == sorted(_as_logged(point) for point in points)
        parent = expected["tags"].get("mlflow.parentRunId")
        assert run.parent == (our_id(parent, said["runs"][parent]["started"]) if parent else "")
    _compare_models(models, said["model"])


def _as_logged(point: list[Any]) -> tuple[int, int, str]:
    time, step, value = point
    number = float(value)
    if abs(number) == sys.float_info.max:  # what the SQLite store makes of infinity
        number = math.copysign(math.inf, number)
    return time, step, repr(number)


def _compare_models(models: Models, said: dict[str, Any]) -> None:
    model = models.model(said["name"])
    assert (model.description, model.tags) == (said["description"], said["tags"])
    assert model.aliases == said["aliases"]
    for each in said["versions"]:
        version = models.get(f"{said['name']}@{each['version']}")
        assert version.description == each["description"]
        assert version.tags.items() >= each["tags"].items()
        assert any(file.slot == "parameters" for file in version.files)


def test_a_second_time_nothing_is_doubled(
    made: tuple[str, dict[str, Any]], runs: Runs, models: Models
) -> None:
    store = open_store(made[0])
    where = places(store.root, ())
    planned = bring(store, where, runs, models, dry_run=True)
    assert runs.search() == ()
    first = bring(store, where, runs, models)
    assert planned.runs == first.runs
    again = bring(store, where, runs, models)
    assert (again.runs, again.versions) == ((), ())
    assert (again.known_runs, again.known_versions) == (len(first.runs), len(first.versions))
    assert len(runs.search()) == len(first.runs)


def test_files_outside_of_the_store_are_left(tmp_path: Path, runs: Runs, models: Models) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "id_rsa").write_text("key")
    with tarfile.open(FIXTURES / "2folder.tar.gz") as archive:
        archive.extractall(tmp_path / "store", filter="data")
    for meta in (tmp_path / "store").glob("mlruns/*/*/meta.yaml"):
        lines = meta.read_text().splitlines()
        kept = [line for line in lines if not line.startswith("artifact_uri")]
        meta.write_text("\n".join([*kept, f"artifact_uri: file://{private}"]))
    store = open_store(str(tmp_path / "store" / "mlruns"))
    found = bring(store, places(store.root, ()), runs, models)
    assert found.problems
    assert all("outside of the store" in each for each in found.problems if "Run" in each)
    assert not any(runs.get(run).artifacts for run in found.runs)


def test_links_are_not_followed(tmp_path: Path, runs: Runs, models: Models) -> None:
    (tmp_path / "secret").write_text("key")
    with tarfile.open(FIXTURES / "2folder.tar.gz") as archive:
        archive.extractall(tmp_path / "store", filter="data")
    (folder,) = (tmp_path / "store").glob("mlruns/*/*/artifacts/files")
    (folder / "link").symlink_to(tmp_path / "secret")
    shutil.rmtree(folder / "sub")
    (folder / "sub").symlink_to(tmp_path)
    store = open_store(str(tmp_path / "store" / "mlruns"))
    found = bring(store, places(store.root, ()), runs, models)
    paths = {each.path for run in found.runs for each in runs.get(run).artifacts}
    assert "files/plot.txt" in paths
    assert not any("link" in path or "sub" in path for path in paths)


@pytest.mark.parametrize("uri", ["s3://bucket/x", "sqlite:///nothing.db", "nothing", "."])
def test_what_is_no_store(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        open_store(uri)


def test_names_that_no_model_has_here() -> None:
    assert our_name("churn") == "churn"
    assert our_name("a b") != our_name("a/b")
    assert our_name("ü/..").isascii()
