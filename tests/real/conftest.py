"""A real engine for the tests of this folder, and nothing left on it afterwards."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devbox.compute.engine import endpoint
from devbox.compute.engine.docker import DockerEngine
from devbox.daemon.client import stop
from devbox.errors import Unreachable
from tests.conftest import REAL_HOME
from tests.real.box import Person

BASE = "debian:bookworm-slim"
MADE_BASE = "devbox/debian:bookworm-slim"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """The engine of this machine. Without one the test is skipped; in CI it fails."""
    try:
        made = DockerEngine(endpoint.find(os.environ, REAL_HOME))
        made.ping()
    except Unreachable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs a Docker engine: {error.message}", pytrace=False)
        pytest.skip(f"NO DOCKER ENGINE: {error.message} {error.hint}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def base_image(engine: DockerEngine) -> str:
    """The image that all tests share; made once per machine where it is absent."""
    lock = Path(tempfile.gettempdir()) / "devbox-tests-base-image.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for ref in (BASE, MADE_BASE):
            if engine.image(ref):
                return ref
        with tempfile.TemporaryDirectory(prefix="devbox-") as folder:
            subprocess.run(
                [sys.executable, "-m", "devbox", "image", "base"],
                env={**os.environ, "DEVBOX_HOME": folder, "DOCKER_HOST": engine.address},
                check=True,
                timeout=280,
            )
    assert engine.image(MADE_BASE)
    return MADE_BASE


@pytest.fixture(autouse=True)
def home(home: Path, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and an owner of the test's own; what it leaves on the engine is removed."""
    owner = f"t{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("DEVBOX_USER", owner)
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    monkeypatch.setenv("DOCKER_CONFIG", str(REAL_HOME / ".docker"))
    yield home
    stop(home)
    running = processes_of(home)
    left = [process.info for process in psutil.wait_procs(running, timeout=5)[1]]
    for process in running:
        if process.is_running():
            process.kill()
    remove_all(engine, owner)
    assert not left, f"still running: {left}"
    assert not belongings(engine, owner)


@pytest.fixture
def person(base_image: str, tmp_path: Path) -> Person:
    """Somebody with a project whose box is b, of the profile base."""
    del base_image
    project = tmp_path / "project"
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml('[box]\nname = "b"\nprofile = "base"\n')
    return made


def processes_of(home: Path) -> list[psutil.Process]:
    """Processes on this machine that were started for this DEVBOX_HOME."""
    family = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter(["pid", "name", "cmdline", "status"]):
        if process.pid in family or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        try:
            if process.environ().get("DEVBOX_HOME") == str(home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def belongings(engine: DockerEngine, owner: str) -> list[tuple[str, str]]:
    """What the engine has of an owner, as (kind, name), in an order in which it can go."""
    prefix, labels = f"devbox-{owner}", {"devbox.owner": owner}
    found = [("containers", container.id) for container in engine.containers(labels)]
    networks = engine.http.json("GET", "/networks")
    found += [("networks", net["Name"]) for net in networks if net["Name"].startswith(prefix)]
    volumes = {volume.name for volume in engine.volumes(labels)}
    volumes |= {volume.name for volume in engine.volumes({}) if volume.name.startswith(prefix)}
    return found + [("volumes", name) for name in sorted(volumes)]


def remove_all(engine: DockerEngine, owner: str) -> None:
    """Remove what the engine has of an owner."""
    for kind, name in belongings(engine, owner):
        if kind == "containers":
            engine.remove(name, force=True)
        elif kind == "networks":
            engine.http.json("DELETE", f"/networks/{name}")
        else:
            engine.remove_volume(name)
