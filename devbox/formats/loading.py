"""Reading a model's file, without running code that is in it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, Refused
from devbox.formats import look
from devbox.formats.library import need, version
from devbox.formats.look import JOBLIB, ONNX, OTHER, PICKLE, RUNS_CODE, SAFETENSORS, SKOPS

SAFE_SKOPS = (0, 13)
"""Older ones can be led to run code by a file (CVE-2025-54412, -54413, -54886)."""
CHECKING = "DEVBOX_CHECK"
"""Set in the throw-away container in which a version is verified."""


def in_container() -> bool:
    """Whether this is a box, or the container in which a version is verified."""
    return bool(os.environ.get("DEVBOX_BOX") or os.environ.get(CHECKING))


def load(
    file: Path, kind: str, *, name: str, trusted: Sequence[str] = (), allow_pickle: bool = False
) -> Any:
    """What is in a model's file: an estimator (skops), a dict of tensors or arrays (safetensors),
    a session of ONNX Runtime or the model itself (onnx), the path (other).

    ``name`` is what to call it in errors. ``trusted`` are the types that a skops file may hold
    beyond those that skops trusts itself: full names, or ``package.*``. ``allow_pickle`` reads
    joblib and pickle files too, in containers only. Raises Refused for what is not trusted,
    DevboxError for what is damaged.
    """
    look.known(kind)
    if kind in RUNS_CODE:
        _check_pickle(name, kind, allow_pickle=allow_pickle)
    look.checked(file, kind, name)
    try:
        return _READERS[kind](file, name, trusted)
    except DevboxError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes a library raise
        raise DevboxError(
            f"{name} can't be loaded as {kind}: {type(error).__name__}: {str(error)[:500]}"
        ) from error


def _check_pickle(name: str, kind: str, *, allow_pickle: bool) -> None:
    refusal = f"{name} is in {kind}, which runs whatever code it holds when it is loaded."
    if not in_container():
        raise Refused(
            refusal,
            hint="That is done inside a box only: `devbox exec -- python ...` there, with"
            " load_model(..., allow_pickle=True).",
        )
    if not allow_pickle:
        raise Refused(
            refusal, hint="Where you trust who made it: load_model(..., allow_pickle=True)."
        )


def _skops(file: Path, name: str, trusted: Sequence[str]) -> Any:
    io = need("skops.io")
    found = version("skops")
    if _numbers(found) < SAFE_SKOPS:
        oldest = ".".join(map(str, SAFE_SKOPS))
        raise Refused(
            f"skops {found} has known holes through which a model's file can run code.",
            hint=f"Install skops {oldest} or newer.",
        )
    unknown = io.get_untrusted_types(file=file)
    refused = sorted(each for each in unknown if not is_trusted(each, trusted))
    if refused:
        listed = ", ".join(refused[:20])
        written = ", ".join(f'"{each}"' for each in refused[:20])
        raise Refused(
            f"{name} holds what nobody has said to trust: {listed}.",
            hint=f"Where you do: load_model(..., trusted=[{written}]), or for good"
            f" `trusted = [{written}]` under [models] in your settings.",
        )
    return io.load(file, trusted=unknown)


def untrusted(file: Path, kind: str) -> list[str]:
    """The types in a file that skops does not trust itself."""
    return list(need("skops.io").get_untrusted_types(file=file)) if kind == SKOPS else []


def is_trusted(name: str, trusted: Sequence[str]) -> bool:
    """Whether a type's full name is in a list of full names and ``package.*``."""
    return any(
        name == each or (each.endswith(".*") and len(each) > 2 and name.startswith(each[:-1]))
        for each in trusted
    )


def _safetensors(file: Path, _: str, __: Sequence[str]) -> Any:
    try:
        reader = need("safetensors.torch")
    except DevboxError:
        reader = need("safetensors.numpy")
    return reader.load_file(file)


def _onnx(file: Path, _: str, __: Sequence[str]) -> Any:
    try:
        runtime = need("onnxruntime")
    except DevboxError:
        onnx = need("onnx")
        return onnx.load(str(file), load_external_data=False)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    # As bytes: a file knows a folder, and what lies in it.
    return runtime.InferenceSession(
        file.read_bytes(), options, providers=runtime.get_available_providers()
    )


def _joblib(file: Path, _: str, __: Sequence[str]) -> Any:
    return need("joblib").load(file)


def _pickle(file: Path, _: str, __: Sequence[str]) -> Any:
    with file.open("rb") as opened:
        return pickle.load(opened)  # noqa: S301 - asked for, and in a container


def _path(file: Path, _: str, __: Sequence[str]) -> Any:
    return file


_READERS = {
    SKOPS: _skops,
    SAFETENSORS: _safetensors,
    ONNX: _onnx,
    JOBLIB: _joblib,
    PICKLE: _pickle,
    OTHER: _path,
}


def _numbers(text: str) -> tuple[int, ...]:
    numbers = []
    for part in text.split(".")[:2]:
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
