"""Versions found by what they are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import UsageError
from devbox.models import Models
from devbox.models.fields import VERSIONS
from devbox.runs.search import query


@pytest.fixture
def filled(models: Models) -> Models:
    for number, auc in enumerate((0.91, 0.95, math.nan, 0.5), 1):
        models.register(
            "churn" if number < 4 else "other",
            slots={
                "experiment": {"metrics": {"auc": auc}},
                "generation": {"hyperparameters": {"lr": 0.1 * number, "kind": "net"}},
            },
            tags={"task": "fraud" if number % 2 else "churn"},
            created=1_700_000_000 + number,
            user="ada" if number == 1 else "bob",
            description=f"number {number}",
        )
    models.tag("other", {"team": "growth"})
    models.set_alias("churn@2", "champion")
    models.set_alias("churn@2", "best")
    return models


@pytest.mark.parametrize(
    ("where", "order", "found"),
    [
        ("", "", ["other@1", "churn@3", "churn@2", "churn@1"]),
        ("metrics.auc > 0.9", "metrics.auc desc", ["churn@2", "churn@1"]),
        ("metrics.auc > 0.9 and tags.task = 'fraud'", "", ["churn@1"]),
        ("", "metrics.auc desc", ["churn@2", "churn@1", "other@1", "churn@3"]),
        ("params.lr < 0.25 and params.kind = 'net'", "params.lr", ["churn@1", "churn@2"]),
        ("alias = 'champion'", "", ["churn@2"]),
        ("alias in ('champion', 'best')", "", ["churn@2"]),
        ("not alias = 'champion' and name = 'churn'", "version", ["churn@1", "churn@3"]),
        ("version >= 2", "version desc", ["churn@3", "churn@2"]),
        ("version in (1, 3)", "", ["other@1", "churn@3", "churn@1"]),
        ("name like 'oth%' or user = 'ada'", "", ["other@1", "churn@1"]),
        ("tags.team = 'growth'", "", ["other@1"]),
        ("created < '2023-11-14 22:13:22.5'", "", ["churn@2", "churn@1"]),
        ("description like '%3'", "", ["churn@3"]),
        ("run = ''", "name desc", ["other@1", "churn@3", "churn@2", "churn@1"]),
        ("", "tags.team", ["other@1", "churn@3", "churn@2", "churn@1"]),
    ],
)
def test_what_is_asked_is_found(filled: Models, where: str, order: str, found: list[str]) -> None:
    assert [each.ref for each in filled.ls(where, order_by=order)] == found


def test_the_newest_few_of_one_model(filled: Models) -> None:
    assert [each.ref for each in filled.ls(name="churn", limit=2)] == ["churn@3", "churn@2"]
    found = filled.ls("metrics.auc > 0", order_by="metrics.auc", name="churn")
    assert [each.ref for each in found] == ["churn@1", "churn@2"]


@pytest.mark.parametrize(
    ("where", "order", "says"),
    [
        ("version = 'x'", "", "version is compared with numbers"),
        ("status = 'failed'", "", "no such field"),
        ("", "alias", "Model versions have no 'alias' to be sorted by"),
        ("", "status", "sorted by"),
    ],
)
def test_what_is_no_question(models: Models, where: str, order: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        models.ls(where, order_by=order)
    if "field" in says or "sorted" in says:
        assert "alias" in caught.value.hint


@given(st.text("metrics.aucversionalias >0.9and()'`,=in", max_size=60))
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    try:
        asked = query(text, fields=VERSIONS)
    except UsageError:
        return
    assert asked.where.count("?") == len(asked.values)
    assert "'" not in asked.where
