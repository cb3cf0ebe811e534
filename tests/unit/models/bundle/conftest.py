"""A machine with a version in its registry, and another one without."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import devbox
from devbox.api import Devbox

POINTS = [1.0, math.nan, math.inf, -math.inf, 0.1, 0.1, 5e-324]


@pytest.fixture
def one(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devbox]:
    """Has churn@1 of a run below another, with a file, NaN, an input, and an alias that moved."""
    monkeypatch.chdir(tmp_path)  # out of a repository
    weights = tmp_path / "weights.bin"
    weights.write_bytes(os.urandom(3000))
    with (
        devbox.start_run("sweep", experiment="fraud", sample_every=None),
        devbox.start_run("train", params={"lr": 0.1}, tags={"a": "b"}, sample_every=None) as run,
    ):
        for value in POINTS:
            run.log_metric("loss", value)
        run.log_metric("auc", 0.9)
        run.log_text("hello", "notes/note.txt")
        run.log_input("sales", digest="d1")
    with Devbox(home) as door:
        door.models.register(
            "churn",
            run=run.id,
            files={"parameters": {"weights.bin": weights}, "functions": {"w.bin": weights}},
            slots={"experiment": {"metrics": {"odd": math.nan}}},
            tags={"task": "fraud"},
            description="The first one.",
        )
        door.models.set_alias("churn@1", "champion")
        yield door


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Devbox]:
    """Another machine: nothing is there."""
    with Devbox(tmp_path / "other") as door:
        yield door


@pytest.fixture
def exported(one: Devbox, tmp_path: Path) -> Path:
    """churn@1 in a file."""
    file = tmp_path / "churn.tar"
    one.bundles.export("churn@champion", file)
    return file
