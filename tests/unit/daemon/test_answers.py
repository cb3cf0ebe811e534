"""What a box is answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devbox.api import Devbox
from devbox.daemon import answers as answering
from devbox.daemon.answers import Answers
from devbox.errors import DevboxError, UsageError
from devbox.journal.ids import new_id
from devbox.journal.places import box_spool


@pytest.fixture
def door(home: Path) -> Iterator[Devbox]:
    with Devbox(home) as made:
        yield made


def ask(door: Devbox, box: str = "b", **question: Any) -> Any:
    return Answers(door).answer(box, json.dumps(question).encode()).value


@pytest.fixture
def weights(door: Devbox, tmp_path: Path) -> bytes:
    """The content of the file of churn@1."""
    content = b"weights" * 100_000
    (tmp_path / "weights.bin").write_bytes(content)
    files = {"parameters": {"weights.bin": tmp_path / "weights.bin"}}
    door.models.register("churn", files=files, tags={"task": "fraud"})
    return content


def test_a_model(door: Devbox, weights: bytes) -> None:
    found = ask(door, op="model", ref="churn@1")
    assert (found["model"], found["version"]) == ("churn", 1)
    assert found["files"][0]["digest"] == hashlib.sha256(weights).hexdigest()
    json.dumps(found, default=str)
    with pytest.raises(UsageError):
        ask(door, op="model", ref="churn@champion")


def test_only_files_that_models_name(door: Devbox, weights: bytes, tmp_path: Path) -> None:
    digest = hashlib.sha256(weights).hexdigest()
    answer = Answers(door).answer("b", json.dumps({"op": "blob", "digest": digest}).encode())
    assert answer.value == len(weights)
    assert b"".join(answer.body) == weights
    (tmp_path / "other").write_bytes(b"of a lock, say")
    other = door.blobs.put(tmp_path / "other")
    for bad in (other, "../../etc/passwd", "0" * 63, 7, None, ""):
        with pytest.raises(UsageError):
            ask(door, op="blob", digest=bad)


def test_registered(door: Devbox, weights: bytes) -> None:
    version = door.models.get("churn@1")
    assert ask(door, op="registered", id=version.id) == {"version": 1}
    assert ask(door, op="registered", id=new_id()) == {"version": None}


def test_only_runs_of_the_box_are_taken_in(door: Devbox, home: Path) -> None:
    runs = {}
    for box in ("b", "other"):
        runs[box] = folder = box_spool(home, "me", box) / new_id()
        folder.mkdir(parents=True)
        (folder / f"{new_id()}.journal").write_text('{"kind":"end","status":"succeeded"}\n')
    for folder in runs.values():
        assert ask(door, op="ingest", run=folder.name) == {}
    assert not runs["b"].exists()
    assert runs["other"].exists()


def test_a_command_that_looks(door: Devbox, weights: bytes) -> None:
    done = ask(door, op="cli", argv=["model", "ls", "-q"], columns=80)
    assert done == {"code": 0, "stdout": "churn@1\n", "stderr": ""}
    failed = ask(door, op="cli", argv=["model", "show", "none"])
    assert failed["code"]
    assert "none" in failed["stderr"]
    with pytest.raises(UsageError):
        ask(door, op="cli", argv=["model", "rm", "churn", "--yes"])


def test_a_command_that_takes_too_long(door: Devbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PATIENCE", 0.01)
    with pytest.raises(DevboxError, match="more than"):
        ask(door, op="cli", argv=["runs", "ls"])


def test_output_without_end_is_cut(door: Devbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LONGEST_OUTPUT", 10)
    done = ask(door, op="cli", argv=["runs", "ls", "--help"])
    assert len(done["stdout"]) == 10


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"[" * 100_000,
        b'{"op": "up"}',
        b'{"op": ["model"]}',
        b'{"op": "_cli"}',
        b'{"op": "model"}',
        b'{"op": "model", "ref": 7}',
        b'{"op": "ingest", "run": "../x"}',
        b'{"op": "registered", "id": "x"}',
        b'{"op": "cli", "argv": "runs ls"}',
    ],
)
def test_what_has_no_answer(door: Devbox, question: bytes) -> None:
    with pytest.raises(UsageError):
        Answers(door).answer("b", question)
