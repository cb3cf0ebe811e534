"""What the README shows works, in the order in which it shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from devbox.compute.engine.docker import DockerEngine

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_all_commands_of_the_readme(engine: DockerEngine, base_image: str, tmp_path: Path) -> None:
    project = tmp_path / "churn"
    project.mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for block in blocks("sh"):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=project,
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    (example,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "['churn']\n", done.stderr
