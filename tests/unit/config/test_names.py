from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.config.names import LONGEST, clip, is_name, safe_name


@pytest.mark.parametrize("name", ["a", "box", "my-box-2", "2x", "a" * 40])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "A", "a b", "a/b", "..", "a_b", "a.b", "ä", "a" * 41, "a" * 300, "a\n", "a\0"],
)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("My Project.v2", "my-project-v2"), ("Über", "uber"), ("日本", "box"), ("../..", "box")],
)
def test_the_nearest_name(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(st.text(max_size=400))
def test_every_text_has_a_name(text: str) -> None:
    assert is_name(safe_name(text))
    assert len(safe_name(text)) <= LONGEST
    assert safe_name(safe_name(text)) == safe_name(text)


@given(st.text() | st.integers() | st.lists(st.text()))
def test_a_clipped_value_is_one_short_line(value: object) -> None:
    assert clip(value).isprintable() or not isinstance(value, str)
    assert len(clip("x" * 10_000)) < 100
