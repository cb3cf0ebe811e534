"""The checklist, for whatever stands in the slots."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import UsageError
from devbox.journal.slots import DEEPEST, SLOTS, checked_slots
from devbox.models.content import Given, content_of
from devbox.models.facts import facts
from devbox.models.records import ModelFile, ModelVersion
from devbox.models.slots import MISSING, PARTIAL, RECORDED, checklist, recorded
from tests.unit.models import whole

FILES = (ModelFile("parameters", "model.skops", 64 * "a", 7),)


def states(slots: Any, files: Any = (), tags: Any = None) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = checklist(slots, files, tags or {})
    return {each.slot: (each.state, each.lacks) for each in found}


def test_a_whole_version_has_all_eight() -> None:
    found = states(whole.SLOTS, FILES, whole.TAGS)
    assert list(found) == list(SLOTS)
    assert set(found.values()) == {(RECORDED, ())}


def test_nothing_is_missing_everywhere() -> None:
    assert {state for state, _ in states({}).values()} == {MISSING}


@pytest.mark.parametrize(
    ("slot", "content", "lacks"),
    [
        ("definition", {"framework": "pytorch"}, ("class",)),
        ("functions", {"predict": "m:predict"}, ("example",)),
        ("functions", {"example": {"input": "x"}}, ("predict",)),
        ("dependencies", {"packages": {"numpy": "2"}}, ("image or lock",)),
        ("dependencies", {"lock": "devbox.lock"}, ("packages",)),
        ("data", {"inputs": [{"name": "customers"}]}, ("an input with version or digest",)),
        ("generation", {"command": ["python"]}, ("split", "hyperparameters")),
        ("experiment", {"metrics": {"auc": "high"}}, ("a metric",)),
        ("experiment", {"metrics": {"auc": True}}, ("a metric",)),
    ],
)
def test_what_is_half_there_says_what_lacks(
    slot: str, content: dict[str, Any], lacks: tuple[str, ...]
) -> None:
    assert states({slot: content})[slot] == (PARTIAL, lacks)


def test_a_file_that_never_came_is_lacking() -> None:
    gone = ModelFile("parameters", "gone.bin", "", 0)
    assert states({}, (gone,))["parameters"] == (MISSING, ("a file", "file gone.bin"))
    assert states({}, (gone, *FILES))["parameters"] == (PARTIAL, ("file gone.bin",))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = st.sampled_from(["inputs", "metrics", "example", "predict", "packages", "split", "plots"])
keys |= st.sampled_from(["layers", "command", "commit", "hyperparameters", "signature", "search"])
keys |= st.sampled_from(["parameters", "experiments", "name", "version", "class", "framework"])


@given(
    st.dictionaries(st.sampled_from(SLOTS), st.dictionaries(keys, json_values, max_size=5)),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_whatever_stands_in_a_slot_is_shown(
    slots: dict[str, dict[str, Any]], tags: dict[str, str]
) -> None:
    content = content_of(Given(checked_slots(slots), FILES), None)
    found = recorded(content.slots, content.files)
    assert set(found) <= set(SLOTS)
    version = ModelVersion(
        *("m", 1, "", 0.0, "", "", "", tags, (), False, found, content.metrics),
        params=content.params,
        slots=content.slots,
        files=content.files,
    )
    assert all(isinstance(line, str) for line in facts(version).values())
    from devbox.models.card import card
    from devbox.models.compare import comparison
    from devbox.models.lineage import dot, lineage, tree
    from devbox.models.records import Model

    assert card(version, Model("m", 0.0, "", {}, {}, 1, 1)).startswith("---\n")
    assert comparison([version, version]).rows == ()
    graph = lineage(version, ())
    assert tree(graph)
    assert dot(graph).endswith("}")


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    ("slots", "says"),
    [
        ({"weights": {}}, "no slot 'weights'"),
        ({"data": []}, "holds a table, not list"),
        ([], "Slots are a table"),
        ({"data": {"a": nested(DEEPEST + 1)}}, "nests at most"),
    ],
)
def test_what_no_slot_holds(slots: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        checked_slots(slots)


def test_values_of_other_libraries_become_plain() -> None:
    np = pytest.importorskip("numpy")
    found = checked_slots(
        {"data": {"n": np.float64(0.5), "k": np.int64(3), "t": (1, 2), 1: "\ud800"}}
    )
    assert found == {"data": {"n": 0.5, "k": 3, "t": [1, 2], "1": "?"}}
    assert type(found["data"]["k"]) is int
