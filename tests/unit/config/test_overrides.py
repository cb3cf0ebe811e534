from __future__ import annotations

import pytest

from devbox.config import parse_overrides
from devbox.errors import UsageError
from tests.unit.config.conftest import Load


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("resources.memory=8GiB", "8GiB"),
        ("resources.cpus=1.5", 1.5),
        ("resources.gpus=2", 2),
        ("python=3.12", "3.12"),
        ("env.A=1", "1"),
        ("env.A=b=c", "b=c"),
        ("pip=numpy", ["numpy"]),
        ('pip=["a", "b"]', ["a", "b"]),
        ("ports=8080", [8080]),
        ("ports=8080:80", ["8080:80"]),
        ("profile=1979-05-27", "1979-05-27"),
        ("profile=1\nx=2", "1\nx=2"),
    ],
)
def test_pairs(pair: str, value: object) -> None:
    assert list(parse_overrides([pair]).values()) == [value]


@pytest.mark.parametrize("pair", ["", "x", "=1"])
def test_what_is_no_pair(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_overrides([pair])
    assert caught.value.message == f"Not KEY=VALUE: {pair!r}."


def test_they_are_the_strongest_layer(loaded: Load) -> None:
    pairs = ["python=3.13", "resources.memory=1GiB", "env.A=1", "apt=vim"]
    box = loaded('[box]\npython = "3.12"\napt = ["git"]', overrides=parse_overrides(pairs)).box()
    assert (box.spec.python, box.spec.resources.memory) == ("3.13", 1 << 30)
    assert (box.spec.env, box.spec.apt) == ({"A": "1"}, ("git", "vim"))
    assert str(box.origins["env.A"]) == "command line"
