"""The terminal UI on a real engine: as a person drives it, and in a real terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from devbox.api import Devbox
from tests.real.box import Person, until
from tests.tui.conftest import sitting


async def test_up_logs_and_stop(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = person.project / "devbox.toml"
    hook = '[box.hooks]\non_start = "echo from-the-hook > /proc/1/fd/1"\n'
    toml.write_text(toml.read_text() + hook)
    person.run("up", "--yes")
    person.run("stop", "--yes")
    monkeypatch.chdir(person.project)
    with Devbox() as door:
        async with sitting(door) as ui:
            await ui.sees("○ stopped", 60)
            await ui.press("u")
            await ui.until(lambda: [job.state for job in ui.app.jobs.all] == ["done"], 120)
            await ui.sees("● running", 60)
            await ui.press("l")
            await ui.sees("from-the-hook", 60)
            await ui.press("p")
            await ui.sees("nothing: up to date", 60)
            await ui.until(lambda: bool(ui.app.seen.use.get("b")), 60)
            await ui.press("s")
            await ui.sees("○ stopped", 90)
    (box,) = person.json("ps")
    assert box["state"] == "stopped"


class Terminal:
    """A terminal of its own with the UI in it."""

    def __init__(self, person: Person, *args: str) -> None:
        self._socket = f"devbox-{person.owner}"
        words = ["env", "TERM=xterm-256color", sys.executable, "-m", "devbox", *args]
        self._tmux(
            "-f", "/dev/null", "new", "-d", "-x", "120", "-y", "36", *words, cwd=person.project
        )

    def _tmux(self, *args: str, cwd: object = None) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *args],
            cwd=str(cwd) if cwd else None,
            env=os.environ | {"TERM": "xterm-256color"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def sees(self, text: str) -> None:
        self.until(lambda: text in self.screen)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.screen
            time.sleep(0.1)

    @property
    def ended(self) -> bool:
        return not self._tmux("list-sessions")

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def terminal(person: Person) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux")
    person.run("up", "--yes")
    made = Terminal(person)
    yield made
    made.close()


def test_a_shell_and_back(person: Person, terminal: Terminal) -> None:
    terminal.sees("● running")
    terminal.press("e")
    terminal.sees("/workspace")
    terminal.press("echo $((6*7))-$(hostname)", "Enter")
    terminal.sees("42-b")
    terminal.press("exit", "Enter")
    terminal.sees("● running")
    terminal.press("2")
    terminal.sees("engine: docker")
    terminal.press("q")
    until(lambda: terminal.ended)
