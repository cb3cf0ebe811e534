"""Values are kept exactly, and read back as data and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import DevboxError, UsageError
from devbox.formats import values
from devbox.formats.compare import difference

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda each: (
        st.lists(each)
        | st.tuples(each, each)
        | st.dictionaries(st.text() | st.integers(), each)
        | st.dictionaries(st.sampled_from(["$array", "$number", "a"]), each)
    ),
    max_leaves=20,
)


def back(value: Any) -> Any:
    return values.loaded(values.dumped(value))


@given(plain)
def test_python_values_come_back(value: Any) -> None:
    assert repr(back(value)) == repr(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int8).reshape(2, 3),
        np.array([1.5, math.nan, math.inf], np.float32),
        np.array(2.5),
        np.zeros((0, 4)),
        np.array(["a", "bcd"]),
        np.array([b"a", b"bc"]),
        np.array([1 + 2j]),
        np.array([True, False]),
        np.array(["2026-01-01"], "datetime64[D]"),
        np.array([1, "a", None], object),
        np.arange(3, dtype=">i4"),
    ],
)
def test_arrays_come_back(array: Any) -> None:
    found = back(array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


def test_single_numbers_of_numpy_come_back() -> None:
    found = back({"a": np.float32(1.5), "b": np.int64(3)})
    assert (type(found["a"]), type(found["b"])) == (np.float32, np.int64)


def test_frames_of_pandas_come_back() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [0.5, None],
            "s": ["a", None],
            "t": pd.to_datetime(["2026-01-01", None]),
            "z": pd.to_datetime(["2026-01-01T10:00", "2026-01-02"], format="ISO8601", utc=True),
            "d": pd.to_timedelta(["1 day", "2h"]),
            "c": pd.Categorical(["u", "v"]),
            "b": pd.array([True, None], dtype="boolean"),
            "i": pd.array([1, None], dtype="Int64"),
        }
    )
    pd.testing.assert_frame_equal(back(frame), frame)
    other = frame[["n"]].set_index(pd.Index([7, 9]))
    pd.testing.assert_frame_equal(back(other), other)
    series = frame["x"]
    pd.testing.assert_series_equal(back(series), series)
    empty = pd.DataFrame(index=range(3))
    assert len(back(empty)) == 3


def test_frames_of_polars_come_back() -> None:
    frame = pl.DataFrame(
        {
            "n": pl.Series([1, None], dtype=pl.Int16),
            "x": [0.5, math.inf],
            "s": ["a", None],
            "d": [dt.date(2026, 1, 1), None],
            "t": [dt.datetime(2026, 1, 1, 10, 30, 0, 5), None],  # noqa: DTZ001 - as it comes
            "b": [True, None],
        }
    )
    zoned = frame.with_columns(pl.col("t").dt.replace_time_zone("UTC").alias("z"))
    for each in (frame, zoned):
        found = back(each)
        assert found.equals(each)
        assert found.schema == each.schema
    assert back(frame["s"]).equals(frame["s"])


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"a": {1, 2}},
        np.array([(1, 2.0)], dtype="i4,f4"),
        np.array([object()], object),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pl.DataFrame({"a": [[1, 2]]}),
    ],
)
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(UsageError):
        values.dumped(value)


def test_a_value_that_holds_itself() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UsageError, match="nests too deeply"):
        values.dumped(value)


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "LARGEST", 1000)
    with pytest.raises(UsageError, match="at most 1000"):
        values.dumped(list(range(1000)))
    with pytest.raises(DevboxError, match="too large"):
        values.loaded(b" " * 1001)


@pytest.mark.parametrize(
    "said",
    [
        {"$eval": "1"},
        {"$number": "1"},
        {"$array": {"dtype": "O", "shape": [1], "values": ["a"]}},
        {"$array": {"dtype": "i4,f4", "shape": [1], "values": [1]}},
        {"$array": {"dtype": "i4", "shape": [10**15], "values": [1]}},
        {"$array": {"dtype": "no", "shape": [1], "values": [1]}},
        {"$array": {"dtype": "f8", "shape": [1], "values": {"$bytes": "AA=="}}},
        {"$array": 3},
        {"$bytes": "*"},
        {"$dict": [[[], 1]]},
        {"$pandas": {"columns": [["a", "object.__subclasses__", [1]]], "index": None}},
        {"$polars": [["a", "from_repr", [1]]]},
    ],
)
def test_hostile_values_are_errors(said: Any) -> None:
    with pytest.raises(DevboxError):
        values.loaded(json.dumps(said).encode())


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_value_or_an_error(content: bytes) -> None:
    with suppress(DevboxError):
        values.loaded(content)


def test_deep_nesting_is_an_error() -> None:
    with pytest.raises(DevboxError):
        values.loaded(b"[" * 100_000 + b"]" * 100_000)


@given(plain)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert difference(value, back(value)) == ""


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        (1.0, 1.0 + 1e-9, ""),
        (1e9, 1e9 + 10, ""),
        (1.0, 1.1, "expected 1.0, got 1.1"),
        (math.nan, 0.0, "expected nan, got 0.0"),
        (math.inf, 1e308, "expected inf, got 1e+308"),
        (10**9, 10**9 + 1, "expected 1000000000, got 1000000001"),
        (True, 1, "expected True, got 1"),
        ("a", "b", "expected 'a', got 'b'"),
        ([1, 2], [1, 3], "[1]: expected 2, got 3"),
        ([1, 2], [1], "(its length): expected 2, got 1"),
        ({"a": [1]}, {"a": [2]}, "['a'][0]: expected 1, got 2"),
        ({"a": 1}, {"b": 1}, "(its keys): expected ['a'], got ['b']"),
        (np.array([1.0, 2.0]), [1.0, 2.0], ""),
        (np.array([1.0]), np.array([1.5]), "[0]: expected 1.0, got 1.5"),
        (pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), ""),
        (pd.Series([1.0]), pd.Series([2.0]), "[0]: expected 1.0, got 2.0"),
        ((1, 2), [1, 2], ""),
        (None, 0, "expected None, got 0"),
    ],
)
def test_differences_are_told(expected: Any, found: Any, told: str) -> None:
    assert difference(expected, found) == told
