"""Writing a model as a file, in a format that can be read without running code."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, Refused, UsageError
from devbox.formats import look
from devbox.formats.library import (
    is_a,
    is_array,
    is_estimator,
    is_module,
    is_onnx,
    is_tensor,
    need,
)
from devbox.formats.look import JOBLIB, ONNX, OTHER, PICKLE, RUNS_CODE, SAFETENSORS, SKOPS

AUTO = "auto"


def chosen(model: Any, kind: str, *, allow_pickle: bool) -> str:
    """The format that a model is kept in: ``kind``, or what fits it where that is "auto".

    Raises UsageError where nothing fits, Refused for a format that runs code when it is read and
    was not asked for in so many words.
    """
    found = _fitting(model) if kind == AUTO else look.known(kind)
    if isinstance(model, (str, Path)) and found not in RUNS_CODE:
        try:
            content = look.contains(Path(model))
        except OSError as error:
            raise UsageError(f"{model} can't be read: {error.strerror}.") from error
        if content == PICKLE and found == OTHER:
            found = PICKLE
    if found in RUNS_CODE and not allow_pickle:
        raise Refused(
            f"A model in {found} runs whatever code it holds, wherever it is loaded.",
            hint="Register it in skops, safetensors or onnx; or, with that said,"
            f' format="{found}", allow_pickle=True: such a model is loaded in boxes only.',
        )
    return found


def save(model: Any, kind: str, folder: Path) -> Path:
    """Write a model into a folder; returns the file. A path is copied, and has to be of the
    format."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(model, (str, Path)):
        return _copied(Path(model), kind, folder)
    if kind not in _WRITERS:
        raise UsageError(f"A {type(model).__name__} can't be written as {kind!r}.")
    target = folder / f"model.{_SUFFIXES.get(kind, kind)}"
    try:
        _WRITERS[kind](model, target)
    except DevboxError:
        raise
    except Exception as error:
        raise DevboxError(
            f"The {type(model).__name__} can't be written as {kind}:"
            f" {type(error).__name__}: {error}",
            hint="Give another format, or the path of a file that you have written.",
        ) from error
    return target


def tensors(model: Any) -> dict[str, Any]:
    """The tensors of a module, or of a dict of tensors or arrays, by name."""
    state = model.state_dict() if is_module(model) else model
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and (is_tensor(each) or is_array(each))
        for name, each in state.items()
    ):
        raise UsageError(
            f"A {type(model).__name__} has no tensors by name, which safetensors keeps.",
            hint="Give a module of PyTorch, or a dict of tensors or arrays.",
        )
    return dict(state)


def _fitting(model: Any) -> str:
    if isinstance(model, (str, Path)):
        return look.by_ending(Path(model))
    if is_onnx(model):
        return ONNX
    if is_module(model):
        return SAFETENSORS
    if isinstance(model, Mapping) and model:
        return SAFETENSORS
    if is_estimator(model):
        return SKOPS
    raise UsageError(
        f"There is no format for a {type(model).__name__} by itself.",
        hint="Save it to a file and register the path, or name a format"
        " (skops, safetensors, onnx, joblib, pickle).",
    )


def _skops(model: Any, target: Path) -> None:
    need("skops.io").dump(model, target)


def _safetensors(model: Any, target: Path) -> None:
    state = tensors(model)
    if all(is_array(each) for each in state.values()):
        numpy = need("numpy")
        arrays = {name: numpy.ascontiguousarray(each) for name, each in state.items()}
        need("safetensors.numpy").save_file(arrays, target)
        return
    torch = need("torch")
    held: set[int] = set()
    whole = {}
    for name, each in state.items():
        tensor = (each if is_tensor(each) else torch.from_numpy(each)).detach().cpu().contiguous()
        # Tensors that share their memory (tied weights) are each kept in full: the file can
        # then be loaded into any module of the class.
        storage = tensor.untyped_storage().data_ptr()
        whole[name] = tensor.clone() if storage in held else tensor
        held.add(storage)
    need("safetensors.torch").save_file(whole, target)


def _onnx(model: Any, target: Path) -> None:
    if not is_onnx(model):
        raise UsageError(f"A {type(model).__name__} is no model of ONNX.")
    target.write_bytes(model.SerializeToString())


def _joblib(model: Any, target: Path) -> None:
    need("joblib").dump(model, target)


def _pickle(model: Any, target: Path) -> None:
    with target.open("wb") as file:
        pickle.dump(model, file)


_WRITERS = {
    SKOPS: _skops,
    SAFETENSORS: _safetensors,
    ONNX: _onnx,
    JOBLIB: _joblib,
    PICKLE: _pickle,
}
_SUFFIXES = {PICKLE: "pkl"}


def _copied(source: Path, kind: str, folder: Path) -> Path:
    if source.is_dir():
        raise UsageError(
            f"{source} is a folder, and a model is one file.",
            hint="Register the file, or put the folder into an archive.",
        )
    look.checked(source, kind)
    if kind == ONNX:
        _whole(source)
    target = folder / (source.name if source.name.isprintable() else f"model{source.suffix}")
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise DevboxError(f"{source} can't be read: {error.strerror}.") from error
    return target


def _whole(source: Path) -> None:
    """Refuse a model of ONNX that has its tensors in files beside it, where that can be seen."""
    try:
        onnx = need("onnx")
    except DevboxError:
        return
    try:
        model = onnx.load(str(source), load_external_data=False)
    except Exception as error:
        raise DevboxError(f"{source.name} is no onnx file: {error}.") from error
    if any(is_outside(tensor) for tensor in model.graph.initializer):
        raise UsageError(
            f"{source.name} has tensors in files beside it.",
            hint="Save it with all tensors inside: `onnx.save(model, path)`.",
        )


def is_outside(tensor: Any) -> bool:
    """Whether a tensor of ONNX is in a file beside the model's."""
    return is_a(tensor, "onnx.onnx_ml_pb2.TensorProto") and tensor.data_location == 1
