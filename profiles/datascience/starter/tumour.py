"""From measurements of biopsies to predictions: what is recorded with every version of the model,
so that a notebook, a batch job and a server all call the same code.

scikit-learn's breast cancer data set names the measurements, 30 for each biopsy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer

_DATA = load_breast_cancer()
COLUMNS = [str(name) for name in _DATA.feature_names]
LABELS = [str(name) for name in _DATA.target_names]


def featurize(biopsies: Sequence[Mapping[str, float]]) -> np.ndarray:
    """One row of measurements for each biopsy, in the order in which the model was fitted."""
    return np.array([[biopsy[column] for column in COLUMNS] for biopsy in biopsies], dtype=float)


def predict(model: ClassifierMixin, features: np.ndarray) -> list[dict[str, Any]]:
    """For each row the likelier label, and the probability of a benign tumour."""
    benign = model.predict_proba(features)[:, LABELS.index("benign")]
    return [{"label": LABELS[int(p >= 0.5)], "benign": float(p)} for p in benign]
