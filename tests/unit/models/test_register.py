"""Versions made directly, and by notes of runs."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from devbox.api import Devbox
from devbox.errors import DevboxError, Refused, UsageError
from devbox.journal.active import ActiveRun, start_run
from devbox.journal.ids import new_id
from devbox.journal.slots import SLOTS
from devbox.models import Models
from tests.unit.models import whole


def run_it(**options: Any) -> ActiveRun:
    return start_run("train", experiment="churn", sample_every=None, **options)


def ask(run: ActiveRun, name: str = "churn", **fields: Any) -> str:
    """Ask for a version as code in a run does."""
    version = new_id()
    run.note("model", id=version, name=name, **fields)
    return version


def test_versions_are_counted_and_kept_as_they_were_given(models: Models, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "a.bin").write_bytes(whole.WEIGHTS)
    for number in (1, 2):
        made = models.register(
            "churn",
            slots=whole.SLOTS,
            files={"parameters": {"w": tmp_path / "weights"}},
            tags=whole.TAGS,
            description="d",
        )
        assert (made.ref, made.user, made.open) == (f"churn@{number}", "tester", False)
    assert made == models.get("churn@2") == models.get("churn") == models.get("churn@latest")
    assert made.recorded == SLOTS
    assert made.metrics == {"auc": 0.93}
    assert made.params == {"C": "0.5"}
    assert [(file.slot, file.path, file.size) for file in made.files] == [
        ("parameters", "w/a.bin", 7)
    ]
    assert made.slots["data"] == whole.SLOTS["data"]
    model = models.model("churn")
    assert (model.versions, model.latest, model.aliases) == (2, 2, {})
    assert models.models() == (model,)
    assert [each.version for each in models.versions("churn")] == [2, 1]


def test_what_a_run_says_fills_the_slots(door: Devbox, models: Models) -> None:
    with run_it(params={"lr": 0.1, "depth": 3}) as run:
        run.log_metrics({"auc": 0.9, "system/cpu_cores": 2})
        run.log_input("customers", version="3", digest="abc")
        run.log_text("p", "plots/roc.png")
        run.log_text("w", "model.skops")
    made = models.register(
        "churn",
        run=run.id[:12],
        slots={
            "generation": {"hyperparameters": {"lr": 0.2}, "commit": ""},
            "experiment": {"metrics": {"f1": 0.8}},
            "data": {"inputs": [{"name": "labels", "digest": "d"}]},
        },
        artifacts={"parameters": ["model.skops"]},
    )
    record = door.runs.get(run.id)
    assert (made.run, made.open) == (run.id, False)
    assert made.metrics == {"auc": 0.9, "f1": 0.8}
    assert made.params == {"lr": "0.2", "depth": "3"}
    assert made.slots["generation"]["hyperparameters"] == {"lr": 0.2}
    assert made.slots["generation"]["command"] == list(record.command)
    assert [each["name"] for each in made.slots["data"]["inputs"]] == ["labels", "customers"]
    assert made.slots["experiment"]["plots"] == ["plots/roc.png"]
    assert made.slots["dependencies"]["python"] == record.environment["python"]
    assert {(file.slot, file.path) for file in made.files} == {
        ("parameters", "model.skops"),
        ("experiment", "plots/roc.png"),
    }
    assert models.of_run(run.id)[0].ref == "churn@1"


def test_a_version_grows_with_its_run_and_is_closed_with_it(models: Models) -> None:
    with run_it() as run:
        run.log_metric("auc", 0.5)
        direct = models.register("direct", run=run.id)
        assert (direct.open, direct.metrics) == (True, {"auc": 0.5})
        version = ask(run, description="d", tags=whole.TAGS)
        assert models.get("churn").open
        run.log_metric("auc", 0.75)
        assert models.get("churn").metrics == {"auc": 0.75}
        assert [each.ref for each in models.ls("metrics.auc > 0.7")] == ["churn@1", "direct@1"]
        run.log_metric("auc", math.nan)
    for name in ("churn", "direct"):
        closed = models.get(name)
        assert not closed.open
        assert math.isnan(closed.metrics["auc"])
    found = models.registered(version)
    assert found is not None
    assert (found.ref, found.tags, found.user) == ("churn@1", whole.TAGS, "tester")
    assert models.registered(new_id()) is None


def test_a_closed_version_never_changes(door: Devbox, models: Models) -> None:
    with run_it() as run:
        run.log_metric("auc", 0.5)
        ask(run)
    before = models.get("churn")
    from devbox.journal.run import Run

    other = Run(run.id, run.folder.parent)
    other.log_metric("auc", 0.9)
    other.close()
    assert door.runs.get(run.id).metrics == {"auc": 0.9}
    assert models.get("churn") == before


def test_files_are_those_of_when_it_was_registered(door: Devbox, models: Models) -> None:
    with run_it() as run:
        for content in ("first", "second"):
            run.log_text(content, "model.bin")
            ask(run, files={"parameters": ["model.bin", "gone.bin"]})
        run.log_text("third", "model.bin")
    for number, kept in ((1, b"first"), (2, b"second")):
        version = models.get(f"churn@{number}")
        with models.open_file(version, "model.bin") as file:
            assert file.read() == kept
        with pytest.raises(DevboxError, match="never came"):
            models.open_file(version, "gone.bin")
        with pytest.raises(UsageError, match="has no file other"):
            models.open_file(version, "other")
    assert len(models.digests()) == 2


def test_a_note_that_comes_twice_is_one_version(models: Models) -> None:
    with run_it() as run:
        version = ask(run)
        run.note("model", id=version, name="churn")
        run.note("model", id=version, name="other")
    assert [model.name for model in models.models()] == ["churn"]
    assert models.model("churn").versions == 1


def test_a_run_that_made_a_version_stays(door: Devbox, models: Models) -> None:
    with run_it() as run:
        ask(run)
    with pytest.raises(Refused, match="has made churn@1"):
        door.runs.plan_removal([run.id])
    models.rm("churn")
    assert door.runs.remove(door.runs.plan_removal([run.id])) == (run.id,)


def test_files_of_one_version_are_no_other_s(models: Models) -> None:
    with run_it() as run:
        run.log_text("p", "models/other/1/plot.png")
        run.log_text("p", "roc.png")
        ask(run, files={"functions": ["models/other/1/plot.png"]})
        ask(run, name="second")
    assert {(file.slot, file.path) for file in models.get("churn").files} == {
        ("functions", "models/other/1/plot.png"),
        ("experiment", "roc.png"),
    }
    assert [file.path for file in models.get("second").files] == ["roc.png"]


def test_a_removed_version_does_not_come_back(models: Models) -> None:
    with run_it() as run:
        ask(run)
    models.rm("churn@1")
    assert models.model("churn").versions == 0
    assert models.register("churn").version == 2


def test_an_id_that_is_here_is_left_as_it_is(models: Models) -> None:
    version = new_id()
    first = models.register("churn", id=version, created=1e9, user="ada", description="a")
    again = models.register("churn", id=version, created=2e9, user="bob", description="b")
    assert first == again
    assert (first.created, first.user) == (1e9, "ada")
    with pytest.raises(UsageError, match="no id of a version"):
        models.register("churn", id="x")


@pytest.mark.parametrize(
    "note",
    [
        {"id": "x", "name": "churn"},
        {"id": None, "name": "churn"},
        {"name": "../churn"},
        {"name": 7},
        {"name": "a" * 101},
        {"name": "churn\x1b[31m"},
        {},
    ],
)
def test_what_can_be_no_version_is_left_out(models: Models, note: dict[str, Any]) -> None:
    with run_it() as run:
        run.note("model", **{"id": new_id(), **note})
        run.log_metric("auc", 1)
    assert models.models() == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"slots": 7, "files": 7, "tags": 7, "description": 7},
        {"slots": {"weights": {}, "data": 7}, "files": {"weights": ["a"], "data": "a"}},
        {"slots": {"data": {"a": "\ud800"}}, "tags": {"": "x", "k" * 300: "y", "ok": 7}},
        {"files": {"parameters": ["../../etc/passwd", "/etc/passwd", 7, None, "a\x00b"]}},
        {"slots": {"experiment": {"metrics": {"auc": "x", "nan": math.nan, "big": 10**400}}}},
    ],
)
def test_of_a_hostile_note_what_can_be_is_kept(models: Models, fields: dict[str, Any]) -> None:
    with run_it() as run:
        ask(run, **fields)
    version = models.get("churn@1")
    assert version.files == ()
    assert version.tags == {}
    assert set(version.slots) <= set(SLOTS)
    json.dumps(dataclasses.asdict(version)).encode()
    assert models.card("churn")


def test_a_note_of_deep_tables_leaves_that_slot_out(models: Models) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with run_it() as run:
        ask(run, slots={"data": {"a": deep}, "definition": {"class": "LR"}})
    slots = models.get("churn").slots
    assert "data" not in slots
    assert slots["definition"] == {"class": "LR"}


def test_ten_thousand_params(models: Models) -> None:
    params = {f"p{number}": number for number in range(10_000)}
    made = models.register("churn", slots={"generation": {"hyperparameters": params}})
    assert len(made.params) == 10_000
    assert [each.ref for each in models.ls("params.p9999 = 9999")] == ["churn@1"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"run": "0123456789ab"}, "No run"),
        ({"files": {"parameters": {"w": "f" * 64}}}, "no blob"),
        ({"files": {"parameters": {"w": "short"}}}, "not a digest"),
        ({"files": {"parameters": {"../w": Path(__file__)}}}, "no place"),
        ({"files": {"parameters": {"w": Path("/nowhere")}}}, "cannot be read"),
        ({"files": {"weights": {"w": Path(__file__)}}}, "no slot"),
        ({"artifacts": {"parameters": ["w"]}}, "without a run"),
        ({"slots": {"weights": {}}}, "no slot"),
        ({"tags": {"": "x"}}, "A key has"),
        ({"description": "d" * 70_000}, "at most"),
        ({"created": math.nan}, "at some time"),
    ],
)
def test_what_is_refused_makes_nothing(models: Models, options: dict[str, Any], says: str) -> None:
    with pytest.raises(DevboxError, match=says):
        models.register("churn", **options)
    assert models.models() == ()
