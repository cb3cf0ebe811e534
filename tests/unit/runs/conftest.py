from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.runs import Runs
from devbox.state import State
from devbox.storage import Blobs


@pytest.fixture
def state(home: Path) -> Iterator[State]:
    with State(home, actor="tester") as made:
        yield made


@pytest.fixture
def runs(home: Path, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.chdir(tmp_path)  # out of a repository
    return Runs(home, state=lambda: state, blobs=Blobs(home / "blobs"))
