"""The page that leads a browser to what was opened: only for the person, and not for ever."""

from __future__ import annotations

import os
import stat
import webbrowser
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.cli.browser import show
from devbox.errors import DevboxError
from tests.unit.boxes import test_boxes as life

URL = "http://127.0.0.1:1/lab?token=planted"
engine, door = life.engine, life.door


@pytest.fixture
def page(door: Devbox) -> Path:
    life.up(door)
    return door.inside.page("churn")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser of a terminal with a display is given."""
    seen: list[str] = []
    monkeypatch.setattr(os, "isatty", lambda _: True)
    monkeypatch.setenv("DISPLAY", ":0")

    def shown(url: str) -> bool:
        seen.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", shown)
    return seen


def test_only_the_person_can_read_it(page: Path, opened: list[str]) -> None:
    page.write_text("of another time")
    page.chmod(0o644)
    assert show(URL, page)
    assert opened == [page.as_uri()]
    assert URL in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_there_is_none_without_a_display(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: False)
    assert not show(URL, page)
    assert not page.exists()


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("verb", ["stop", "restart", "down", "rm"])
def test_it_goes_with_the_box(door: Devbox, page: Path, verb: str) -> None:
    show(URL, page)
    getattr(door.boxes, verb)("churn")
    assert not page.exists()


@pytest.mark.usefixtures("opened")
def test_it_goes_with_the_program_and_with_the_next_one(door: Devbox, page: Path) -> None:
    show(URL, page)
    door.inside.close("churn", "jupyter")
    assert not page.exists()
    show(URL, page)
    with pytest.raises(DevboxError):  # there is no JupyterLab in this box
        door.inside.open("churn", "jupyter")
    assert not page.exists()
