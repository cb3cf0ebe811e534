from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devbox.boxes.teams import TeamProfiles
from devbox.boxes.teams.change import TeamChange
from devbox.config.spec import Network
from devbox.errors import Refused
from devbox.state import State

GPU = 'description = "GPUs"\nextends = "python"\n'


class Remote:
    """A git repository of a team, as its members change it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main", str(folder))

    def git(self, *command: str) -> str:
        name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        where = ["-C", str(self.folder)] if self.folder.exists() else []
        done = subprocess.run(
            ["git", *where, *name, "-c", "protocol.file.allow=always", *command],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def commit(self, message: str = "more", **files: str) -> str:
        """Write files (``gpu`` is gpu.toml) and commit everything; the commit's id."""
        for name, text in files.items():
            self.write(f"{name}.toml", text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    made = Remote(tmp_path / "acme")
    made.commit("one", gpu=GPU)
    return made


@pytest.fixture
def teams(home: Path) -> Iterator[TeamProfiles]:
    state = State(home, actor="ada")
    yield TeamProfiles(home, state=lambda: state, network=Network)
    state.close()


@pytest.fixture
def refuse() -> Callable[[TeamChange], None]:
    def agree(change: TeamChange) -> None:
        raise Refused("no", detail=[str(ask) for ask in change.asks])

    return agree


def accept(change: TeamChange) -> None:
    """Whoever agrees to everything."""
