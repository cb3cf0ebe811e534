"""Percent-encoding, held against urllib's."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote
from urllib.parse import quote as urllib_quote

from hypothesis import given
from hypothesis import strategies as st

from devbox.compute.engine.quoting import quote, urlencode


@given(st.text(), st.sampled_from(["", "/:@"]))
def test_as_urllib_does(text: str, safe: str) -> None:
    assert quote(text, safe) == urllib_quote(text, safe=safe)
    assert unquote(quote(text, safe)) == text


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_a_query_comes_back(pairs: list[tuple[str, str]]) -> None:
    assert parse_qsl(urlencode(pairs), keep_blank_values=True) == pairs


def test_a_mapping() -> None:
    assert urlencode({"all": 1, "filters": '{"a": ["b c"]}'}) == (
        "all=1&filters=%7B%22a%22%3A%20%5B%22b%20c%22%5D%7D"
    )
