"""The SDK as boxes get it: whole, for old Pythons, and a command of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import devbox
from devbox.boxes.images.sdk import sdk_files
from devbox.errors import EXIT_OWN_FAILURE
from tests.unit.journal.test_standalone import pythons


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """The folder as a box has it."""
    for name, data in sdk_files().items():
        file = tmp_path / "sdk" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (folder,) = (tmp_path / "sdk").iterdir()
    return folder


def ran(sdk: Path, python: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "DEVBOX_SPOOL": str(sdk.parent.parent / "spool")}
    argv = [python, "-S", str(sdk), *words]
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def test_it_is_named_after_what_it_holds(sdk: Path) -> None:
    version, _, digest = sdk.name.rpartition("-")
    assert version == devbox.__version__
    assert len(digest) == 12
    assert (sdk / "devbox" / "journal" / "relay.py").is_file()
    assert not list(sdk.rglob("*.pyc"))


@pytest.mark.parametrize("python", pythons())
def test_every_module_is_of_the_standard_library(sdk: Path, python: str) -> None:
    modules = [
        ".".join(path.relative_to(sdk).with_suffix("").parts)
        for path in sorted(sdk.rglob("*.py"))
        if not path.name.startswith("__")
    ]
    script = f"import sys\nsys.path.insert(0, {str(sdk)!r})\n" + "".join(
        f"import {module}\n" for module in modules
    )
    done = subprocess.run([python, "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("python", pythons())
def test_its_command(sdk: Path, python: str, tmp_path: Path) -> None:
    assert devbox.__version__ in ran(sdk, python, "--version").stdout
    assert "devbox run" in ran(sdk, python).stdout
    words = ("run", "--name", "n", "-t", "a=b", "--", "sh", "-c", "echo out; exit 3")
    done = ran(sdk, python, *words, code=3)
    assert done.stdout == "out\n"
    assert "failed: exit code 3" in done.stderr
    (run,) = (tmp_path / "spool").iterdir()
    assert b'"values":{"a":"b"}' in next(run.glob("*.journal")).read_bytes()


def test_what_is_wrong_is_said(sdk: Path) -> None:
    python = pythons()[-1]
    for words in (("run",), ("run", "--nope", "--", "x"), ("run", "-t", "x", "--", "true")):
        assert "error: " in ran(sdk, python, *words, code=EXIT_OWN_FAILURE).stderr
    done = ran(sdk, python, "runs", "ls", code=1)
    assert "Nobody outside" in done.stderr


def test_there_is_no_door(sdk: Path) -> None:
    script = f"import sys\nsys.path.insert(0, {str(sdk)!r})\nimport devbox\ndevbox.connect()\n"
    done = subprocess.run(
        [pythons()[0], "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert "There is no door" in done.stderr
