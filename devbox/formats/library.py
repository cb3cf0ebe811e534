"""Other people's libraries: recognised without importing them, imported only where needed."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Any

from devbox.errors import DevboxError

PACKAGES = {"sklearn": "scikit-learn", "skops": "skops", "onnx": "onnx"}
"""What a module's package is called where it is installed from, if not like the module."""


def need(module: str) -> Any:
    """A module of a library. Raises DevboxError where it is not installed."""
    top = module.partition(".")[0]
    package = PACKAGES.get(top, top)
    try:
        return import_module(module)
    except ImportError as error:
        raise DevboxError(
            f"{package} can't be imported here: {error}.",
            hint=f"Add {package} to the packages of this box or environment.",
        ) from error


def classes(value: Any) -> tuple[str, ...]:
    """The full names of a value's class and all that it descends from, nearest first."""
    return tuple(f"{each.__module__}.{each.__qualname__}" for each in type(value).__mro__)


def is_a(value: Any, *names: str) -> bool:
    """Whether a value is of a class of one of these full names, or of a descendant."""
    return not set(names).isdisjoint(classes(value))


def version(package: str) -> str:
    """The installed version of a package, "" where it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def is_estimator(value: Any) -> bool:
    """Whether a value is an estimator in the way of scikit-learn."""
    return is_a(value, "sklearn.base.BaseEstimator")


def is_module(value: Any) -> bool:
    """Whether a value is a module of PyTorch."""
    return is_a(value, "torch.nn.modules.module.Module")


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    return is_a(value, "torch.Tensor")


def is_array(value: Any) -> bool:
    """Whether a value is an array of numpy."""
    return is_a(value, "numpy.ndarray")


def is_number(value: Any) -> bool:
    """Whether a value is a single number or flag of numpy."""
    return is_a(value, "numpy.generic")


def is_onnx(value: Any) -> bool:
    """Whether a value is a model of ONNX."""
    return is_a(value, "onnx.onnx_ml_pb2.ModelProto", "onnx.onnx_pb2.ModelProto")


def is_pandas(value: Any) -> bool:
    """Whether a value is a frame or a series of pandas."""
    return is_a(value, *PANDAS)


def is_polars(value: Any) -> bool:
    """Whether a value is a frame or a series of polars."""
    return is_a(value, *POLARS)


# pandas 3 says that its classes are at home in `pandas` itself.
PANDAS_FRAME = ("pandas.DataFrame", "pandas.core.frame.DataFrame")
PANDAS_SERIES = ("pandas.Series", "pandas.core.series.Series")
PANDAS = (*PANDAS_FRAME, *PANDAS_SERIES)
POLARS_FRAME = ("polars.dataframe.frame.DataFrame",)
POLARS_SERIES = ("polars.series.series.Series",)
POLARS = (*POLARS_FRAME, *POLARS_SERIES)
