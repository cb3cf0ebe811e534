"""What may be logged, and what a journal then says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import DevboxError, UsageError
from devbox.journal.checks import LONGEST_TEXT
from devbox.journal.ids import new_id
from devbox.journal.reader import Batch, parse
from devbox.journal.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(new_id(), tmp_path)


def said(run: Run) -> Batch:
    (journal,) = run.folder.glob("*.journal")
    batch = parse(journal.read_bytes(), ended=True)
    assert not batch.damaged
    return batch


def noted(run: Run, kind: str) -> dict[str, Any]:
    (note,) = [note for note in said(run).notes if note["kind"] == kind]
    return note


class Scalar:
    """As arrays and tensors of one element are."""

    def __float__(self) -> float:
        return 0.25


@pytest.mark.parametrize(
    ("value", "kept"),
    [(1, 1.0), (True, 1.0), (Scalar(), 0.25), (Decimal("0.5"), 0.5), (Fraction(1, 4), 0.25)],
)
def test_numbers_of_every_kind_are_metrics(run: Run, value: Any, kept: float) -> None:
    run.log_metric("loss", value)
    assert list(said(run).points["loss"].values) == [kept]


@pytest.mark.parametrize("value", ["0.5", b"1", None, [1], {}, 10**400, object()])
def test_what_is_no_number_is_refused(run: Run, value: Any) -> None:
    with pytest.raises(UsageError, match="Metric loss is a number"):
        run.log_metric("loss", value)


@pytest.mark.parametrize("key", ["", "x" * 251, "a\nb", " a", "a\x00", 3, None, "x" * 10_000])
def test_what_is_no_key_is_refused(run: Run, key: Any) -> None:
    with pytest.raises(UsageError, match="key"):
        run.log_metric(key, 1)
    with pytest.raises(UsageError, match="key"):
        run.log_param(key, 1)


@pytest.mark.parametrize("step", [0.5, "1", 1 << 63, -(1 << 70)])
def test_what_is_no_step_is_refused(run: Run, step: Any) -> None:
    with pytest.raises(UsageError, match="step of loss"):
        run.log_metric("loss", 1, step)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(
                lambda key: key.isprintable() and key == key.strip()
            ),
            st.floats(),
            st.integers(-(1 << 62), 1 << 62),
        ),
        min_size=1,
    )
)
def test_what_is_logged_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[str, float, int]]
) -> None:
    run = Run(new_id(), tmp_path_factory.mktemp("spool"))
    for key, value, step in points:
        run.log_metric(key, value, step)
    found = said(run).points
    for key in {key for key, _, _ in points}:
        mine = [(value, step) for other, value, step in points if other == key]
        values = list(found[key].values)
        assert list(found[key].steps) == [step for _, step in mine]
        for value, (expected, _) in zip(values, mine, strict=True):
            assert value == expected or (math.isnan(value) and math.isnan(expected))
    run.close()


def test_steps_count_by_themselves(run: Run) -> None:
    for _ in range(3):
        run.log_metrics({"loss": 1, "accuracy": 0.5})
    run.log_metric("loss", 2)
    assert list(said(run).points["loss"].steps) == [0, 1, 2, 3]
    assert list(said(run).points["accuracy"].steps) == [0, 1, 2]


def test_metrics_of_one_call_are_kept_together_or_not_at_all(run: Run) -> None:
    with pytest.raises(UsageError):
        run.log_metrics({"loss": 1.0, "accuracy": "high"})
    run.log_metrics({"loss": 2.0, "accuracy": 0.5}, step=7)
    points = said(run).points
    assert list(points["loss"].values) == [2.0]
    assert points["loss"].times == points["accuracy"].times


def test_params_are_text_and_containers_json(run: Run) -> None:
    run.log_params({"lr": 0.1, "layers": [1, 2], "opt": {"name": "adam"}, "half": "\ud800"})
    assert noted(run, "params")["values"] == {
        "lr": "0.1",
        "layers": "[1, 2]",
        "opt": '{"name": "adam"}',
        "half": "?",
    }


def test_many_params_are_split_into_records_that_a_reader_takes(run: Run) -> None:
    run.log_params({f"p{number}": "x" * 1000 for number in range(10_000)})
    notes = [note for note in said(run).notes if note["kind"] == "params"]
    assert sum(len(note["values"]) for note in notes) == 10_000
    assert len(notes) > 10


def test_a_param_too_long_is_refused(run: Run) -> None:
    with pytest.raises(UsageError, match="has at most"):
        run.log_param("prompt", "x" * (LONGEST_TEXT + 1))


def test_artifacts_are_copied_and_hashed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")
    run.log_artifact(file)
    file.write_bytes(b"changed later")
    kept = noted(run, "artifact")
    assert (kept["path"], kept["size"]) == ("model.bin", 7)
    assert (run.folder / "artifacts" / kept["sha256"]).read_bytes() == b"weights"


def test_a_folder_is_kept_with_all_that_is_below_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out" / "plots").mkdir(parents=True)
    (tmp_path / "out" / "a.txt").write_text("a")
    (tmp_path / "out" / "plots" / "b.txt").write_text("b")
    run.log_artifact(tmp_path / "out", "result")
    notes = [note for note in said(run).notes if note["kind"] == "artifact"]
    assert sorted(note["path"] for note in notes) == ["result/a.txt", "result/plots/b.txt"]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a\\b", "x\n", "a/./b"])
def test_no_artifact_leads_out_of_its_run(run: Run, tmp_path: Path, path: str) -> None:
    file = tmp_path / "f"
    file.write_text("x")
    with pytest.raises(UsageError, match="no place"):
        run.log_artifact(file, path)


def vanished(folder: Path) -> Path:
    return folder / "gone"


def pipe(folder: Path) -> Path:
    import os

    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize("make", [vanished, pipe])
def test_what_is_no_file_is_an_error(
    run: Run, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    with pytest.raises(DevboxError, match=r"can't be kept|is no file"):
        run.log_artifact(make(tmp_path))


def test_figures_are_kept_in_the_format_of_their_name(run: Run) -> None:
    class Figure:
        def savefig(self, target: Any, format: str) -> None:
            target.write(json.dumps({"format": format}).encode())

    run.log_figure(Figure(), "plots/loss.svg")
    kept = noted(run, "artifact")
    content = (run.folder / "artifacts" / kept["sha256"]).read_bytes()
    assert json.loads(content) == {"format": "svg"}
    with pytest.raises(UsageError, match="no plot"):
        run.log_figure(object(), "loss.png")
