"""PyTorch, as a person without a GPU gets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_starter_trains_on_the_cpu(
    engine: DockerEngine, base_image: str, tmp_path: Path
) -> None:
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    person = Person(tmp_path, os.environ["DEVBOX_USER"])
    person.run("init", "--profile", "pytorch", "--starter", "--name", "t")
    made = subprocess.run(
        [sys.executable, "-m", "devbox", "image", "build"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    person.run("up")
    told = person.sh("python train.py --workers 1")
    assert "+cpu, device=cpu" in told
    assert json.loads((tmp_path / "metrics.json").read_text())["accuracy"] > 0.9
    assert list((tmp_path / "runs").glob("events.*"))
    assert person.sh("python -c 'import jupyterlab, sklearn, tensorboard; print(1)'") == "1"
    assert person.json("status")[0]["shm_size"] == 8 << 30
    assert person.sh("uv pip check 2>&1 | tail -n 1").startswith("All installed packages")
    person.run("rm", "--volumes", "--yes")
