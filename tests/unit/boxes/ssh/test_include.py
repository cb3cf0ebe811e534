"""The Include line in a person's ssh configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.ssh.include import include_line, with_include, without_include

LINE = include_line(Path("/home/me/.local/share/devbox/ssh/config"))


def test_it_is_quoted_and_patterns_match_only_themselves() -> None:
    assert LINE == b'Include "/home/me/.local/share/devbox/ssh/config"'
    assert include_line(Path("/a b/50%/[x]*/ü")) == 'Include "/a b/50?/?x??/ü"'.encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Host *\n  User me\n",
        b"Match all\n  User me\n",
        b"# mine\n\nHost a",
        b"Include other\n",
        b"\xff\xfe not text \x00\n",
    ],
)
def test_it_becomes_the_first_line_and_all_else_stays(text: bytes) -> None:
    made = with_include(text, LINE)
    assert made == LINE + b"\n" + text
    assert with_include(made, LINE) == made
    assert without_include(made, LINE) == text


def test_windows_line_ends_stay() -> None:
    made = with_include(b"Host a\r\n  User me\r\n", LINE)
    assert made == LINE + b"\r\nHost a\r\n  User me\r\n"
    assert without_include(made, LINE) == b"Host a\r\n  User me\r\n"


@pytest.mark.parametrize(
    "written",
    [LINE, LINE.lower(), b"  " + LINE, LINE.replace(b'"', b""), LINE.replace(b" ", b" = ", 1)],
)
def test_it_is_known_however_it_is_written(written: bytes) -> None:
    text = b"# mine\nUser me\n" + written + b"\nHost a\n"
    assert with_include(text, LINE) == text
    assert without_include(text, LINE) == b"# mine\nUser me\nHost a\n"


@pytest.mark.parametrize("scope", [b"Host *", b"match all", b"  HOST=x"])
def test_inside_a_block_it_is_moved_to_the_top(scope: bytes) -> None:
    text = scope + b"\n  User me\n" + LINE + b"\n"
    assert with_include(text, LINE) == LINE + b"\n" + scope + b"\n  User me\n"


def test_a_longer_path_is_another_one() -> None:
    text = LINE.rstrip(b'"') + b'.d/*"\n'
    assert with_include(text, LINE) == LINE + b"\n" + text
    assert without_include(text, LINE) == text


def test_a_large_file() -> None:
    text = b"Host a\n  User me\n" * 700_000
    assert with_include(text, LINE) == LINE + b"\n" + text


@given(
    st.binary() | st.lists(st.sampled_from([LINE, b"Host *", b"\n", b"\r\n", b" x"])).map(b"".join)
)
def test_whatever_was_there_twice_is_once_and_removal_undoes_it(text: bytes) -> None:
    made = with_include(text, LINE)
    assert with_include(made, LINE) == made
    bare = without_include(text, LINE)
    assert without_include(made, LINE) == bare
    assert LINE not in [line.strip() for line in re.split(rb"\n", bare)]
