"""Runs that are removed stay so, and take what is below them along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from devbox.errors import Refused, UsageError
from devbox.journal.active import start_run
from devbox.journal.places import spool
from devbox.runs import Runs


def finished(name: str, experiment: str = "churn") -> str:
    with start_run(name, experiment=experiment, sample_every=None) as run:
        run.log_metric("loss", 0.5)
        run.log_text("weights", "model.txt")
        with start_run(f"{name}-child", sample_every=None):
            pass
    return run.id


def test_a_run_goes_with_its_children(runs: Runs, home: Path) -> None:
    gone, kept = finished("one"), finished("two")
    planned = runs.plan_removal([gone[:12]])
    assert [run.name for run in planned.runs] == ["one", "one-child"]
    assert len(runs.search()) == 4
    assert set(runs.remove(planned)) == {run.id for run in planned.runs}
    assert [run.name for run in runs.search()] == ["two-child", "two"]
    assert runs.get(kept).metrics == {"loss": 0.5}
    with pytest.raises(UsageError, match="No run"):
        runs.get(gone)
    assert not list(home.glob(f"runs/*/{gone}"))
    counted = runs._state().connection.execute("SELECT count(*) FROM chunks").fetchone()
    assert counted[0] == 1


def test_what_turns_up_later_does_not_bring_it_back(runs: Runs, home: Path, tmp_path: Path) -> None:
    run = finished("one")
    shutil.copytree(spool() / run, tmp_path / "copy")
    runs.remove(runs.plan_removal([run]))
    shutil.copytree(tmp_path / "copy", spool() / run)
    assert runs.search() == ()
    assert not (spool() / run).exists()
    assert not list(home.glob(f"runs/*/{run}"))


def test_a_run_that_goes_on_stays(runs: Runs) -> None:
    done = finished("done")
    with (
        start_run("parent", sample_every=None) as run,
        pytest.raises(Refused, match=r"parent is running"),
    ):
        runs.plan_removal([done, run.id])
    late = runs.plan_removal([run.id])
    assert len(late.runs) == 1


def test_one_that_starts_after_the_plan_stays(runs: Runs) -> None:
    done = finished("done")
    planned = runs.plan_removal(experiment="churn")
    with start_run("late", experiment="churn", sample_every=None):
        assert runs.search("status = 'running'")
        assert len(runs.remove(planned)) == 2
        assert [run.name for run in runs.search()] == ["late"]
        assert runs.experiment("churn").runs == 1
    with pytest.raises(UsageError, match="No run"):
        runs.get(done)


def test_what_a_model_was_made_by_stays(runs: Runs) -> None:
    run = finished("one")
    runs._used_by = lambda each: ("churn@1",) if each == run else ()
    with pytest.raises(Refused, match=r"has made churn@1") as caught:
        runs.plan_removal(where="name = 'one'")
    assert "devbox model rm churn@1" in caught.value.hint


def test_an_experiment_goes_with_its_runs(runs: Runs) -> None:
    finished("one", "churn")
    finished("two", "other")
    planned = runs.plan_removal(experiment="churn")
    assert len(planned.runs) == 2
    runs.remove(planned)
    assert [each.name for each in runs.experiments() if each.runs] == ["other"]
    with pytest.raises(UsageError, match="No experiment churn"):
        runs.plan_removal(experiment="churn")


def test_an_experiment_at_a_glance(runs: Runs) -> None:
    for value in (0.1, 0.9):
        with start_run(f"at {value}", experiment="it's", sample_every=None) as run:
            run.log_metric("loss", value)
    found = runs.overview("it's")
    assert found.statuses == {"succeeded": 2}
    (loss,) = found.metrics
    assert (loss.key, loss.low, loss.high, loss.runs) == ("loss", 0.1, 0.9, 2)
    assert [run.name for run in found.newest] == ["at 0.9", "at 0.1"]
