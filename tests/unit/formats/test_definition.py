"""What a model is, is found by looking at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from devbox.formats.definition import described

X = np.random.default_rng(0).random((40, 3))
Y = (X.sum(axis=1) > 1.5).astype(int)


def test_a_pipeline_is_its_steps() -> None:
    found = described(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), "skops")
    assert (found["framework"], found["class"]) == ("sklearn", "sklearn.pipeline.Pipeline")
    assert "LogisticRegression()" in found["architecture"]
    assert [(each["name"], each["shape"], each["parameters"]) for each in found["layers"]] == [
        ("standardscaler", [], 9),  # means, variances and scales
        ("logisticregression", [1, 3], 4),  # weights and the intercept
    ]
    assert (found["parameters"], found["features"], found["classes"]) == (13, 3, [0, 1])


def test_a_network_has_its_weights() -> None:
    model = MLPClassifier((5, 4), max_iter=2, random_state=0)
    with pytest.warns(Warning, match="converge"):
        model.fit(X, Y)
    found = described(model, "skops")
    weights = 3 * 5 + 5 * 4 + 4 * 1
    assert found["parameters"] == weights + 5 + 4 + 1


def test_a_tree_has_thresholds_and_leaves() -> None:
    model = DecisionTreeClassifier(max_depth=1).fit(X, Y)
    assert described(model, "skops")["parameters"] == 2 * 1 + 2 * 2


def test_ensembles_are_all_their_trees() -> None:
    forest = RandomForestClassifier(4, max_depth=2, random_state=0).fit(X, Y)
    one = described(forest.estimators_[0], "skops")["parameters"]
    assert described(forest, "skops")["parameters"] > 3 * one > 0
    boosted = GradientBoostingRegressor(n_estimators=3).fit(X, X[:, 0])
    found = described(boosted, "skops")
    assert found["loss"] == "squared_error"
    assert found["parameters"] > 0


def test_columns_are_looked_into() -> None:
    model = ColumnTransformer([("a", StandardScaler(), [0]), ("b", "passthrough", [1])]).fit(X)
    names = [(each["name"], each["parameters"]) for each in described(model, "skops")["layers"]]
    assert names[:1] == [("a", 3)]
    assert all(count == 0 for _, count in names[1:])


def test_a_model_of_onnx_is_its_graph(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    made = to_onnx(model, X[:1].astype(np.float32), options={"zipmap": False})
    found = described(made, "onnx")
    assert found["framework"] == "onnx"
    assert {"Scaler", "LinearClassifier"} <= {
        each["class"].rpartition(".")[2] for each in found["layers"]
    }
    assert found["parameters"] >= 4
    file = tmp_path / "m.onnx"
    file.write_bytes(made.SerializeToString())
    assert described(file, "onnx") == found


def test_tensors_are_counted(tmp_path: Path) -> None:
    state = {"w": np.zeros((2, 3)), "b": np.zeros(3)}
    found = described(state, "safetensors", "mse")
    assert (found["framework"], found["parameters"], found["loss"]) == ("numpy", 9, "mse")
    file = tmp_path / "m.safetensors"
    safetensors.numpy.save_file(state, file)
    assert described(file, "safetensors")["parameters"] == 9


def test_an_estimator_of_ones_own_is_of_scikit_learn() -> None:
    class Mine(LogisticRegression):  # type: ignore[misc,unused-ignore]
        pass

    found: Any = described(Mine(), "joblib")
    assert (found["framework"], found["parameters"]) == ("sklearn", 0)
    assert found["class"].endswith("Mine")


def test_anything_else_is_its_class() -> None:
    for model, name in ((object(), "object"), ({"w": 1.0}, "dict")):
        found = described(model, "pickle")
        assert (found["framework"], found["class"]) == ("builtins", f"builtins.{name}")
