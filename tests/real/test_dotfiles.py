"""A person's dotfiles in the home of a box."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.real.box import Person


def git(*argv: str, cwd: Path) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *argv], cwd=cwd, check=True, capture_output=True, timeout=60)


def commit(repository: Path, **files: str) -> None:
    for name, content in files.items():
        (repository / name.replace("_", ".")).write_text(content)
    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "x", cwd=repository)


@pytest.fixture
def dots(tmp_path: Path) -> Path:
    made = tmp_path / "dots"
    made.mkdir()
    git("init", "-q", cwd=made)
    (made / "shadow").symlink_to("/etc/shadow")
    commit(made, install_sh='echo "as $(id -u)"; echo ran >> ~/ran; touch ~/.installed\n')
    Path(os.environ["DEVBOX_CONFIG"]).write_text(f'dotfiles = "{made}"\n')
    return made


def test_they_are_installed_once_for_each_commit_and_home(person: Person, dots: Path) -> None:
    os.chown(person.project, 4242, 4242)
    assert "as 4242" in person.run("up").stderr
    assert person.sh("readlink ~/.dotfiles/shadow; stat -c %u ~/.dotfiles") == "/etc/shadow\n4242"
    person.run("restart")
    person.run("down")
    person.run("up")
    assert person.sh("cat ~/ran") == "ran"
    commit(dots, _vimrc="set nocp\n")
    person.run("restart")
    assert person.sh("cat ~/ran; cat ~/.dotfiles/.vimrc") == "ran\nran\nset nocp"
    dots.rename(dots.parent / "away")
    told = person.run("restart").stderr
    assert "warning: the last copy is used" in told
    assert person.sh("cat ~/ran") == "ran\nran"


def test_a_script_that_fails_is_a_warning(person: Person, dots: Path) -> None:
    commit(dots, install_sh="echo no such shell; exit 3\n")
    told = person.run("up").stderr
    assert "no such shell" in told
    assert "warning: their installation failed with exit code 3" in told
    assert person.json("ps")[0]["state"] == "running"
    commit(dots, install_sh="echo mended > ~/mended\n")
    person.run("restart")
    assert person.sh("cat ~/mended") == "mended"
