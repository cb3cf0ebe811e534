from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.models import Models


@pytest.fixture
def door(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devbox]:
    monkeypatch.chdir(tmp_path)  # out of a repository
    with Devbox(home) as made:
        yield made


@pytest.fixture
def models(door: Devbox) -> Models:
    return door.models
