"""The UI on a scripted engine, with a person at the keys."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from devbox.api import Devbox
from devbox.errors import Unreachable
from tests.unit.boxes.test_boxes import Engine
from tui.app import DevboxApp
from tui.live.watch import Pace

FAST = Pace(state=0.02, boxes=0.2, away=0.05, host=0.6, samples=0.1)


class Scripted(Engine):
    """It can go away and come back, and minds who asks: never the UI's own thread."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.ui: threading.Thread | None = None
        self.on_ui: list[str] = []

    def _asked(self, method: str) -> None:
        super()._asked(method)
        if threading.current_thread() is self.ui and not _asked_by_test():
            self.on_ui.append(method)
        if self.away:
            raise Unreachable("The engine does not answer.", hint="Start it.")


def _asked_by_test() -> bool:
    frame = sys._getframe()
    while frame.f_back:
        frame = frame.f_back
        if Path(frame.f_code.co_filename).name.startswith("test_"):
            return True
    return False


class Person:
    """Somebody in front of the UI."""

    def __init__(self, app: DevboxApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen in time:\n{self.screen}"
            await self.pilot.pause(0.01)

    async def sees(self, text: str, seconds: float = 60) -> None:
        """Wait until a text is on the screen."""
        await self.until(lambda: text in self.screen, seconds)

    @property
    def screen(self) -> str:
        """What is on the screen, as text."""
        rows = self.app.screen._compositor.render_strips()
        return "\n".join("".join(strip.text for strip in row) for row in rows)


@pytest.fixture
def engine() -> Scripted:
    made = Scripted()
    made.registry.add("debian:bookworm-slim")
    return made


@pytest.fixture
def door(engine: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devbox:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Devbox(engine=engine)


def make_box(door: Devbox, folder: Path, name: str, more: str = "") -> None:
    """Bring a box up."""
    project = folder / name
    project.mkdir(exist_ok=True)
    (project / "devbox.toml").write_text(f'[box]\nname = "{name}"\nprofile = "base"\n{more}')
    door.boxes.up(door.project(project).box().spec)


@pytest.fixture
def boxes(door: Devbox, tmp_path: Path) -> list[str]:
    """Three boxes that run."""
    names = ["churn", "fraud", "ranker"]
    for name in names:
        make_box(door, tmp_path, name)
    return names


@asynccontextmanager
async def sitting(
    door: Devbox, *, size: tuple[int, int] = (160, 40), **options: Any
) -> AsyncIterator[Person]:
    """Open the UI."""
    app = DevboxApp(door, pace=FAST, **options)
    engine = door.engine
    if isinstance(engine, Scripted):
        engine.ui = threading.current_thread()
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Person(app, pilot)
    if isinstance(engine, Scripted):
        assert not engine.on_ui, f"asked on the UI's own thread: {engine.on_ui}"
