"""A workshop for images, and an index of Python packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from devbox.config import load_settings
from tests.real.images.workshop import PASSWORDS, Server, Workshop, serving


@pytest.fixture
def workshop(
    engine: DockerEngine, base_image: str, home: Path, tmp_path: Path
) -> Iterator[Workshop]:
    project = tmp_path / "project"
    project.mkdir()
    made = Workshop(engine, home, project, load_settings())
    # What all start from, made with this machine's own way to packages and not a test's.
    made.build(made.spec())
    yield made
    made.clear()


@pytest.fixture
def index(tmp_path: Path, engine: DockerEngine) -> Iterator[Server]:
    """A package index that wants a password."""
    root = tmp_path / "index"
    root.mkdir()
    with serving(engine, Server(root, PASSWORDS[0])) as server:
        yield server
