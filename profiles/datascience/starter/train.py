"""Train and evaluate a classifier on scikit-learn's breast cancer data set.

The data (569 biopsies, 30 measurements each, benign or malignant) ships with scikit-learn, so
this runs without a download. Writes metrics.json and model.joblib; the same seed gives the same
numbers.

    python train.py
    python train.py --model forest --seed 7
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import joblib
import sklearn
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def build_model(name: str, seed: int) -> Pipeline | ClassifierMixin:
    """The estimator to train, with its preprocessing inside: nothing is fitted on test data."""
    if name == "forest":
        return RandomForestClassifier(n_estimators=300, random_state=seed)
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000))


def train(name: str, *, seed: int, folds: int, test_size: float) -> tuple[object, dict[str, float]]:
    """Fit on the training split; metrics of its cross-validation and of the held-out split."""
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    x_train, x_test, y_train, y_test = train_test_split(
        features, target, test_size=test_size, stratify=target, random_state=seed
    )
    model = build_model(name, seed)
    splits = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    cv_auc = cross_val_score(model, x_train, y_train, cv=splits, scoring="roc_auc")

    model.fit(x_train, y_train)
    metrics = {
        "accuracy": accuracy_score(y_test, model.predict(x_test)),
        "roc_auc": roc_auc_score(y_test, model.predict_proba(x_test)[:, 1]),
        "cv_roc_auc_mean": cv_auc.mean(),
        "cv_roc_auc_std": cv_auc.std(),
    }
    return model, {metric: round(float(value), 4) for metric, value in metrics.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=["logistic", "forest"], default="logistic")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation")
    parser.add_argument("--test-size", type=float, default=0.25, help="held out, as a fraction")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()

    print(f"scikit-learn {sklearn.__version__}, model={args.model}, seed={args.seed}")
    model, metrics = train(args.model, seed=args.seed, folds=args.folds, test_size=args.test_size)
    for metric, value in metrics.items():
        print(f"{metric}={value:.4f}")

    args.output.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, args.output / "model.joblib")
    (args.output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"wrote metrics.json and model.joblib to {args.output.resolve()}")


if __name__ == "__main__":
    main()
