"""The everyday verbs of a box beside plain Docker."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timing import Case, command, in_turn, show

BIN = Path(sys.executable).parent
DEVBOX = str(BIN / "devbox")


class Bench:
    """One bench in a state, a project and an owner of its own."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.runs = runs
        self.owner = f"bench-{uuid.uuid4().hex[:6]}"
        self.folder = folder
        self.env = os.environ | {"DEVBOX_HOME": str(folder / "home"), "DEVBOX_USER": self.owner}
        self.project = self.new_project("bench")

    def new_project(self, name: str) -> Path:
        """A folder with a devbox.toml for a plain box."""
        project = self.folder / name
        project.mkdir()
        (project / "devbox.toml").write_text(f'[box]\nname = "{name}"\nprofile = "base"\n')
        return project

    def devbox(self, *args: str, cwd: Path | None = None) -> None:
        """Run devbox in a project."""
        command([DEVBOX, *args], cwd=cwd or self.project, env=self.env)()

    def cases(self) -> Iterator[Case]:
        """Every comparison, the box being made first."""
        yield self.help()
        self.devbox("up", "--yes")
        yield self.up_again()
        yield self.exec()
        yield self.ssh()
        yield self.ssh_again()
        yield self.first_up()
        yield self.ps()

    def help(self) -> Case:
        ours, other = in_turn(
            command([DEVBOX, "--help"], env=self.env),
            command([sys.executable, "-c", "import click"]),
            runs=self.runs,
        )
        name = 'python -c "import click"'
        return Case("`devbox --help`", ours, other, name, "<= 2x", ours <= 2 * other)

    def up_again(self) -> Case:
        file = self.folder / "home" / "boxes" / f"{self.owner}_bench" / "compose.json"
        project = f"devbox-{self.owner}_bench"
        ours, other = in_turn(
            lambda: self.devbox("up"),
            command(["docker", "compose", "-p", project, "-f", str(file), "up", "-d", "--wait"]),
            runs=self.runs,
        )
        name = "docker compose up -d --wait"
        return Case("`devbox up`, already up", ours, other, name, "<= 0.25 s", ours <= 0.25)

    @property
    def container(self) -> str:
        """The name of the container of the bench's box."""
        return f"devbox-{self.owner}_bench-box-1"

    def exec(self) -> Case:
        ours, other = in_turn(
            lambda: self.devbox("exec", "--", "true"),
            command(["docker", "exec", self.container, "true"]),
            runs=self.runs,
        )
        aim = "<= docker exec + 0.08 s"
        return Case("`devbox exec -- true`", ours, other, "docker exec", aim, ours <= other + 0.08)

    def ssh(self) -> Case:
        """A connection from nothing, and below over one that is held open."""
        ours, other = in_turn(
            command([*self.ssh_argv(), "true"], env=self.env),
            command(["docker", "exec", self.container, "true"]),
            runs=self.runs,
        )
        aim = "<= docker exec + 0.2 s"
        return Case("`ssh true`, cold", ours, other, "docker exec", aim, ours <= other + 0.2)

    def ssh_again(self) -> Case:
        socket = f"/tmp/{self.owner}.sock"
        held = [*self.ssh_argv("-o", f"ControlPath={socket}")]
        start = [*held[:-1], "-o", "ControlMaster=yes", "-N", "-f", held[-1]]
        # It goes to the background, where it must hold no pipe of ours.
        subprocess.run(start, env=self.env, check=True, stderr=subprocess.DEVNULL)
        try:
            ours, other = in_turn(
                command([*held, "true"], env=self.env),
                command(["docker", "exec", self.container, "true"]),
                runs=self.runs,
            )
        finally:
            command([held[0], "-O", "exit", *held[1:]], env=self.env)()
        name = "`ssh true`, over a control socket"
        return Case(name, ours, other, "docker exec", "<= 1x", ours <= other)

    def ssh_argv(self, *options: str) -> list[str]:
        """An `ssh` to the box, as `devbox ssh-config` tells it."""
        file = self.folder / "ssh_config"
        shown = subprocess.run(
            [DEVBOX, "ssh-config", "--print"], env=self.env, capture_output=True, check=True
        )
        file.write_bytes(shown.stdout)
        return ["ssh", "-F", str(file), *options, "bench.devbox"]

    def first_up(self) -> Case:
        """The image and the volumes are there, no container is: both start the same file."""
        file = self.folder / "compose.yaml"
        shown = subprocess.run(
            [DEVBOX, "config", "show", "--compose"],
            cwd=self.project,
            env=self.env,
            capture_output=True,
            check=True,
        )
        file.write_bytes(shown.stdout)
        compose = ["docker", "compose", "-p", f"{self.owner}-plain", "-f", str(file)]
        self.devbox("down")
        ours, other = in_turn(
            lambda: self.devbox("up"),
            command([*compose, "up", "-d", "--wait"]),
            runs=self.runs,
            after_ours=lambda: self.devbox("down"),
            after_other=command([*compose, "down", "-t", "1"]),
        )
        name = "docker compose up -d --wait"
        aim = "<= 0.8x"
        return Case("`devbox up`, image present", ours, other, name, aim, ours <= 0.8 * other)

    def ps(self) -> Case:
        for number in range(50):
            self.devbox("up", "--quiet", cwd=self.new_project(f"ps-{number}"))
        ours, other = in_turn(
            lambda: self.devbox("ps"),
            command(["docker", "ps", "--filter", f"label=devbox.owner={self.owner}"]),
            runs=self.runs,
        )
        return Case("`devbox ps`, 50 boxes", ours, other, "docker ps", "<= 0.25 s", ours <= 0.25)

    def clean(self) -> None:
        """Remove every box and volume of the bench."""
        listed = subprocess.run(
            [DEVBOX, "ps", "--json"], env=self.env, capture_output=True, check=True
        )
        for box in json.loads(listed.stdout):
            self.devbox("rm", box["name"], "--volumes", "--yes")
        volumes = subprocess.run(
            ["docker", "volume", "ls", "-q", "--filter", f"label=devbox.owner={self.owner}"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        if volumes:
            command(["docker", "volume", "rm", *volumes])()


@contextmanager
def bench(runs: int) -> Iterator[Bench]:
    """A bench that leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="devbox-bench-") as folder:
        made = Bench(Path(folder), runs)
        try:
            yield made
        finally:
            made.clean()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="counted runs of each command")
    parser.add_argument("--json", action="store_true", dest="as_json")
    args = parser.parse_args()
    with bench(args.runs) as made:
        show(list(made.cases()), as_json=args.as_json)


if __name__ == "__main__":
    main()
