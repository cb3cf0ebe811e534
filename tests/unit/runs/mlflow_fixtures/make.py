"""Makes a store with a real MLflow, for tests: `python make.py URI` in a Python that has one.

One experiment with a run that logs of all kinds, a failed child, a deleted run, and a registered
model with two versions. Prints as JSON what MLflow itself reads back of it.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType

TIME = 1_700_000_000_000


def main(uri: str, artifacts: str) -> None:
    """Fill the store, and tell what it holds."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("churn", artifact_location=artifacts or None)
    mlflow.set_experiment("churn")
    with mlflow.start_run(run_name="first") as run:
        first = run.info.run_id
        mlflow.log_params({"lr": 0.1, "optimizer": "adam", "empty": ""})
        points = [Metric("loss", 1.0 / (step + 1), TIME + step, step) for step in range(50)]
        odd = [math.nan, math.inf, -math.inf, 0.5]
        points += [Metric("odd", value, TIME + at, at) for at, value in enumerate(odd)]
        client.log_batch(first, points, [Param("late", "1")], [RunTag("task", "fraud")])
        mlflow.set_tag("mlflow.note.content", "The first try")
        mlflow.log_input(_dataset(), context="train")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "plot.txt").write_text("a plot")
            Path(folder, "sub").mkdir()
            Path(folder, "sub", "weights.bin").write_bytes(b"\0weights\xff")
            mlflow.log_artifacts(folder, "files")
        model = _log_model()
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_metric("loss", 0.25)
        try:
            with mlflow.start_run(run_name="broken", nested=True):
                raise ZeroDivisionError  # noqa: TRY301 - a run that fails
        except ZeroDivisionError:
            pass
    gone = client.create_run(experiment, run_name="gone").info.run_id
    client.delete_run(gone)
    client.create_registered_model("churn-model", {"owner": "ada"}, "Predicts churn")
    one = client.create_model_version("churn-model", f"runs:/{first}/files", first, {"kind": "a"})
    two = client.create_model_version(
        "churn-model", model or f"runs:/{child.info.run_id}/", first, description="Better"
    )
    client.set_registered_model_alias("churn-model", "champion", two.version)
    client.set_registered_model_alias("churn-model", "old", one.version)
    print(json.dumps(_read(client, experiment)))


def _dataset() -> Any:
    import pandas

    frame = pandas.DataFrame({"age": [1, 2], "left": [0, 1]})
    return mlflow.data.from_pandas(frame, source="customers.csv", name="customers")


def _log_model() -> str:
    """The URI of a model that was logged, "" where MLflow only keeps those of its flavors."""

    class Echo(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input

    named = (
        {"name": "model"}
        if int(mlflow.__version__.split(".")[0]) > 2
        else {"artifact_path": "model"}
    )
    return str(mlflow.pyfunc.log_model(python_model=Echo(), **named).model_uri)


def _read(client: MlflowClient, experiment: str) -> dict[str, Any]:
    runs = client.search_runs([experiment], run_view_type=ViewType.ACTIVE_ONLY)
    models = client.search_model_versions("name = 'churn-model'")
    registered = client.get_registered_model("churn-model")
    return {
        "version": mlflow.__version__,
        "runs": {run.info.run_id: _run(client, run) for run in runs},
        "model": {
            "name": registered.name,
            "description": registered.description,
            "tags": registered.tags,
            "aliases": {key: int(value) for key, value in registered.aliases.items()},
            "versions": [
                {
                    "version": int(each.version),
                    "run": each.run_id,
                    "source": each.source,
                    "description": each.description or "",
                    "tags": each.tags,
                }
                for each in sorted(models, key=lambda each: int(each.version))
            ],
        },
    }


def _run(client: MlflowClient, run: Any) -> dict[str, Any]:
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "user": run.info.user_id,
        "started": run.info.start_time,
        "ended": run.info.end_time,
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": {
            key: [
                [each.timestamp, each.step, repr(each.value)]
                for each in client.get_metric_history(run.info.run_id, key)
            ]
            for key in run.data.metrics
        },
        "inputs": [{"name": each.dataset.name, "digest": each.dataset.digest} for each in inputs],
        "artifacts": sorted(_files(client, run.info.run_id, "")),
    }


def _files(client: MlflowClient, run: str, folder: str) -> list[str]:
    found: list[str] = []
    for each in client.list_artifacts(run, folder or None):
        found += _files(client, run, each.path) if each.is_dir else [each.path]
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
