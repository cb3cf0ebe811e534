"""Several boxes in one project, for steps whose dependencies conflict."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person

TWO = """
[boxes.train]
profile = "python"
pip = ["packaging==24.2"]

[boxes.serve]
profile = "python"
pip = ["packaging==25.0"]
ports = [8000]
"""


@pytest.fixture
def person(engine: DockerEngine, base_image: str, tmp_path: Path) -> Person:
    project = tmp_path / "project"
    project.mkdir()
    return Person(project, os.environ["DEVBOX_USER"])


def states(person: Person) -> dict[str, str]:
    return {box["name"]: box["state"] for box in person.json("ps")}


def test_packages_that_conflict_live_side_by_side(person: Person) -> None:
    person.toml(TWO)
    told = person.run("up").stderr
    assert "devbox shell train" in told
    assert "devbox shell serve" in told
    version = "import packaging; print(packaging.__version__)"
    found = {
        name: person.run("exec", name, "--", "python", "-c", version).stdout.strip()
        for name in ("train", "serve")
    }
    assert found == {"train": "24.2", "serve": "25.0"}
    # One workspace, two homes.
    person.run("exec", "train", "--", "sh", "-c", "echo model >/workspace/model; echo x >~/x")
    seen = person.run("exec", "serve", "--", "sh", "-c", "cat /workspace/model; ls ~")
    assert seen.stdout == "model\n"


def test_up_together_and_one_by_one(person: Person) -> None:
    person.toml(TWO.replace('"python"', '"base"').replace("pip", "# pip"))
    person.run("up", "train")
    assert states(person) == {"train": "running"}
    person.run("up")
    assert [result["plan"]["act"] for result in person.json("up")] == ["nothing", "nothing"]
    several = person.run("exec", "--", "true", code=125).stderr
    assert "Name one: serve, train" in several
    assert "Did you mean 'train'?" in person.run("up", "trian", code=2).stderr
    person.run("stop", "train")
    assert states(person) == {"serve": "running", "train": "stopped"}
    person.run("stop")
    assert states(person) == {"serve": "stopped", "train": "stopped"}
    person.run("start", "serve")
    person.run("down")
    assert states(person) == {"serve": "down", "train": "down"}
    person.run("rm", "train", "--volumes", "--yes")
    assert states(person) == {"serve": "down"}


def test_two_that_want_one_port_are_told_apart_before_anything_starts(person: Person) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = f'profile = "base"\nports = ["{port}:8000"]\n'
    person.toml(f"[boxes.a]\n{box}[boxes.b]\n{box}")
    for command in (("up",), ("up", "--dry-run")):
        error = person.run(*command, code=2).stderr
        assert f"Boxes a and b both publish port {port}." in error
    assert states(person) == {}
    # One after the other is fine.
    person.run("up", "a")
    assert "in use by box a" in person.run("up", "b", code=1).stderr
    person.run("stop", "a")
    person.run("up", "b")
    assert states(person) == {"a": "stopped", "b": "running"}
