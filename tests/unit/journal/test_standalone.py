"""The part that is copied to where code runs needs only a Python, of those that are not too old."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "devbox"
PARTS = ("__init__.py", "errors.py", "redact.py", "home.py", "progress.py", "journal")
SCRIPT = """
import sys, devbox
with devbox.start_run("alone", params={"a": 1}, sample_every=0.1) as run:
    devbox.log_metric("loss", 0.5)
    devbox.log_text("hello", "a.txt")
outside = sorted({"click", "psutil", "platformdirs"} & sys.modules.keys())
print(run.id, outside)
"""


def pythons() -> list[str]:
    """The oldest and the newest Python at hand, of those that devbox's journal is written for."""
    names = [f"python3.{minor}" for minor in range(9, 15)]
    shims = Path.home().glob(".pyenv/versions/3.*/bin/python3")
    every = [shutil.which(name) or "" for name in names] + [str(each) for each in shims]
    found: dict[tuple[int, ...], str] = {}
    for python in filter(None, every):
        done = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            version = tuple(map(int, done.stdout.split()))
            if version >= (3, 9):
                found[version] = python
    ordered = [found[version] for version in sorted(found)]
    return list(dict.fromkeys([*ordered[:1], *ordered[-1:], sys.executable]))


@pytest.mark.parametrize("python", pythons())
def test_it_logs_by_itself(python: str, tmp_path: Path) -> None:
    package = tmp_path / "lib" / "devbox"
    package.mkdir(parents=True)
    for part in PARTS:
        source = SOURCE / part
        if source.is_dir():
            shutil.copytree(source, package / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, package / part)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path / "lib"),
        "DEVBOX_SPOOL": str(tmp_path / "spool"),
    }
    done = subprocess.run(
        [python, "-S", "-c", SCRIPT], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    run, outside = done.stdout.split(maxsplit=1)
    assert outside.strip() == "[]"
    assert list((tmp_path / "spool" / run).glob("*.journal"))
