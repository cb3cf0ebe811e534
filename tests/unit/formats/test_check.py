"""A version in a folder is loaded, called and compared, as it is in a container."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import devbox
from devbox.errors import Refused
from devbox.formats import check

SOURCE = b"def predict(m, x):\n    print('talk')\n    return x * 2\n"


def folder_of(tmp_path: Path, source: bytes = SOURCE, **changes: Any) -> Path:
    folder = tmp_path / "version"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    contents = {"s.py": source, "in": b"3", "out": b"6"}
    files = []
    for path, content in contents.items():
        digest = hashlib.sha256(content).hexdigest()
        (folder / "files" / digest).write_bytes(content)
        files.append({"slot": "functions", "path": path, "digest": digest, "size": len(content)})
    functions = {
        "predict": "s:predict",
        "sources": {"s.py": "s.py"},
        "example": {"input": "in", "output": "out", "tolerance": 0},
        **changes,
    }
    manifest = {"model": "m", "version": 1, "slots": {"functions": functions}, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVBOX_CHECK", "1")
    monkeypatch.setattr(sys, "path", sys.path.copy())


def test_nothing_is_run_outside_of_a_container(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="in a container only"):
        check.check(folder_of(tmp_path))


@pytest.mark.usefixtures("container")
@pytest.mark.parametrize(
    ("source", "changes", "stage", "told"),
    [
        (SOURCE, {}, "done", ""),
        (b"def predict(m, x): return x * 3\n", {}, "compare", "expected 6, got 9"),
        (b"def predict(m, x): return 1 / 0\n", {}, "call", "predict failed: ZeroDivisionError"),
        (b"def predict(:", {}, "load", "can't be imported: SyntaxError"),
        (b"import sys; sys.exit(0)", {}, "load", "can't be imported: SystemExit"),
        (SOURCE, {"predict": "s:gone"}, "load", "has no function gone"),
        (SOURCE, {"example": {}}, "call", "has no file None"),
        (SOURCE, {"example": 3}, "call", "has no example"),
        (SOURCE, {"sources": {}}, "load", "no sources"),
        (SOURCE, {"signature": {"input": "rows", "inputs": []}}, "call", "is a list of rows"),
    ],
)
def test_what_it_finds(
    tmp_path: Path, source: bytes, changes: dict[str, Any], stage: str, told: str
) -> None:
    found = check.check(folder_of(tmp_path, source, **changes))
    assert (found["stage"], found["ok"]) == (stage, stage == "done")
    assert told in found["message"]


@pytest.mark.usefixtures("container")
def test_a_folder_that_holds_no_version(tmp_path: Path) -> None:
    for text in ("", "[", "[]", "{}"):
        (tmp_path / "manifest.json").write_text(text)
        assert check.check(tmp_path)["stage"] == "load"
    assert "holds no version" in check.check(tmp_path / "gone")["message"]


def ran(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(devbox.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-m", "devbox.formats.check", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": root, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_as_a_program_it_prints_one_line_of_json(tmp_path: Path) -> None:
    done = ran(str(folder_of(tmp_path)), DEVBOX_CHECK="1")
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"] is True
    assert "talk" in done.stderr
    done = ran(str(folder_of(tmp_path)))
    assert done.returncode == 1
    assert json.loads(done.stdout)["stage"] == "refused"
