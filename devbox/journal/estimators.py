"""What is written down of a scikit-learn estimator. Which library that is decides who calls: here
it is only asked for what it offers."""

from __future__ import annotations

import csv
import inspect
import io
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

LONGEST_VALUE = 500
"""Characters of a param; an estimator in a pipeline can be written much longer than that."""
LONGEST_NAME = 200
MOST_PARAMS = 500


def params(estimator: Any) -> dict[str, str]:
    """What an estimator was made with, that of the parts of a pipeline too."""
    found = {}
    for key, value in list(estimator.get_params(deep=True).items())[:MOST_PARAMS]:
        name = "".join(letter if letter.isprintable() else "?" for letter in str(key)).strip()
        if name:
            found[name[:LONGEST_NAME]] = clipped(value)
    return found


def clipped(value: Any) -> str:
    """A value as text in one line, cut where it is long."""
    text = value if isinstance(value, str) else " ".join(repr(value).split())
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        text = str(value)  # a number of numpy, without its type
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def tags(estimator: Any) -> dict[str, str]:
    """The class of an estimator, by its name and in full."""
    kind = type(estimator)
    return {"estimator": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__qualname__}"}


def given(fit: Callable[..., Any], estimator: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """What a call of ``fit`` gives, as ``X``, ``y`` (its first two arguments, whatever they are
    called) and ``sample_weight``."""
    with suppress(TypeError, ValueError):
        signature = inspect.signature(fit)
        bound = signature.bind(estimator, *args, **kwargs).arguments
        names = [*signature.parameters][1:3]
        found = {key: bound.get(name) for key, name in zip(("X", "y"), names)}  # noqa: B905
        rest = {**bound.get("kwargs", {}), **bound.get("fit_params", {}), **bound}
        return {**found, "sample_weight": rest.get("sample_weight")}
    return {}


def training_metrics(estimator: Any, data: Mapping[str, Any]) -> dict[str, float]:
    """How well an estimator does on what it was fitted to.

    Classifiers: accuracy, precision, recall, F1 (weighted by class), and where it gives
    probabilities the log loss and the area under the ROC curve; regressors: mean squared error,
    its root, mean absolute error, R2; others their own score.
    """
    base = import_module("sklearn.base")
    x, y, weight = (data.get(key) for key in ("X", "y", "sample_weight"))
    if x is None:
        return {}
    if y is not None and base.is_classifier(estimator):
        found = _of_classifier(estimator, x, y, weight)
    elif y is not None and base.is_regressor(estimator):
        found = _of_regressor(estimator, x, y, weight)
    elif hasattr(estimator, "score"):
        found = {"score": estimator.score(x) if y is None else estimator.score(x, y)}
    else:
        found = {}
    return {f"training/{key}": float(value) for key, value in found.items()}


def _of_classifier(estimator: Any, x: Any, y: Any, weight: Any) -> dict[str, Any]:
    metrics = import_module("sklearn.metrics")
    said = estimator.predict(x)
    options = {"sample_weight": weight}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        y, said, average="weighted", zero_division=0, **options
    )
    found = {
        "accuracy": metrics.accuracy_score(y, said, **options),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    if hasattr(estimator, "predict_proba"):
        with suppress(ValueError, AttributeError, TypeError):  # several outputs, one class
            sure = estimator.predict_proba(x)
            found["log_loss"] = metrics.log_loss(y, sure, labels=estimator.classes_, **options)
            scores = sure[:, 1] if sure.shape[1] == 2 else sure
            found["roc_auc"] = metrics.roc_auc_score(
                y, scores, multi_class="ovr", average="weighted", **options
            )
    return found


def _of_regressor(estimator: Any, x: Any, y: Any, weight: Any) -> dict[str, Any]:
    metrics = import_module("sklearn.metrics")
    said = estimator.predict(x)
    options = {"sample_weight": weight}
    squared = metrics.mean_squared_error(y, said, **options)
    return {
        "mse": squared,
        "rmse": math.sqrt(squared),
        "mae": metrics.mean_absolute_error(y, said, **options),
        "r2": metrics.r2_score(y, said, **options),
    }


def search_results(search: Any) -> tuple[dict[str, str], dict[str, float], str]:
    """What a search over params has found: the best ones, scores, and all candidates as CSV;
    nothing for what is no search."""
    table = getattr(search, "cv_results_", None)
    if not isinstance(table, Mapping):
        return {}, {}, ""
    best = {f"best/{key}": clipped(value) for key, value in _best(search).items()}
    scores = {"search/candidates": float(len(table.get("params", ())))}
    with suppress(AttributeError, TypeError, ValueError):
        scores["search/best_score"] = float(search.best_score_)
    return best, scores, _csv(table)


def _best(search: Any) -> Mapping[str, Any]:
    found = getattr(search, "best_params_", {})
    return found if isinstance(found, Mapping) else {}


def _csv(table: Mapping[str, Any]) -> str:
    columns = [key for key in table if key != "params"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*(table[column] for column in columns)):  # noqa: B905 - strict is of 3.10
        writer.writerow([clipped(cell) for cell in row])
    return text.getvalue()
