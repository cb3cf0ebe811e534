"""A project and the devbox command, as a person uses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEVBOX = [sys.executable, "-m", "devbox"]


@dataclass
class Person:
    """Somebody with a project folder. ``owner`` is who devbox takes them for."""

    project: Path
    owner: str

    def toml(self, text: str) -> None:
        """Write devbox.toml."""
        (self.project / "devbox.toml").write_text(text)

    def run(
        self, *args: str, input: str | None = None, code: int = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run devbox in the project; it must end with ``code``."""
        done = subprocess.run(
            [*DEVBOX, *args],
            cwd=self.project,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=240,
            env=os.environ | (env or {}),
            check=False,
        )
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        """Start devbox in the project and go on."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen([*DEVBOX, *args], cwd=self.project, text=True, **streams)

    def json(self, *args: str, code: int = 0) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*args, "--json", code=code).stdout)

    def sh(self, script: str, *, code: int = 0) -> str:
        """Run a shell script in the box; what it printed, stripped."""
        return self.run("exec", "--", "sh", "-c", script, code=code).stdout.strip()

    @property
    def container(self) -> str:
        """The name of the box's container."""
        name = json.loads(self.run("ps", "--json").stdout)[0]["name"]
        return f"devbox-{self.owner}_{name}-box-1"


def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait for a condition; fails when it has not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
