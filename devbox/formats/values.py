"""Values as JSON and back, exactly: numbers and texts, arrays, frames, and lists and dicts of
them. What is read is data, whoever wrote it: nothing in it names code.

A value that JSON has no form for is a table with one key that begins with ``$``.
"""

from __future__ import annotations

import base64
import json
import math
import reprlib
from collections.abc import Mapping
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.formats.library import (
    PANDAS_FRAME,
    PANDAS_SERIES,
    POLARS_FRAME,
    POLARS_SERIES,
    is_a,
    need,
)

LARGEST = 64 << 20
"""Bytes of one value as JSON."""
DEEPEST = 100
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_KINDS = "biufcSUmM"
"""Kinds of arrays that are data: no objects, no records."""


def dumped(value: Any) -> bytes:
    """A value as JSON. Raises UsageError for what is none that can be kept, or is too large."""
    try:
        text = json.dumps(
            encoded(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except RecursionError:
        raise UsageError("A value that holds itself can't be kept.") from None
    content = text.encode("utf-8", "surrogatepass")
    if len(content) > LARGEST:
        raise UsageError(
            f"The value is {len(content)} bytes; an example has at most {LARGEST}.",
            hint="A few rows are enough.",
        )
    return content


def loaded(content: bytes) -> Any:
    """The value of :func:`dumped`. Raises DevboxError where it is none."""
    if len(content) > LARGEST:
        raise DevboxError(f"A value of {len(content)} bytes is too large.")
    try:
        return decoded(json.loads(content.decode("utf-8", "surrogatepass")))
    except DevboxError:
        raise
    except Exception as error:
        raise DevboxError(
            f"The recorded value can't be read: {type(error).__name__}: {str(error)[:200]}"
        ) from error


def encoded(value: Any, depth: int = 0) -> Any:
    """A value in JSON's types."""
    if depth > DEEPEST:
        raise UsageError("The value nests too deeply to be kept.")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) else {"$number": repr(number)}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: encoded(each, depth + 1) for key, each in value.items()}
        pairs = [[encoded(k, depth + 1), encoded(v, depth + 1)] for k, v in value.items()]
        return {"$dict": pairs}
    if type(value) is tuple:
        return {"$tuple": [encoded(each, depth + 1) for each in value]}
    if isinstance(value, list):
        return [encoded(each, depth + 1) for each in value]
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    for names, encode in _ENCODERS:
        if is_a(value, *names):
            return encode(value, depth)
    raise UsageError(
        f"A {type(value).__name__} can't be kept as an example: {reprlib.repr(value)}",
        hint="Numbers, text, lists, dicts, arrays of numpy, and frames of pandas and polars can.",
    )


def decoded(value: Any) -> Any:
    """The value that JSON's types stand for."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key,) = value
        if key.startswith("$"):
            decode = _DECODERS.get(key)
            if decode is None:
                raise DevboxError(f"The recorded value has a kind that is not known: {key[:50]}")
            return decode(value[key])
    return {key: decoded(each) for key, each in value.items()}


def _array(value: Any, _: int) -> Any:
    if value.dtype.kind == "O":
        return {"$objects": {"shape": list(value.shape), "values": encoded(value.ravel().tolist())}}
    if value.dtype.kind not in _KINDS or value.dtype.names:
        raise UsageError(f"An array of {value.dtype} can't be kept as an example.")
    flat = value.ravel()
    if value.dtype.kind in "biufU":
        values = encoded(flat.tolist())
    else:
        values = {"$bytes": base64.b64encode(flat.tobytes()).decode()}
    return {"$array": {"dtype": value.dtype.str, "shape": list(value.shape), "values": values}}


def _to_array(said: Any) -> Any:
    numpy = need("numpy")
    dtype = numpy.dtype(str(said["dtype"]))
    if dtype.kind not in _KINDS or dtype.names:
        raise DevboxError(f"The recorded value is an array of {dtype}, which is no data.")
    values = decoded(said["values"])
    shape = [int(side) for side in said["shape"]]
    if isinstance(values, bytes):
        return numpy.frombuffer(values, dtype=dtype).reshape(shape).copy()
    return numpy.array(values, dtype=dtype).reshape(shape)


def _to_objects(said: Any) -> Any:
    numpy = need("numpy")
    values = decoded(said["values"])
    made = numpy.empty(len(values), dtype=object)
    made[:] = values
    return made.reshape([int(side) for side in said["shape"]])


def _scalar(value: Any, depth: int) -> Any:
    return {"$scalar": _array(value.reshape(1), depth)["$array"]}


def _tensor(value: Any, depth: int) -> Any:
    return {"$tensor": _array(value.detach().cpu().numpy(), depth)["$array"]}


def _column(series: Any, depth: int) -> list[Any]:
    """A pandas column's dtype and values; dates as text, what is missing as null."""
    kind = str(series.dtype)
    plain = series.astype("object") if kind != "object" else series
    missing = series.isna().tolist()
    values = [
        None if gone else (each.isoformat() if hasattr(each, "isoformat") else each)
        for each, gone in zip(plain.tolist(), missing)  # noqa: B905 - strict is of Python 3.10
    ]
    if kind.startswith("timedelta"):
        values = [None if each is None else str(each) for each in values]
    return [kind, [encoded(each, depth + 1) for each in values]]


def _pandas(frame: Any, depth: int) -> Any:
    if len(set(frame.columns)) != len(frame.columns):
        raise UsageError("A frame in which two columns have one name can't be kept.")
    columns = [[encoded(name), *_column(frame[name], depth)] for name in frame.columns]
    return {"$pandas": {"columns": columns, "index": _index(frame), "rows": len(frame)}}


def _series(series: Any, depth: int) -> Any:
    said = [encoded(series.name), *_column(series, depth)]
    return {"$series": {"column": said, "index": _index(series)}}


def _index(of: Any) -> Any:
    if type(of.index).__name__ == "RangeIndex" and of.index.start == 0 and of.index.step == 1:
        return None
    return [encoded(each) for each in of.index.tolist()]


def _to_column(kind: str, values: list[Any], index: Any) -> Any:
    pandas = need("pandas")
    known = [decoded(each) for each in values]
    if kind.startswith(("datetime", "timedelta")):
        make = pandas.to_datetime if kind.startswith("datetime") else pandas.to_timedelta
        return pandas.Series(make(known), index=index).astype(kind)
    if kind.startswith("float"):
        known = [math.nan if each is None else each for each in known]
    return pandas.Series(known, dtype=kind, index=index)


def _to_pandas(said: Any) -> Any:
    pandas = need("pandas")
    index = None if said["index"] is None else [decoded(each) for each in said["index"]]
    columns = {decoded(n): _to_column(kind, v, index) for n, kind, v in said["columns"]}
    if not columns:
        return pandas.DataFrame(index=range(int(said["rows"])) if index is None else index)
    return pandas.DataFrame(columns)


def _to_series(said: Any) -> Any:
    name, kind, values = said["column"]
    index = None if said["index"] is None else [decoded(each) for each in said["index"]]
    made = _to_column(kind, values, index)
    made.name = decoded(name)
    return made


def _polars(frame: Any, depth: int) -> Any:
    return {"$polars": [_polars_column(frame[name], depth) for name in frame.columns]}


def _polars_column(series: Any, depth: int) -> Any:
    values = [each.isoformat() if hasattr(each, "isoformat") else each for each in series.to_list()]
    if str(series.dtype).partition("(")[0] not in _POLARS:
        raise UsageError(f"A column of {series.dtype} can't be kept as an example.")
    return [series.name, str(series.dtype), [encoded(each, depth + 1) for each in values]]


_POLARS = frozenset(
    {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
    | {"Float32", "Float64", "Boolean", "String", "Utf8", "Categorical", "Date", "Datetime", "Null"}
)


def _to_polars_column(said: Any) -> Any:
    polars = need("polars")
    name, kind, values = said
    top = kind.partition("(")[0]
    if top not in _POLARS:
        raise DevboxError(f"The recorded value has a column of {kind[:50]}, which is not known.")
    known = [decoded(each) for each in values]
    if top == "Date":
        return polars.Series(name, known, dtype=polars.String).str.to_date()
    if top == "Datetime":
        unit = next((u for u in ("ns", "us", "ms") if f"'{u}'" in kind), "us")
        series = polars.Series(name, known, dtype=polars.String).str.to_datetime(time_unit=unit)
        zone = kind.partition("time_zone=")[2].strip("')\"")
        return series.dt.convert_time_zone(zone) if zone and zone != "None" else series
    return polars.Series(name, known, dtype=getattr(polars, top))


def _to_polars(said: Any) -> Any:
    return need("polars").DataFrame([_to_polars_column(each) for each in said])


def _to_tensor(said: Any) -> Any:
    return need("torch").from_numpy(_to_array(said))


_ENCODERS = (
    (("numpy.ndarray",), _array),
    (("numpy.generic",), _scalar),
    (("torch.Tensor",), _tensor),
    (PANDAS_FRAME, _pandas),
    (PANDAS_SERIES, _series),
    (POLARS_FRAME, _polars),
    (POLARS_SERIES, lambda value, depth: {"$column": _polars_column(value, depth)}),
)
_DECODERS = {
    "$number": lambda said: _NUMBERS[said],
    "$dict": lambda said: {decoded(key): decoded(each) for key, each in said},
    "$tuple": lambda said: tuple(decoded(each) for each in said),
    "$bytes": lambda said: base64.b64decode(said, validate=True),
    "$array": _to_array,
    "$objects": _to_objects,
    "$scalar": lambda said: _to_array(said)[0],
    "$tensor": _to_tensor,
    "$pandas": _to_pandas,
    "$series": _to_series,
    "$polars": _to_polars,
    "$column": _to_polars_column,
}
