"""A version with all eight slots filled."""

from __future__ import annotations

from typing import Any

SLOTS: dict[str, dict[str, Any]] = {
    "definition": {
        "framework": "scikit-learn",
        "class": "LogisticRegression",
        "loss": "log loss",
        "layers": [{"name": "coef_", "class": "ndarray", "shape": [1, 30], "parameters": 30}],
        "parameters": 31,
    },
    "parameters": {"format": "skops"},
    "functions": {
        "featurize": "churn_model:featurize",
        "predict": "churn_model:predict",
        "example": {"input": "example/input.json", "output": "example/output.json"},
        "signature": {"inputs": [{"name": "age", "type": "double", "shape": [-1]}]},
    },
    "dependencies": {
        "python": "3.11.7",
        "packages": {"numpy": "2.1"},
        "image": "sha256:" + 64 * "a",
    },
    "data": {"inputs": [{"role": "train", "name": "customers", "version": "3", "rows": 10_000}]},
    "generation": {
        "commit": 40 * "c",
        "branch": "main",
        "split": {"method": "random", "train": 0.8, "test": 0.2, "seed": 7},
        "hyperparameters": {"C": 0.5},
        "experiments": 12,
    },
    "experiment": {"metrics": {"auc": 0.93}, "confusion_matrix": {"labels": [], "matrix": []}},
}
TAGS = {"owner": "ada", "task": "fraud"}
WEIGHTS = b"weights"
