from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devbox.config import Project, load
from devbox.config.spec import Settings
from devbox.errors import ConfigError, Problem

Load = Callable[..., Project]
Wrong = Callable[..., list[Problem]]


@pytest.fixture(autouse=True)
def no_person(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings folder of a person who has said nothing."""
    folder = tmp_path_factory.mktemp("person")
    monkeypatch.setenv("DEVBOX_CONFIG", str(folder / "config.toml"))
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, and the current one."""
    folder = tmp_path / "churn"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def loaded(root: Path) -> Load:
    """Write a devbox.toml and load it."""

    def function(
        text: str, settings: Settings | None = None, overrides: dict[str, object] | None = None
    ) -> Project:
        (root / "devbox.toml").write_text(text)
        return load(root, settings=settings or Settings("ada"), overrides=overrides)

    return function


@pytest.fixture
def wrong(loaded: Load) -> Wrong:
    """Write a devbox.toml and give what is wrong with it."""

    def function(text: str, **how: object) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            loaded(text, **how)
        return list(caught.value.problems)

    return function
