"""scikit-learn, logged without a line of it."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from devbox.journal import autolog as module
from devbox.journal.active import start_run
from devbox.journal.autolog import autolog
from devbox.runs import Runs
from devbox.runs.records import RunRecord
from devbox.state import State
from devbox.storage import Blobs

X, Y = make_classification(200, random_state=0)


@pytest.fixture
def runs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    monkeypatch.chdir(tmp_path)
    with State(home, actor="tester") as state:
        yield Runs(home, state=lambda: state, blobs=Blobs(home / "blobs"))


@pytest.fixture(autouse=True)
def logging() -> Iterator[None]:
    autolog()
    yield
    autolog(disable=True)


def only(runs: Runs) -> RunRecord:
    (found,) = runs.search()
    return runs.get(found.id)


def test_a_classifier(runs: Runs) -> None:
    model = LogisticRegression(C=0.5).fit(X, Y)
    run = only(runs)
    assert (run.name, run.status) == ("LogisticRegression", "succeeded")
    assert run.params["C"] == "0.5"
    assert run.tags["estimator"] == "LogisticRegression"
    assert run.tags["estimator_class"].startswith("sklearn.linear_model")
    assert run.metrics["training/accuracy"] == accuracy_score(Y, model.predict(X))
    assert 0.5 < run.metrics["training/roc_auc"] <= 1
    assert run.metrics["fit_seconds"] > 0
    assert "autolog_problem" not in run.tags


def test_a_regressor_in_a_pipeline_is_one_run(runs: Runs) -> None:
    x, y = make_regression(100, noise=3, random_state=0)
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(x, y)
    run = only(runs)
    assert run.name == "Pipeline"
    assert run.params["standardscaler__with_mean"] == "True"
    assert run.metrics["training/r2"] == pytest.approx(r2_score(y, model.predict(x)))
    assert run.metrics["training/rmse"] == pytest.approx(math.sqrt(run.metrics["training/mse"]))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_search_is_one_run_with_all_candidates(runs: Runs, jobs: int) -> None:
    pipe = Pipeline([("scale", StandardScaler()), ("tree", DecisionTreeClassifier(random_state=0))])
    search = GridSearchCV(pipe, {"tree__max_depth": [1, 2, 3]}, cv=3, n_jobs=jobs).fit(X, Y)
    run = only(runs)
    assert run.params["best/tree__max_depth"] == str(search.best_params_["tree__max_depth"])
    assert run.metrics["search/best_score"] == search.best_score_
    assert run.metrics["search/candidates"] == 3
    (table,) = [each for each in run.artifacts if each.path == module.TABLE]
    with runs._blobs.open(table.digest) as file:
        lines = file.read().decode().splitlines()
    assert len(lines) == 4
    assert "mean_test_score" in lines[0]


def test_threads_within_a_fit_are_part_of_it(runs: Runs) -> None:
    RandomForestClassifier(n_estimators=4, n_jobs=2, random_state=0).fit(X, Y)
    BaggingClassifier(LogisticRegression(), n_estimators=4, random_state=0).fit(X, Y)
    assert [run.name for run in runs.search()] == ["BaggingClassifier", "RandomForestClassifier"]


def test_fits_in_threads_that_were_there_before_are_runs(runs: Runs) -> None:
    ready, go = threading.Barrier(3), threading.Event()

    def work() -> None:
        ready.wait()
        go.wait()
        LogisticRegression().fit(X, Y)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    go.set()
    for thread in threads:
        thread.join()
    found = runs.search()
    assert [run.name for run in found] == ["LogisticRegression"] * 2
    assert all("training/accuracy" in run.metrics for run in found)


def test_in_an_open_run_later_fits_are_its_children(runs: Runs) -> None:
    with start_run("mine", sample_every=None) as mine:
        LogisticRegression(C=1).fit(X, Y)
        LogisticRegression(C=2).fit(X, Y)
        mine.log_param("own", 1)
    child, parent = runs.search()
    assert (parent.id, parent.params["C"], parent.params["own"]) == (mine.id, "1", "1")
    assert (child.parent, child.params["C"]) == (mine.id, "2")


def test_a_cross_validation_is_one_run_with_its_folds(runs: Runs) -> None:
    scores = cross_val_score(DecisionTreeClassifier(random_state=0), X, Y, cv=4)
    run = only(runs)
    assert list(runs.metric(run.id, "cv/test_score").values) == list(scores)
    assert run.metrics["cv/test_score_mean"] == pytest.approx(scores.mean())


def test_a_clusterer_and_what_only_prepares(runs: Runs) -> None:
    StandardScaler().fit(X)
    assert runs.search() == ()
    KMeans(2, n_init=1, random_state=0).fit(X)
    assert "training/score" in only(runs).metrics


class Broken(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator of one's own."""

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth

    def fit(self, x: Any, y: Any) -> Broken:
        raise ZeroDivisionError("mine")

    def predict(self, x: Any) -> Any:
        return x


def test_an_error_passes_unchanged_and_the_run_failed(runs: Runs) -> None:
    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        Broken(7).fit(X, Y)
    run = only(runs)
    assert (run.status, run.error) == ("failed", "ZeroDivisionError: mine")
    assert run.params == {"depth": "7"}


def test_classes_of_later_are_logged_too(runs: Runs) -> None:
    class Later(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Later:
            self.classes_ = [0, 1]
            return self

        def predict(self, x: Any) -> Any:
            raise ValueError("no metrics of this one")

    Later().fit(X, Y)
    run = only(runs)
    assert run.status == "succeeded"
    assert run.tags["autolog_problem"] == "ValueError: no metrics of this one"


def test_it_is_undone_completely(runs: Runs) -> None:
    def attributes() -> dict[str, Callable[..., Any] | None]:
        places = {"forest": RandomForestClassifier, "pipe": Pipeline, "base": BaseEstimator}
        names = ("fit", "__init_subclass__", "fit_predict")
        return {f"{key}.{n}": place.__dict__.get(n) for key, place in places.items() for n in names}

    changed = attributes()
    autolog(disable=True)
    plain = attributes()
    autolog()
    autolog()
    assert attributes().keys() == changed.keys()
    autolog(disable=True)
    assert attributes() == plain
    assert not any(hasattr(each, "devbox_original") for each in plain.values())
    LogisticRegression().fit(X, Y)
    assert runs.search() == ()


def test_a_model_is_kept_where_that_is_asked_for(runs: Runs) -> None:
    import skops.io

    autolog(log_model=True, training_metrics=False)
    model = LogisticRegression().fit(X, Y)
    run = only(runs)
    (kept,) = run.artifacts
    with runs._blobs.open(kept.digest) as file, warnings.catch_warnings():
        assert (skops.io.loads(file.read(), trusted=[]).predict(X) == model.predict(X)).all()
    assert "training/accuracy" not in run.metrics
