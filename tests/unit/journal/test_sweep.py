"""Sweeps: each trial a run, the best one told, none repeated."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import DevboxError, UsageError
from devbox.journal import space as spaces
from devbox.journal import suggest
from devbox.journal.active import current
from devbox.journal.sweep import sweep
from devbox.runs import Runs
from devbox.runs.sweeps import check_used, filled, sweep_of
from devbox.state import State
from devbox.storage import Blobs

KINDS = st.one_of(
    st.lists(st.one_of(st.integers(), st.text(max_size=5), st.booleans()), min_size=1, max_size=4),
    st.tuples(st.integers(-50, 50), st.integers(0, 50)).map(lambda t: f"int:{t[0]}:{t[0] + t[1]}"),
    st.tuples(st.floats(1e-6, 1), st.floats(1, 1e6)).map(lambda t: f"log:{t[0]}:{t[1]}"),
    st.tuples(st.floats(-5, 0), st.floats(0, 5)).map(lambda t: f"float:{t[0]}:{t[1]}"),
    st.tuples(st.integers(1, 9), st.integers(9, 999)).map(lambda t: f"logint:{t[0]}:{t[1]}"),
)
SPACES = st.dictionaries(st.sampled_from(["lr", "depth", "kind"]), KINDS, min_size=1)


@pytest.fixture
def runs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    monkeypatch.chdir(tmp_path)
    with State(home, actor="tester") as state:
        yield Runs(home, state=lambda: state, blobs=Blobs(home / "blobs"))


@given(SPACES, st.integers(0, 1000), st.integers(0, 1000))
def test_random_points_lie_in_the_space_and_repeat(
    said: dict[str, object], seed: int, number: int
) -> None:
    space = spaces.parsed(said)
    point = spaces.at_random(space, seed, number)
    assert point == spaces.at_random(spaces.parsed(spaces.described(space)), seed, number)
    for name, dimension in space.items():
        value = point[name]
        if isinstance(dimension, spaces.Choice):
            assert value in dimension.values
        else:
            assert isinstance(value, (int, float))
            assert dimension.low <= value <= dimension.high
            assert isinstance(value, int) == dimension.whole


def test_a_grid_is_every_point_once() -> None:
    space = spaces.parsed({"a": [1, 2], "b": "float:0:1:0.25", "c": "int:1:3"})
    points = list(spaces.grid(space))
    assert len(points) == spaces.size(space) == 2 * 5 * 3
    assert len({tuple(point.values()) for point in points}) == 30
    with pytest.raises(UsageError, match="has no end"):
        list(spaces.grid(spaces.parsed({"lr": "log:1e-4:1"})))


@pytest.mark.parametrize(
    "bad", ["log:0:1", "int:1.5:2", "float:2:1", "float:0:inf", "x:1:2", "int:1", "", [], object()]
)
def test_what_is_no_range(bad: object) -> None:
    with pytest.raises(UsageError, match="lr"):
        spaces.parsed({"lr": bad})


@pytest.mark.parametrize("method", suggest.METHODS)
def test_each_trial_is_a_run_and_the_best_is_told(runs: Runs, method: str) -> None:
    space = {"lr": [0.1, 0.2, 0.4], "depth": [1, 2]}
    found = sweep(
        lambda lr, depth: lr * depth, space, n=6, method=method, direction="min", sample_every=None
    )
    parent = runs.get(found.id)
    assert (parent.status, len(found.trials)) == ("succeeded", 6)
    assert found.best is not None
    assert found.best.value == min(t.value for t in found.trials if t.value is not None)
    assert parent.tags["best_run"] == found.best.run
    assert list(runs.children(found.id)) == [trial.run for trial in found.trials]
    child = runs.get(found.best.run)
    assert float(child.params["lr"]) * int(child.params["depth"]) == child.metrics["value"]
    told = sweep_of(parent)
    assert told == sweep_of(child, parent)
    assert told["experiments"] == 6
    assert told["hyperparameters"] == found.best.params
    assert told["search"]["space"] == space
    assert told["search"]["method"] == method
    assert sweep_of(child) == {}


def test_a_metric_that_was_only_logged(runs: Runs) -> None:
    def train(x: int) -> None:
        for step in range(3):
            current().log_metric("auc", x + step / 10)

    found = sweep(train, {"x": [1, 3, 2]}, method="grid", metric="auc", sample_every=None)
    assert found.best is not None
    assert (found.best.params, found.best.value) == ({"x": 3}, 3.2)


def test_failures_are_kept_until_there_are_too_many(runs: Runs) -> None:
    def train(x: int) -> float:
        if x % 2:
            raise ValueError(f"no {x}")
        return x

    found = sweep(train, {"x": [1, 2, 3, 4]}, method="grid", sample_every=None)
    assert [trial.status for trial in found.trials] == ["failed", "succeeded"] * 2
    assert runs.get(found.trials[0].run).error == "ValueError: no 1"
    with pytest.raises(DevboxError, match="2 trials have failed"):
        sweep(train, {"x": [1, 3, 5]}, method="grid", max_failures=2, sample_every=None)
    assert runs.search(roots=True)[0].status == "failed"


@pytest.mark.parametrize("method", suggest.METHODS)
def test_an_interrupted_sweep_goes_on_and_repeats_nothing(runs: Runs, method: str) -> None:
    tried: list[int] = []
    stop = True

    def train(x: int) -> float:
        if len(tried) == 2 and stop:
            raise KeyboardInterrupt
        tried.append(x)
        return x

    options = {"method": method, "n": 4, "sample_every": None}
    with pytest.raises(KeyboardInterrupt):
        sweep(train, {"x": [1, 2, 3, 4]}, **options)  # type: ignore[arg-type]
    (parent,) = runs.search(roots=True)
    assert parent.status == "cancelled"
    assert "DEVBOX_RUN" not in os.environ
    stop = False
    found = sweep(train, resume=parent.id[:12], sample_every=None)
    assert found.id == parent.id
    assert len(tried) == len(found.trials) == 4
    if method == "grid":
        assert tried == [1, 2, 3, 4]
    assert runs.get(parent.id).status == "succeeded"
    with pytest.raises(UsageError, match="resumed with the space"):
        sweep(train, {"x": [1]}, resume=parent.id)


def test_nan_is_never_best(runs: Runs) -> None:
    values = iter([math.nan, 1.0, math.nan])
    found = sweep(lambda x: next(values), {"x": [1, 2, 3]}, method="grid", sample_every=None)
    assert found.best is not None
    assert found.best.value == 1.0


def test_a_command_with_its_params() -> None:
    words = ["awk", "{print $1}", "--lr={lr}", "{kind}"]
    assert filled(words, {"lr": 1e-05, "kind": "a b"}) == [
        "awk",
        "{print $1}",
        "--lr=1e-05",
        "a b",
    ]
    with pytest.raises(UsageError, match="depth"):
        check_used(words, ["lr", "depth"])
