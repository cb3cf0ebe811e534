"""What goes in and comes out is told from an example, and checked."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given

from devbox.errors import UsageError
from devbox.formats import signature
from tests.unit.formats.test_values import plain

ROWS = [{"age": 3, "name": "a"}, {"age": 3.5, "name": None, "extra": 1}]
FRAME = pd.DataFrame({"age": [1.0, 2.0], "name": ["a", "b"]})
EXAMPLES = [
    ROWS,
    {"age": 3, "tags": ["a", "b"]},
    [1.0, 2.0],
    [[1.0, 2.0], [3.0, 4.0]],
    "text",
    3,
    None,
    np.zeros((2, 3), np.float32),
    np.float64(3),
    FRAME,
    FRAME["age"],
    pl.DataFrame({"age": [1], "name": ["a"]}),
    pl.Series([1.0]),
]


def fields(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = signature.inferred(value, None)["inputs"]
    return found


def problem(example: Any, value: Any) -> str:
    try:
        signature.check(signature.inferred(example, None), value)
    except UsageError as error:
        return error.message
    return ""


def test_rows_have_the_fields_of_all_of_them() -> None:
    assert fields(ROWS) == [
        {"name": "age", "type": "float", "shape": []},
        {"name": "name", "type": "text", "shape": []},
        {"name": "extra", "type": "int", "shape": [], "optional": True},
    ]


def test_the_number_of_rows_is_free_and_their_width_is_not() -> None:
    assert fields(np.zeros((2, 3), np.float32))[0] == {
        "name": "",
        "type": "float",
        "shape": [-1, 3],
    }
    assert fields([[1, 2.0], [3, 4]])[0] == {"name": "", "type": "float", "shape": [-1, 2]}
    assert fields([[1], [3, 4]])[0]["shape"] == [-1, -1]
    assert fields(FRAME) == [
        {"name": "age", "type": "float", "shape": [-1]},
        {"name": "name", "type": "text", "shape": [-1]},
    ]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_example_fits_itself_and_nothing_of_another_kind(value: Any) -> None:
    said = json.loads(json.dumps(signature.inferred(value, value)))
    signature.check(said, value)
    signature.check(said, value, output=True)
    others = [each for each in EXAMPLES if type(each) is not type(value)]
    for other in others:
        if {type(value), type(other)} <= {int, float, type(None), str, np.float64}:
            continue  # single values, with no kind of their own
        with pytest.raises(UsageError, match=r"The input of the model is|does not fit the model"):
            signature.check(said, other)


@given(plain)
def test_any_value_fits_its_own_signature(value: Any) -> None:
    assert problem(value, value) == ""


@pytest.mark.parametrize(
    ("example", "value", "told"),
    [
        (ROWS, [{"age": 1, "name": "b"}], ""),
        (ROWS, [], ""),
        (ROWS, [{"age": 1}], "name is missing"),
        (ROWS, [{"age": 1, "name": "a"}, {"age": 1}], "name is missing in some rows"),
        (ROWS, [{"age": "x", "name": "b"}], "age is text, not float"),
        (ROWS, [{"age": 1, "name": "b", "more": 2}], "more is not known"),
        (ROWS, {"age": 1, "name": "b"}, "is a list of rows (dicts), not a row (a dict)"),
        (ROWS, 3, "not a single value: 3"),
        ([1, 2], [1.5], "it is float, not int"),
        ([1.5], [1, True], ""),
        ([[1, 2]], [[1, 2, 3]], "it has the shape [-1, 3], not [-1, 2]"),
        (np.zeros((2, 3)), np.zeros((9, 3), int), ""),
        (np.zeros((2, 3)), np.zeros((9, 4)), "it has the shape [-1, 4], not [-1, 3]"),
        (np.zeros((2, 3)), np.zeros(3), "it has the shape [-1], not [-1, 3]"),
        (np.zeros((2, 3)), [[1.0, 2.0, 3.0]], "is an array of numpy, not a list"),
        (np.zeros(2, int), np.zeros(2), "it is float, not int"),
        (FRAME, FRAME[["age"]], "name is missing"),
        (FRAME, FRAME.assign(age="x"), "age is text, not float"),
        (FRAME, pl.DataFrame({"age": [1.0]}), "a frame of pandas, not a frame of polars"),
        ("a", 3, "it is int, not text"),
        (None, 3, ""),
    ],
)
def test_what_does_not_fit_is_told(example: Any, value: Any, told: str) -> None:
    found = problem(example, value)
    assert told in found
    assert bool(told) == bool(found)


def test_what_was_written_by_somebody_else_is_no_trouble() -> None:
    for said in ({}, {"inputs": 3}, {"input": "rows", "inputs": [3, {}]}, {"input": "x"}):
        with suppress(UsageError):
            signature.check(said, ROWS)
