from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.reproduce.compare import counterpart, row, rows
from devbox.reproduce.records import EXACT, GONE, OFF, WITHIN
from devbox.runs.records import RunRecord

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("recorded", "now", "state"),
    [
        (1.0, 1.0, EXACT),
        (NAN, NAN, EXACT),
        (INF, INF, EXACT),
        (0.0, -0.0, EXACT),
        (1.0, 1.0 + 1e-9, WITHIN),
        (1.0, 1.01, OFF),
        (0.0, 1e-300, OFF),
        (1e308, -1e308, OFF),
        (INF, -INF, OFF),
        (NAN, 1.0, OFF),
        (1.0, INF, OFF),
        (1.0, None, GONE),
    ],
)
def test_one_metric(recorded: float, now: float | None, state: str) -> None:
    assert row("m", recorded, now, 1e-6).state == state


@given(st.floats(), st.floats() | st.none(), st.floats(min_value=0, max_value=2))
def test_any_metric(recorded: float, now: float | None, tolerance: float) -> None:
    found = row("m", recorded, now, tolerance)
    assert found.ok == (found.state in {EXACT, WITHIN})
    if now is not None:
        assert row("m", now, recorded, tolerance).state == found.state
        assert row("m", now, now, 0.0).state == EXACT
    if found.difference is not None:
        assert 0 <= found.difference <= 2


def test_which_metrics() -> None:
    recorded = {"loss": 1.0, "system/cpu": 3.0, "time/fit": 5.0}
    now = {"loss": 1.0, "more": 1.0, "time/fit": 7.0}
    assert [each.key for each in rows(recorded, now)] == ["loss", "time/fit"]
    assert [each.key for each in rows(recorded, now, ignored=["time/*"])] == ["loss"]


def _run(id_: str, name: str = "", lr: str = "") -> RunRecord:
    return RunRecord(
        id=id_,
        parent="",
        experiment="",
        name=name,
        status="succeeded",
        started=0.0,
        ended=1.0,
        user="",
        host="",
        box="",
        error="",
        params={"lr": lr},
    )


def test_the_counterpart() -> None:
    """What registered the model stands for the original, else what was called the same."""
    tree = [_run("0", "sweep"), _run("1", "trial", "0.1"), _run("2", "trial", "0.2")]
    original = _run("x", "trial", "0.2")
    assert counterpart(original, tree, ["1"]).id == "1"
    assert counterpart(original, tree, []).id == "2"
    assert counterpart(None, tree, []).id == "0"
    assert counterpart(_run("x", "other"), tree, []).id == "0"
