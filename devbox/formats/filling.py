"""What is known of a model where it is registered, as the slots of its new version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Any

from devbox.errors import UsageError
from devbox.formats import definition, saving, signature, values
from devbox.formats.compare import difference
from devbox.formats.library import PACKAGES, is_estimator, version
from devbox.formats.model import ROLES, called
from devbox.formats.sources import Function, collected, live
from devbox.journal import artifacts
from devbox.journal.ids import new_id
from devbox.journal.slots import DEFINITION, FUNCTIONS, PARAMETERS, plain


class Kept:
    """Files that will be artifacts of the run, by slot and path."""

    def __init__(self, work: Path, prefix: str) -> None:
        self.work = work
        self.prefix = prefix
        self.files: dict[str, dict[str, Path]] = {}

    def add(self, slot: str, path: str, file: Path) -> str:
        """Keep a file; returns the artifact's path."""
        whole = artifacts.checked_path(f"{self.prefix}/{slot}/{path}")
        self.files.setdefault(slot, {})[whole] = file
        return whole

    def write(self, slot: str, path: str, content: bytes) -> str:
        """Keep some bytes."""
        file = self.work / new_id()
        file.write_bytes(content)
        return self.add(slot, path, file)


def model_slots(
    kept: Kept, model: Any, kind: str, loss: str
) -> tuple[dict[str, dict[str, Any]], Path]:
    """Definition and parameters of a model that is written as ``kind``; and the file of it."""
    file = saving.save(model, kind, kept.work / "model")
    path = kept.add(PARAMETERS, file.name, file)
    found = definition.described(model, kind, loss)
    text = str(found.get("architecture", ""))
    if len(text) > definition.LONGEST_TEXT:
        found["architecture"] = f"{text[: definition.LONGEST_TEXT]}..."
        content = text.encode("utf-8", "replace")
        found["architecture_file"] = kept.write(DEFINITION, "architecture.txt", content)
    layers = found.get("layers") or []
    if len(layers) > definition.MOST_LAYERS:
        found["layers"] = layers[: definition.MOST_LAYERS]
        content = dumps(plain(layers)).encode()
        found["layers_file"] = kept.write(DEFINITION, "layers.json", content)
    return {DEFINITION: found, PARAMETERS: {"format": kind, "file": path}}, file


def functions_slot(
    kept: Kept,
    functions: Mapping[str, Function],
    code: Sequence[str | Path],
    example: Sequence[Any] | None,
    tolerance: float,
    parameters: Callable[[], Any],
) -> dict[str, Any]:
    """The functions with their sources and the example, which they are called with here;
    ``parameters`` gives what predict gets once the model is loaded."""
    if not functions:
        if code or example:
            raise UsageError("code and example go with predict=, which is not given.")
        return {}
    if "predict" not in functions:
        raise UsageError("Without predict= there is nothing to call.", hint="Give predict= too.")
    if not 0 <= tolerance < float("inf"):
        raise UsageError(f"The tolerance is a number from 0 on, not {tolerance!r}.")
    found = collected(dict(functions), code)
    slot: dict[str, Any] = {role: found.names.get(role, "") for role in ROLES}
    slot["module"] = found.names["predict"].partition(":")[0]
    slot["sources"] = {
        path: kept.add(FUNCTIONS, f"source/{path}", file) for path, file in found.files.items()
    }
    if example is not None:
        given, output = _example(functions, example, tolerance, parameters)
        slot["signature"] = signature.inferred(given, output)
        slot["example"] = {
            "input": kept.write(FUNCTIONS, "example/input.json", values.dumped(given)),
            "output": kept.write(FUNCTIONS, "example/output.json", values.dumped(output)),
            "tolerance": tolerance,
        }
    return slot


def _example(
    functions: Mapping[str, Function],
    example: Sequence[Any],
    tolerance: float,
    parameters: Callable[[], Any],
) -> tuple[Any, Any]:
    """The example's input and output; an output that is given has to be what comes out."""
    if not isinstance(example, (tuple, list)) or len(example) not in {1, 2}:
        raise UsageError("example is (input,) or (input, output).")
    given = example[0]
    content = values.dumped(given)
    # What was read back is what the version will be verified with.
    output = _called(functions, values.loaded(content), parameters())
    if len(example) == 2:
        told = difference(example[1], output, tolerance)
        if told:
            raise UsageError(f"The functions do not give the example's output: {told}.")
    return given, output


def _called(functions: Mapping[str, Function], given: Any, parameters: Any) -> Any:
    if "build" in functions:
        parameters = called("build", live(functions["build"], "build"), parameters)
    features = given
    if "featurize" in functions:
        features = called("featurize", live(functions["featurize"], "featurize"), given)
    return called("predict", live(functions["predict"], "predict"), parameters, features)


def generation_slot(
    model: Any,
    split: Mapping[str, Any] | None,
    search: Mapping[str, Any] | None,
    hyperparameters: Mapping[str, Any] | None,
    framework: str,
) -> dict[str, Any]:
    """How the model was made, as far as its code can say."""
    slot: dict[str, Any] = {}
    if framework:
        slot["framework"] = framework
        slot["framework_version"] = version(PACKAGES.get(framework, framework))
    if split:
        slot["split"] = dict(split)
    if search:
        slot["search"] = dict(search)
    if hyperparameters is None and is_estimator(model):
        hyperparameters = _own(model)
    if hyperparameters:
        slot["hyperparameters"] = dict(hyperparameters)
    return slot


def _own(model: Any) -> dict[str, Any]:
    """An estimator's own parameters, and those of the estimators within it."""
    simple = (str, int, float, bool, type(None))
    return {
        key: each
        for key, each in model.get_params(deep=True).items()
        if isinstance(each, simple)
        or (isinstance(each, (list, tuple)) and all(isinstance(item, simple) for item in each))
    }


def experiment_slot(
    confusion_matrix: tuple[Sequence[Any], Any] | None, plots: Sequence[str]
) -> dict[str, Any]:
    """How well it does, beyond the run's metrics."""
    slot: dict[str, Any] = {}
    if plots:
        slot["plots"] = [artifacts.checked_path(str(each)) for each in plots]
    if confusion_matrix is not None:
        labels, matrix = confusion_matrix
        names = [str(each) for each in labels]
        rows = [plain(list(row)) for row in matrix]
        if len(rows) != len(names) or any(len(row) != len(names) for row in rows):
            raise UsageError(
                f"A confusion matrix of {len(names)} labels has as many rows and columns."
            )
        slot["confusion_matrix"] = {"labels": names, "matrix": rows}
    return slot
