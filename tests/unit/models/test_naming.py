"""Aliases, tags, descriptions, policies, and what is removed."""

from __future__ import annotations

import pytest

from devbox.api import Devbox
from devbox.errors import Refused, UsageError
from devbox.models import Models
from tests.unit.models import whole


@pytest.fixture
def models(models: Models) -> Models:
    models.register("churn")
    models.register("churn", slots=whole.SLOTS, tags=whole.TAGS)
    return models


def happened(door: Devbox, kind: str) -> list[dict[str, object]]:
    return [dict(event.data) for event in door.state.events.ls(subject="model/churn", kind=kind)]


def test_an_alias_moves_and_says_what_it_was(door: Devbox, models: Models) -> None:
    assert models.set_alias("churn@1", "champion").before is None
    moved = models.set_alias("churn", "champion")
    assert (moved.version, moved.before) == (2, 1)
    assert models.set_alias("churn@champion", "champion").before == 2
    assert models.get("churn@champion").version == 2
    assert models.get("churn@2").aliases == ("champion",)
    assert models.get("churn@1").aliases == ()
    assert happened(door, "model.alias") == [
        {"alias": "champion", "version": 1},
        {"alias": "champion", "version": 2, "before": 1},
    ]
    assert models.remove_alias("churn", "champion") == 2
    with pytest.raises(UsageError, match="no alias champion"):
        models.get("churn@champion")
    with pytest.raises(UsageError, match="no alias champion"):
        models.remove_alias("churn", "champion")


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("churn@3", "has no version 3"),
        ("churn@0", "has no version 0"),
        ("churn@" + 30 * "9", "has no version"),
        ("churn@challenger", "has no alias challenger"),
        ("fraud@1", "No model fraud"),
        ("fraud", "No model fraud"),
    ],
)
def test_what_is_not_there_gets_no_alias(models: Models, ref: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        models.set_alias(ref, "champion")
    with pytest.raises(UsageError, match=says):
        models.get(ref)
    assert models.model("churn").aliases == {}


@pytest.mark.parametrize("of", ["churn", "*"])
def test_a_policy_refuses_what_is_not_recorded(models: Models, of: str) -> None:
    models.set_policy(of, "champion", ["definition", "tags"])
    with pytest.raises(Refused, match="not recorded are definition, tags") as caught:
        models.set_alias("churn@1", "champion")
    assert caught.value.exit_code == 4
    models.set_alias("churn@1", "challenger")
    models.set_alias("churn@2", "champion")
    models.set_policy(of, "champion", [])
    assert models.policies() == ()
    models.set_alias("churn@1", "champion")


def test_policies_of_a_model_and_of_all_add_up(models: Models) -> None:
    models.set_policy("*", "champion", ["data"])
    models.set_policy("churn", "champion", ["tags"])
    with pytest.raises(Refused, match="not recorded are data, tags"):
        models.set_alias("churn@1", "champion")
    with pytest.raises(UsageError, match="no slot"):
        models.set_policy("churn", "champion", ["weights"])
    with pytest.raises(UsageError, match="no name"):
        models.set_policy("a/b", "champion", ["data"])


def test_tags_of_a_model_are_those_of_its_versions(door: Devbox, models: Models) -> None:
    models.tag("churn", {"team": "growth", "task": "churn"})
    models.tag("churn@1", {"owner": "bob"})
    assert models.get("churn@1").tags == {"team": "growth", "task": "churn", "owner": "bob"}
    assert models.get("churn@2").tags == {"team": "growth", "task": "fraud", "owner": "ada"}
    assert "tags" in models.get("churn@1").recorded
    with pytest.raises(UsageError, match="no tag team of its own"):
        models.untag("churn@1", ["team"])
    models.untag("churn", ["team"])
    assert models.model("churn").tags == {"task": "churn"}
    models.tag("churn@latest", {"owner": "eve"})
    assert happened(door, "model.tag")[-1] == {
        "version": 2,
        "tags": {"owner": "eve"},
        "before": {"owner": "ada"},
    }


def test_descriptions(door: Devbox, models: Models) -> None:
    models.describe("churn", "who leaves")
    models.describe("churn@1", "first")
    assert models.model("churn").description == "who leaves"
    assert models.get("churn@1").description == "first"
    assert models.get("churn@2").description == ""
    assert len(happened(door, "model.describe")) == 2


def test_what_has_an_alias_stays(door: Devbox, models: Models) -> None:
    models.set_alias("churn@1", "champion")
    for ref in ("churn@1", "churn@champion", "churn"):
        with pytest.raises(Refused, match="churn@1 is champion"):
            models.rm(ref)
    assert models.rm("churn@2").versions == (2,)
    assert models.rm("churn@champion", force=True).aliases == {"champion": 1}
    assert models.model("churn").versions == 0
    assert models.register("churn").version == 3
    plan = models.plan_rm("churn")
    assert (plan.whole, plan.versions) == (True, (3,))
    assert models.rm("churn") == plan
    assert models.models() == ()
    assert models.names() == []
    assert len(happened(door, "model.removed")) == 3
    for ref in ("churn", "churn@1"):
        with pytest.raises(UsageError, match="No model churn"):
            models.rm(ref)


def test_names_for_completion(models: Models) -> None:
    models.set_alias("churn@1", "champion")
    assert models.names() == ["churn", "churn@1", "churn@2", "churn@champion"]
