"""Train a classifier on scikit-learn's breast cancer data set, and register it as a model.

The data (569 biopsies, 30 measurements each, malignant or benign) ships with scikit-learn, so
this runs without a download. Cross-validation on the training split chooses the hyperparameters,
the test split is looked at once. Writes metrics.json; the same seed gives the same numbers.

    python train.py
    python train.py --model forest --seed 7 --trials 4
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import sklearn
import tumour
from matplotlib.figure import Figure
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    RocCurveDisplay,
    accuracy_score,
    confusion_matrix,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import devbox

SPACES = {
    "logistic": {"C": "log:0.01:100"},
    "forest": {"max_depth": [4, 8, 16], "min_samples_leaf": "int:1:8"},
}
"""What the search tries for each kind of model."""


def build_model(name: str, seed: int, **chosen: Any) -> Pipeline | ClassifierMixin:
    """The estimator to train, with its preprocessing inside: nothing is fitted on test data."""
    if name == "forest":
        return RandomForestClassifier(n_estimators=200, random_state=seed, **chosen)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, **chosen))


def train(args: argparse.Namespace) -> dict[str, float]:
    """Search, fit and evaluate in the open run, and register the model; gives the metrics."""
    biopsies, target = load_breast_cancer(return_X_y=True, as_frame=True)
    train_rows, test_rows, y_train, y_test = train_test_split(
        biopsies, target, test_size=args.test_size, stratify=target, random_state=args.seed
    )
    # The very function that predictions go through.
    x_train, x_test = (
        tumour.featurize(rows.to_dict("records")) for rows in (train_rows, test_rows)
    )
    folds = StratifiedKFold(n_splits=args.folds, shuffle=True, random_state=args.seed)

    def cross_validated(**chosen: Any) -> dict[str, float]:
        model = build_model(args.model, args.seed, **chosen)
        auc = cross_val_score(model, x_train, y_train, cv=folds, scoring="roc_auc")
        return {"cv_roc_auc": float(auc.mean()), "cv_roc_auc_std": float(auc.std())}

    # Each trial is a run of its own below this one: `devbox runs show` lists them.
    search = devbox.sweep(
        cross_validated,
        SPACES[args.model],
        n=args.trials,
        metric="cv_roc_auc",
        seed=args.seed,
        sample_every=None,
    )
    model = build_model(args.model, args.seed, **search.best.params).fit(x_train, y_train)
    benign = model.predict_proba(x_test)[:, 1]
    metrics = {
        "accuracy": accuracy_score(y_test, benign >= 0.5),
        "roc_auc": roc_auc_score(y_test, benign),
        "cv_roc_auc": search.best.value,
    }
    metrics = {name: round(float(value), 4) for name, value in metrics.items()}
    devbox.log_params({"model": args.model, "seed": args.seed, **search.best.params})
    devbox.log_metrics(metrics)
    counts = confusion_matrix(y_test, benign >= 0.5)
    plots = ["plots/confusion.png", "plots/roc.png"]
    figures = Figure(), Figure()
    shown = ConfusionMatrixDisplay(counts, display_labels=tumour.LABELS)
    shown.plot(ax=figures[0].subplots())
    RocCurveDisplay.from_predictions(y_test, benign, ax=figures[1].subplots())
    for path, figure in zip(plots, figures, strict=True):
        devbox.log_figure(figure, path)

    version = devbox.register_model(
        "tumour",
        model,
        featurize=tumour.featurize,
        predict=tumour.predict,
        example=(test_rows.head(3).to_dict("records"),),
        data={
            "train": {"name": "breast-cancer", "content": train_rows.assign(target=y_train)},
            "test": {"name": "breast-cancer", "content": test_rows.assign(target=y_test)},
        },
        split={"method": "stratified", "test_size": args.test_size, "seed": args.seed},
        search=search.search,
        hyperparameters=search.best.params,
        loss="log loss" if args.model == "logistic" else "gini impurity",
        confusion_matrix=(tumour.LABELS, counts.tolist()),
        plots=plots,
        tags={"owner": args.owner, "task": "tumour classification"},
        description=f"{args.model} on scikit-learn's breast cancer data set",
    )
    print(f"registered {version.name}@{version.version}")
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=sorted(SPACES), default="logistic")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--trials", type=int, default=8, help="of the search")
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation")
    parser.add_argument("--test-size", type=float, default=0.25, help="held out, as a fraction")
    parser.add_argument("--owner", default="starter", help="who answers for the model")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()

    print(f"scikit-learn {sklearn.__version__}, model={args.model}, seed={args.seed}")
    with devbox.start_run("train", experiment="tumour"):
        metrics = train(args)
    for metric, value in metrics.items():
        print(f"{metric}={value:.4f}")
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"wrote metrics.json to {args.output.resolve()}")


if __name__ == "__main__":
    main()
