from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devbox.config.keys import BOX
from devbox.config.merge import Layer, check, exclusive, extended, merge
from devbox.config.source import Source
from devbox.config.spec import Port
from devbox.config.values import distribution


def layer(name: str, **table: Any) -> Layer:
    source = Source(name, Path("/project"))
    checked = check(table, source)
    assert source.problems == []
    return checked


def test_the_strongest_wins_and_tables_merge_by_key() -> None:
    project = layer("project", python="3.12", env={"A": "1"}, resources={"cpus": 2})
    profile = layer("profile", python="3.11", env={"A": "2", "B": "2"}, resources={"memory": "1g"})
    merged = merge([project, profile])
    assert merged["python",].value == "3.12"
    assert [source.layer for source in merged["python",].sources] == ["project", "profile"]
    assert {place[1]: m.value for place, m in merged.items() if place[0] == "env"} == {
        "A": "1",
        "B": "2",
    }
    assert merged["resources", "memory"].value == 1 << 30


def test_lists_are_extended_and_the_same_thing_is_replaced() -> None:
    project = layer("project", pip=["NumPy==1.26", "rich"], ports=["9000:8888"], apt=["vim=2"])
    profile = layer("profile", pip=["numpy>=2", "polars"], ports=[8888, 6006], apt=["vim", "git"])
    merged = merge([project, profile])
    assert merged["pip",].value == ("polars", "NumPy==1.26", "rich")
    assert merged["ports",].value == (Port(6006), Port(8888, 9000))
    assert merged["apt",].value == ("git", "vim=2")


def test_one_of_profile_image_and_build_remains() -> None:
    layers = [layer("a", pip=["x"]), layer("b", image="x"), layer("c", profile="python")]
    kept = merge(exclusive(layers))
    assert set(kept) == {("pip",), ("image",)}


PACKAGES = st.lists(st.sampled_from(["a", "b", "B>1", "a==2", "c.d", "c-d"]), max_size=4)


@given(st.lists(PACKAGES, max_size=4))
def test_every_package_has_one_layer_and_it_is_the_strongest(lists: list[list[str]]) -> None:
    result = extended(BOX["pip"], lists)
    for package in {distribution(line) for each in lists for line in each}:
        strongest = next(each for each in lists if package in map(distribution, each))
        expected = dict.fromkeys(line for line in strongest if distribution(line) == package)
        assert [line for line in result if distribution(line) == package] == list(expected)


@given(st.lists(st.dictionaries(st.sampled_from("ABC"), st.sampled_from("123")), max_size=4))
def test_a_keys_value_is_the_strongest_layers(tables: list[dict[str, str]]) -> None:
    merged = merge([layer(str(index), env=table) for index, table in enumerate(tables)])
    expected: dict[str, str] = {}
    for table in reversed(tables):
        expected |= table
    assert {place[1]: found.value for place, found in merged.items()} == expected
    for place, found in merged.items():
        first = next(str(index) for index, table in enumerate(tables) if place[1] in table)
        assert found.sources[0].layer == first
