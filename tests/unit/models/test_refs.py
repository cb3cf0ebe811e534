"""How versions are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import UsageError
from devbox.models.refs import MOST, Ref, checked_alias, parse


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("churn", Ref("churn")),
        ("churn@latest", Ref("churn", exact=True)),
        ("churn@3", Ref("churn", number=3, exact=True)),
        ("churn@champion", Ref("churn", alias="champion", exact=True)),
        (" a.b_c-1@x.1 ", Ref("a.b_c-1", alias="x.1", exact=True)),
        ("churn@" + 50 * "9", Ref("churn", number=MOST, exact=True)),
    ],
)
def test_references(text: str, ref: Ref) -> None:
    assert parse(text) == ref


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@3",
        "a/b",
        "../a",
        "churn@",
        "churn@a@b",
        "churn@a b",
        "-x",
        "a\n",
        "ä",
        101 * "a",
        "c@٣",
    ],
)
def test_no_references(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text + "x" if text == "a\n" else text)


@pytest.mark.parametrize("alias", ["3", "latest", "", "a@b", "a/b", ".a"])
def test_no_aliases(alias: str) -> None:
    with pytest.raises(UsageError):
        checked_alias(alias)


@given(st.text(max_size=40) | st.from_regex(r"[a-z@0-9.]{0,20}"))
def test_any_text_is_a_reference_that_is_written_the_same_or_an_error(text: str) -> None:
    try:
        ref = parse(text)
    except UsageError:
        return
    assert parse(str(ref)) == ref
