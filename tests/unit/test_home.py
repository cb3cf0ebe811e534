"""Where devbox's own files are, and what is told where nobody knows."""

from __future__ import annotations

import pwd
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devbox.errors import UsageError
from devbox.home import home as own_folder
from devbox.home import settings_file

PLACES = [("DEVBOX_HOME", own_folder), ("DEVBOX_CONFIG", settings_file)]
Place = Callable[[], Path]


@pytest.mark.parametrize(("variable", "place"), PLACES)
def test_what_is_set_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, place: Place
) -> None:
    monkeypatch.chdir(tmp_path)
    for given, found in (("~/a", tmp_path / "home/a"), ("b", tmp_path / "b"), ("/c", Path("/c"))):
        monkeypatch.setenv(variable, given)
        assert place() == found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
@pytest.mark.parametrize(("variable", "place"), PLACES)
def test_else_the_platform_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, place: Place
) -> None:
    monkeypatch.delenv(variable)
    assert place().is_relative_to(tmp_path / "home")


@pytest.mark.parametrize(("variable", "place"), PLACES)
def test_a_person_who_is_not_there(
    monkeypatch: pytest.MonkeyPatch, variable: str, place: Place
) -> None:
    monkeypatch.setenv(variable, "~nosuch/x")
    with pytest.raises(UsageError, match="~nosuch/x") as caught:
        place()
    assert f"Set {variable}" in caught.value.hint


@pytest.mark.parametrize(("variable", "place"), PLACES)
def test_a_person_without_a_home(
    monkeypatch: pytest.MonkeyPatch, variable: str, place: Place
) -> None:
    def nobody(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv(variable)
    with pytest.raises(UsageError, match="home directory") as caught:
        place()
    assert f"Set {variable}" in caught.value.hint
