from __future__ import annotations

from pathlib import Path

import pytest

from devbox.config import Profiles, shipped
from devbox.errors import ConfigError, UsageError


@pytest.fixture
def person(no_person: Path) -> Path:
    folder = no_person / "profiles"
    folder.mkdir()
    return folder


def test_the_shipped_ones() -> None:
    profiles = Profiles()
    assert {"base", "python", "datascience"} <= {each.name for each in profiles.ls()}
    assert [each.name for each in profiles.chain("datascience")] == [
        "datascience",
        "python",
        "base",
    ]
    assert profiles.get("datascience").image == "datascience"
    assert profiles.lint() == ()
    assert profiles.starter("datascience") == shipped("profiles") / "datascience" / "starter"
    assert profiles.starter("python") is None


def test_a_persons_own(person: Path) -> None:
    (person / "mine.toml").write_text('description = "Mine"\nextends = "datascience"\n')
    profile = Profiles().get("mine")
    assert (profile.origin, profile.description) == ("person", "Mine")
    assert Profiles().starter("mine") is not None
    assert Profiles().lint() == ()


def test_shipped_names_are_not_replaced(person: Path) -> None:
    (person / "python.toml").write_text('description = "Mine"\nimage = "base"\n')
    assert Profiles().get("python").origin == "shipped"
    assert "hidden" in Profiles().lint()[0].message


def test_circles_name_the_chain(person: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (person / f"{name}.toml").write_text(f'description = "x"\nextends = "{other}"\n')
    with pytest.raises(ConfigError, match="a -> b -> c -> a") as caught:
        Profiles().get("a")
    assert caught.value.problems[0].line == 2
    (person / "self.toml").write_text('extends = "self"')
    with pytest.raises(ConfigError, match="self -> self"):
        Profiles().get("self")


def test_too_deep_and_missing(person: Path) -> None:
    for index in range(12):
        (person / f"p{index}.toml").write_text(f'extends = "p{index + 1}"\n')
    with pytest.raises(ConfigError, match="more than 10"):
        Profiles().get("p0")
    with pytest.raises(ConfigError, match="unknown profile 'p12'") as caught:
        Profiles().get("p11")
    assert caught.value.problems[0].key == "extends"


@pytest.mark.parametrize("name", ["pyton", "", "..", "x" * 300, "a\nb", "./no.toml", "/etc/group"])
def test_names_that_are_no_profile(name: str) -> None:
    with pytest.raises((UsageError, ConfigError)):
        Profiles().get(name)
    assert name == "" or Profiles().lint(name)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('image = "pythn"', "image"),
        ('image = "../base"', "image"),
        ("box = 1", "box"),
        ("[box]\npipp = []", "box.pipp"),
        ('[box]\nprofile = "python"', "box.profile"),
        ('[box]\nname = "x"', "box.name"),
        ('image = "base"\n[box]\nimage = "debian"', "box.image"),
        ("extends = 1", "extends"),
        ('description = "nothing to build from"', "image"),
        ('image = "base"', "description"),
    ],
)
def test_lint(person: Path, text: str, key: str) -> None:
    file = person / "mine.toml"
    file.write_text(text)
    for name in ("mine", str(file)):
        assert [problem.key for problem in Profiles().lint(name)] == [key]
    assert Profiles().lint("python") == ()
