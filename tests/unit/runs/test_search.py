"""The search language: what it means, and what it says of what it can't read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import UsageError
from devbox.runs.search import query


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > 0.9 and tags.task = 'fraud'",
        "not (status = 'failed' or status = 'lost')",
        "params.lr <= 1e-3",
        "metrics.`val loss` < 1",
        'tags.mlflow.user = "o\'hara"',
        "name ilike '%net%'",
        "status in ('failed', 'lost')",
        "started > '12h' and ended < '2026-11-22 10:00'",
        "metrics.train/loss >= -.5",
    ],
)
def test_these_are_understood(text: str) -> None:
    asked = query(text)
    assert asked.where.count("?") == len(asked.values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auc > 0.9", "there is no such field"),
        ("metrics.auc >", "a number or a text in quotes"),
        ("metrics.auc > 'high'", "compared with numbers"),
        ("metrics.auc 0.9", "a comparison"),
        ("(metrics.auc > 1", r"'\)' was expected"),
        ("metrics.auc > 1 tags.x = 'y'", "'and' or 'or'"),
        ("name = 'x", "not understood"),
        ("status = 'a'; drop table runs", "not understood"),
        ("started > 'yesterday'", "is no time"),
        ("status in ()", "a number or a text"),
        ("(" * 60 + "name = 'x'" + ")" * 60, "too many brackets"),
    ],
)
def test_these_are_not(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        query(text)
    if caught.value.detail:
        assert caught.value.detail[1].endswith("^")


@pytest.mark.parametrize("order", ["size", "metrics", "drop table"])
def test_there_is_no_such_order(order: str) -> None:
    with pytest.raises(UsageError, match="sorted by"):
        query("", order)


@given(st.text(max_size=60) | st.text("metrics.auc>0.9 andort()'\"`,<=!in", max_size=60))
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    try:
        asked = query(text)
    except UsageError:
        return
    # Nothing of the text reaches the SQL, only values do.
    assert asked.where.count("?") == len(asked.values)
    assert "'" not in asked.where
