from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from devbox.models.records import ModelFile, ModelVersion
from devbox.reproduce.recorded import Recorded, command_in_box, folder_in_box, recorded

COMMIT = "ab" * 20


def version(files: tuple[ModelFile, ...] = (), **slots: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        model="churn",
        version=3,
        id="0" * 32,
        created=0.0,
        user="",
        run="",
        description="",
        tags={},
        aliases=(),
        open=False,
        recorded=(),
        metrics={},
        slots=slots,
        files=files,
    )


def host(*command: str, folder: str = "/home/me/x/sub") -> Recorded:
    made = {"commit": COMMIT, "root": "/home/me/x", "folder": folder, "command": list(command)}
    return recorded(version(generation=made), None)


def test_what_a_version_says() -> None:
    diff = ModelFile("generation", "code/uncommitted.diff", "d" * 64, 3)
    lock = ModelFile("dependencies", "env/devbox.lock", "e" * 64, 3)
    found = recorded(
        version(
            (diff, lock),
            generation={"commit": COMMIT, "dirty": True, "command": ["python", "a.py"]},
            dependencies={"lock": "env/devbox.lock", "image": "sha256:1", "box": "b"},
            data={"inputs": [{"name": "sales", "version": 3}, "junk"]},
            functions={"predict": "m:p", "example": {"input": "x"}},
        ),
        None,
    )
    assert (found.commit, found.diff, found.lock) == (COMMIT, diff, "e" * 64)
    assert (found.in_box, found.image, found.example) == (True, "sha256:1", True)
    assert [(each.name, each.version) for each in found.inputs] == [("sales", "3")]


@pytest.mark.parametrize("commit", ["", "HEAD", "--output=x", "ab" * 19, None, 7])
def test_what_is_no_commit(commit: object) -> None:
    assert recorded(version(generation={"commit": commit}), None).commit == ""


def test_a_command_of_this_machine_in_a_box() -> None:
    facts = host("/home/me/x/.venv/bin/python3", "/home/me/x/sub/a.py", "--n=1", "/data/y")
    command, told = command_in_box(facts, PurePosixPath())
    assert command == ("python", "/workspace/sub/a.py", "--n=1", "/data/y")
    assert "python" in told
    assert folder_in_box(facts, PurePosixPath()) == "/workspace/sub"
    # The project may be a folder of the repository.
    assert folder_in_box(facts, PurePosixPath("sub")) == "/workspace"
    assert command_in_box(facts, PurePosixPath("sub"))[0][1] == "/workspace/a.py"
    assert command_in_box(host("make", "x"), PurePosixPath()) == (("make", "x"), "")


def test_a_folder_outside_of_the_repository() -> None:
    assert host("make").below == PurePosixPath("sub")
    assert host("make", folder="/tmp").below is None
    assert recorded(version(), None).below is None
