"""A model is called in a container that has its files and no network."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.boxes.modelcheck import Called
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError, Refused
from devbox.models.records import ModelVersion

GOOD = json.dumps({"ok": True, "stage": "done", "message": "", "hint": "", "seconds": 0.5})
FUNCTIONS = {"predict": "s:f", "example": {"input": "in", "output": "out"}}
SLOTS = {"functions": FUNCTIONS, "dependencies": {"image": "team/image:1"}}


class Recording(FakeEngine):
    """Keeps what it was given to unpack."""

    given: bytes = b""

    def put(self, ref: str, folder: str, archive: Iterator[bytes]) -> None:
        self.given = b"".join(archive)
        super().put(ref, folder, iter([self.given]))


def answers(code: int, stdout: str, stderr: str = "") -> Recording:
    def script(argv: Sequence[str], data: bytes) -> ExecResult:
        return ExecResult(code, stdout.encode(), stderr.encode())

    engine = Recording(script)
    engine.add_image("team/image:1")
    return engine


def registered(door: Devbox, tmp_path: Path, **slots: object) -> ModelVersion:
    file = tmp_path / "s.py"
    file.write_text("def f(m, x): return x\n")
    return door.models.register(
        "churn",
        slots={**SLOTS, **slots},  # type: ignore[dict-item]
        files={"functions": {"s.py": file}, "experiment": {"plot.png": file}},
    )


def called(engine: FakeEngine, tmp_path: Path, slots: dict[str, object], **options: str) -> Called:
    with Devbox(engine=engine) as door:
        made = registered(door, tmp_path, **slots)
        return door.call_model(made.ref, **options)  # type: ignore[arg-type]


def test_it_gets_its_files_and_no_network(tmp_path: Path) -> None:
    engine = answers(0, f"noise\n{GOOD}\n")
    found = called(engine, tmp_path, {})
    assert found == Called(True, "done", "", "", "team/image:1", 0.5)
    (request,) = engine.held
    assert (request.network, request.image, request.mounts) == ("none", "team/image:1", ())
    (run,) = engine.executed
    assert (run.user, run.env["DEVBOX_CHECK"]) == ("65534:65534", "1")
    assert run.argv[-2:] == ("devbox.formats.check", "/devbox-check/model")
    with tarfile.open(fileobj=io.BytesIO(engine.given)) as archive:
        files = {entry.name: entry for entry in archive}
        manifest = json.load(
            archive.extractfile("devbox-check/model/manifest.json") or io.BytesIO()
        )
    assert all(entry.mode == 0o444 and entry.isfile() for entry in files.values())
    assert "devbox-check/sdk/devbox/formats/check.py" in files
    # What is not called is not there.
    assert [file["path"] for file in manifest["files"]] == ["s.py"]
    assert f"devbox-check/model/files/{manifest['files'][0]['digest']}" in files
    assert not engine.containers({})


@pytest.mark.parametrize(
    ("code", "stdout", "told"),
    [
        (127, "", "has no Python"),
        (137, "", "takes more than"),
        (1, "", "can't be checked in team/image:1"),
        (1, "[]", "can't be checked"),
        (1, "{", "can't be checked"),
        (1, "[" * 100_000, "can't be checked"),
        (1, '{"stage": "refused", "message": "no", "hint": ""}', "no"),
    ],
)
def test_a_container_that_does_not_answer(
    code: int, stdout: str, told: str, tmp_path: Path
) -> None:
    engine = answers(code, stdout, "its last words")
    with pytest.raises(DevboxError, match=told):
        called(engine, tmp_path, {})
    assert not engine.containers({})


def test_an_answer_is_ok_only_where_the_program_ended_well(tmp_path: Path) -> None:
    assert not called(answers(1, GOOD), tmp_path, {}).ok


@pytest.mark.parametrize(
    ("slots", "options", "told"),
    [
        ({"functions": {}}, {}, "no functions with an example"),
        ({"functions": {"predict": "s:f"}}, {}, "no functions with an example"),
        ({"dependencies": {}}, {}, "does not say which image"),
        ({"dependencies": {"image": 3}}, {}, "does not say which image"),
        ({"dependencies": {"image": "gone:1"}}, {}, r"gone:1 of churn@1 is not on the engine"),
        ({}, {"image": "other:1"}, r"other:1 of churn@1 is not on the engine"),
    ],
)
def test_what_can_not_be_called(
    slots: dict[str, object], options: dict[str, str], told: str, tmp_path: Path
) -> None:
    engine = answers(0, GOOD)
    with pytest.raises(DevboxError, match=told):
        called(engine, tmp_path, slots, **options)
    assert not engine.containers({})


def test_what_the_operator_trusts_is_handed_in(tmp_path: Path) -> None:
    engine = answers(0, GOOD)
    with Devbox(engine=engine) as door:
        registered(door, tmp_path)
        (tmp_path / "config.toml").write_text('models.trusted = ["a.B"]\n')
        door.call_model("churn", trusted=["c.*"], allow_pickle=True)
    assert engine.executed[0].argv[-3:] == ("--trusted=c.*", "--trusted=a.B", "--allow-pickle")


def test_a_refusal_is_one(tmp_path: Path) -> None:
    engine = answers(1, '{"stage": "refused", "message": "no", "hint": "there"}')
    with pytest.raises(Refused, match="no") as caught:
        called(engine, tmp_path, {})
    assert caught.value.hint == "there"
