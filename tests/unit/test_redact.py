from __future__ import annotations

import json
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox import redact
from devbox.cli.faults import report_bug
from devbox.config.credentials import credentials_of
from devbox.config.spec import Network
from devbox.errors import ConfigError, DevboxError, Problem
from devbox.progress import Progress, as_log
from devbox.state import State


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)


def test_nothing_known_changes_nothing() -> None:
    assert redact.masked("hunter2") == "hunter2"
    assert redact.masked_data({"a": ["hunter2"]}) == {"a": ["hunter2"]}


def test_values_and_their_written_forms() -> None:
    redact.remember(["hunter2", "p@ss/word", 'line "one"\nsecond line\n'])
    assert redact.masked("say hunter2, hunter22") == "say ***, ***2"
    assert redact.masked(f"https://me:{quote('p@ss/word', safe='')}@host") == "https://me:***@host"
    assert redact.masked('only: line "one"') == "only: ***"
    assert redact.masked("second line") == "***"
    assert "second" not in redact.masked(json.dumps({"key": 'line "one"\nsecond line\n'}))


def test_short_values_stay_and_the_longest_wins() -> None:
    redact.remember(["abc", "abcdef", "abcdefgh"])
    assert redact.masked("abc abcdef abcdefgh") == "abc *** ***"


def test_events_are_masked_at_any_depth() -> None:
    redact.remember(["hunter2"])
    data = {"why": "hunter2", "more": [{"hunter2": ("x hunter2", 3, None)}]}
    assert redact.masked_data(data) == {"why": "***", "more": [{"***": ["x ***", 3, None]}]}


def test_no_error_shows_a_known_value() -> None:
    redact.remember(["hunter2"])
    error = DevboxError("it said hunter2", hint="try hunter2", detail=["a", "hunter2"])
    assert "hunter2" not in repr((str(error), error.message, error.hint, error.detail))
    wrong = ConfigError([Problem("f", 1, "k", "hunter2"), Problem("f", 2, "k", "x")])
    assert "hunter2" not in str(wrong.detail)


def test_no_progress_holds_a_known_value() -> None:
    redact.remember(["hunter2"])
    told: list[Progress] = []
    as_log(told.append)(Progress("image", "a hunter2", "the hunter2"))
    told.append(replace(told[0], text="hunter2"))
    assert [(each.subject, each.text) for each in told] == [("a ***", "the ***"), ("a ***", "***")]


def test_passwords_of_addresses() -> None:
    network = Network(
        http_proxy="http://me:pass%40word@proxy:1",
        index="https://token:secret-one@host/simple",
        extra_index=("https://host/x:y@z", "https://git@host/", "https://me@host/", "a@b"),
    )
    assert network.passwords == ("pass%40word", "pass@word", "secret-one")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://tok3n@h/simple", ("tok3n",)),
        ("https://tok3n:@h", ("tok3n",)),
        ("https://tok3n:x-oauth-basic@h", ("tok3n",)),
        ("me:word@proxy:3128", ("word",)),
        ("http://me:wo@rd:x@proxy", ("wo@rd:x",)),
        ("ssh://deploy@h/p", ()),
        ("ssh://deploy:word@h/p", ("word",)),
        ("https://h/p@v1.2345", ()),
        ("https://h?a=long@h", ()),
        ("", ()),
    ],
)
def test_what_is_secret_in_an_address(address: str, found: tuple[str, ...]) -> None:
    assert credentials_of(address) == found


ADDRESSES = [each for each in fields(Network) if "Path" not in str(each.type)]


@pytest.mark.parametrize("field", ADDRESSES, ids=lambda field: field.name)
@pytest.mark.parametrize("user", ["me:hunter2", "hunter2"])
def test_every_setting_of_the_network_may_hold_a_password(field: Field[str], user: str) -> None:
    address = f"https://{user}@host/simple"
    value: Any = (address,) if "tuple" in str(field.type) else address
    assert Network(**{field.name: value}).passwords == ("hunter2",)


def test_events_and_logs_of_bugs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    redact.remember(["hunter2"])
    with State(home, actor="me") as state:
        state.events.append("box/b", "box.up", why="hunter2", where=Path("/hunter2"))
        assert state.events.ls()[0].data == {"why": "***", "where": "/***"}
    report_bug(ValueError("hunter2 is wrong"))
    (log,) = (home / "logs").iterdir()
    assert "*** is wrong" in log.read_text()
    assert "hunter2" not in log.read_text() + capsys.readouterr().err


@given(st.lists(st.text(min_size=4), min_size=1, max_size=4), st.text(), st.text())
def test_no_known_value_is_left(values: list[str], before: str, after: str) -> None:
    redact._known, redact._pattern = frozenset(), None
    redact.remember(values)
    for value in values:
        if redact.MASK not in value and "*" not in value:
            assert value not in redact.masked(f"{before}{value}{after}").replace(redact.MASK, "")


@given(
    st.lists(st.sampled_from(["hunter2-hunter2", "loss=0.1", "\n", "\r", "é", " "]), max_size=30),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_output_in_pieces_is_masked_as_a_whole(words: list[str], sizes: list[int]) -> None:
    redact.remember(["hunter2-hunter2"])
    whole, masker, got = "".join(words).encode(), redact.Masker(), b""
    left, turn = whole, 0
    while left:
        size = sizes[turn % len(sizes)]
        got, left, turn = got + masker.take(left[:size]), left[size:], turn + 1
    got += masker.rest()
    assert got.decode() == redact.masked(whole.decode())
    assert b"hunter2-hunter2" not in got


def test_output_that_is_no_text_stays_as_it_is() -> None:
    redact.remember(["hunter2-hunter2"])
    masker, data = redact.Masker(), bytes(range(256)) * 600
    assert masker.take(data) + masker.take(b"\xff\xc3") + masker.rest() == data + b"\xff\xc3"
