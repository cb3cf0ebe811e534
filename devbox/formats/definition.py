"""What a model is, found by looking at it: its class, its layers, how many numbers it learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError
from devbox.formats import look
from devbox.formats.library import (
    is_array,
    is_estimator,
    is_module,
    is_onnx,
    is_tensor,
    need,
    version,
)
from devbox.formats.look import ONNX, SAFETENSORS

LONGEST_TEXT = 20_000
"""Characters of the description of an architecture in the slot; more goes into a file."""
MOST_LAYERS = 500
"""Layers in the slot; more go into a file."""
DEEPEST = 4
"""Levels of estimators within estimators that are looked into."""

Layer = dict[str, Any]
"""name, class, shape, parameters: how many numbers it learned."""


def described(model: Any, kind: str, loss: str = "") -> dict[str, Any]:
    """The definition slot of a model, or of the file of one in the format ``kind``."""
    if isinstance(model, (str, Path)):
        found = _of_file(Path(model), kind)
    elif is_estimator(model):
        found = _of_estimator(model)
    elif is_module(model):
        found = _of_module(model)
    elif is_onnx(model):
        found = _of_onnx(model)
    elif isinstance(model, Mapping) and all(map(_has_shape, model.values())):
        framework = "torch" if any(is_tensor(each) for each in model.values()) else "numpy"
        shapes = {name: list(each.shape) for name, each in model.items()}
        found = {"framework": framework, "class": type(model).__name__, **_of_shapes(shapes)}
    else:
        found = {**_framework(model), "architecture": repr(model)}
    loss = loss or _loss(model)
    return {**found, "loss": loss} if loss else found


def learned(model: Any) -> Layer:
    """The numbers that one estimator learned: arrays of numbers and trees in the attributes that
    end with ``_``, which is what scikit-learn calls fitted. What it notes about its own fitting
    is not counted."""
    shape: list[int] = []
    count = 0
    for name, value in sorted(vars(model).items()):
        if name.startswith("_") or not name.endswith("_") or name in _NOT_LEARNED:
            continue
        count += 1 if name in _SINGLE and isinstance(value, float) else _numbers(value)
        if name in _SHAPED:
            shape = list(getattr(value, "shape", ()))
    return {"shape": shape, "parameters": count}


def _of_estimator(model: Any) -> dict[str, Any]:
    layers = list(_steps("", model, 0))
    found = {
        **_framework(model),
        "architecture": repr(model),
        "layers": layers,
        "parameters": sum(layer["parameters"] for layer in layers),
    }
    features = getattr(model, "n_features_in_", None)
    if features is not None:
        found["features"] = int(features)
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        found["feature_names"] = [str(name) for name in names][:MOST_LAYERS]
    labels = getattr(model, "classes_", None)
    if labels is not None and is_array(labels) and labels.ndim == 1:
        found["classes"] = labels.tolist()[:MOST_LAYERS]
    return found


def _steps(name: str, model: Any, depth: int) -> Iterator[Layer]:
    """An estimator, or, where it is made of several, each of those."""
    parts = list(_parts(model)) if depth < DEEPEST else []
    if not parts:
        yield {"name": name or type(model).__name__, "class": _class(model), **learned(model)}
        return
    for part, each in parts:
        inner = f"{name}.{part}" if name else part
        if is_estimator(each):
            yield from _steps(inner, each, depth + 1)
        else:
            yield {"name": inner, "class": str(each), "shape": [], "parameters": 0}


def _parts(model: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(model, "steps"):  # a pipeline
        yield from model.steps
    elif hasattr(model, "transformers_"):  # a column transformer
        yield from ((name, each) for name, each, _ in model.transformers_)
    elif hasattr(model, "transformer_list"):  # a feature union
        yield from model.transformer_list
    elif hasattr(model, "best_estimator_"):  # a search
        yield "best_estimator_", model.best_estimator_


_NOT_LEARNED = frozenset({"classes_", "n_samples_seen_", "train_score_", "loss_curve_", "scores_"})
_SINGLE = frozenset({"intercept_", "offset_"})
_SHAPED = frozenset({"coef_", "components_", "cluster_centers_"})


def _numbers(value: Any) -> int:
    """How many numbers there are in an array, a list of arrays, or the trees of an ensemble."""
    if is_array(value):
        if value.dtype.kind == "O":
            return sum(_numbers(each) for each in value.flat)
        return int(value.size) if value.dtype.kind in "fc" else 0
    if isinstance(value, (list, tuple)):  # of arrays or of estimators
        return sum(_numbers(each) for each in value)
    nodes = getattr(value, "node_count", None)
    if nodes is not None and hasattr(value, "threshold"):
        # Each inner node has a feature and a threshold, each leaf its values.
        return int(2 * (nodes - value.n_leaves) + value.n_leaves * value.value[0].size)
    if is_estimator(value):
        return int(learned(value)["parameters"])
    return 0


def _of_module(module: Any) -> dict[str, Any]:
    layers: list[Layer] = []
    seen: set[int] = set()
    for name, part in module.named_modules():
        own = [(key, each) for key, each in part.named_parameters(recurse=False)]
        new = [(key, each) for key, each in own if id(each) not in seen]
        seen.update(id(each) for _, each in own)
        if not own and any(True for _ in part.children()):
            continue
        shape = list(dict(own)["weight"].shape) if "weight" in dict(own) else []
        layers.append(
            {
                "name": name or type(module).__name__,
                "class": type(part).__name__,
                "shape": shape or [list(each.shape) for _, each in own],
                "parameters": sum(int(each.numel()) for _, each in new),
            }
        )
    every = list(module.parameters())
    return {
        "framework": "torch",
        "class": _class(module),
        "architecture": repr(module),
        "layers": layers,
        "parameters": sum(int(each.numel()) for each in every),
        "trainable": sum(int(each.numel()) for each in every if each.requires_grad),
    }


def _of_onnx(model: Any) -> dict[str, Any]:
    graph = model.graph
    sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    layers: list[Layer] = []
    counted: set[str] = set()
    for number, node in enumerate(graph.node):
        own = [name for name in node.input if name in sizes]
        new = [name for name in own if name not in counted]
        counted.update(own)
        layers.append(
            {
                "name": node.name or f"{node.op_type}_{number}",
                "class": f"{node.domain}.{node.op_type}" if node.domain else node.op_type,
                "shape": sizes[own[0]] if own else [],
                # Trees and linear models of ONNX ML have their numbers as attributes.
                "parameters": sum(_product(sizes[name]) for name in new)
                + sum(len(attribute.floats) for attribute in node.attribute),
            }
        )
    rest = sum(_product(sides) for name, sides in sizes.items() if name not in counted)
    inputs = [each.name for each in graph.input if each.name not in sizes]
    return {
        "framework": "onnx",
        "class": graph.name or "graph",
        "architecture": f"{', '.join(inputs)} -> {', '.join(each.name for each in graph.output)}",
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opsets": {each.domain or "ai.onnx": each.version for each in model.opset_import},
        "layers": layers,
        "parameters": sum(layer["parameters"] for layer in layers) + rest,
    }


def _of_file(path: Path, kind: str) -> dict[str, Any]:
    if kind == SAFETENSORS:
        header = look.header(path)
        return {"class": path.name, **_of_shapes({k: v["shape"] for k, v in header.items()})}
    if kind == ONNX:
        try:
            return _of_onnx(need("onnx").load(str(path), load_external_data=False))
        except DevboxError:  # no library to look into it with
            return {"framework": "onnx", "class": path.name}
    return {"class": path.name}


def _of_shapes(shapes: Mapping[str, list[int]]) -> dict[str, Any]:
    layers = [
        {"name": name, "class": "tensor", "shape": shape, "parameters": _product(shape)}
        for name, shape in shapes.items()
    ]
    return {"layers": layers, "parameters": sum(_product(shape) for shape in shapes.values())}


def _has_shape(value: Any) -> bool:
    return is_array(value) or is_tensor(value)


def _product(sides: list[int]) -> int:
    product = 1
    for side in sides:
        product *= side
    return product


def _framework(model: Any) -> dict[str, Any]:
    # An estimator of one's own is scikit-learn's as far as it can be told.
    top = type(model).__module__.partition(".")[0]
    own = is_estimator(model) and not version(top)
    return {"framework": "sklearn" if own else top, "class": _class(model)}


def _class(model: Any) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _loss(model: Any) -> str:
    """The loss that an estimator says it was fitted with."""
    if is_estimator(model):
        steps = getattr(model, "steps", None)
        last = steps[-1][1] if steps else model
        loss = getattr(last, "loss", "")
        return loss if isinstance(loss, str) else ""
    return ""
