"""Git in a box: who the person is, and with consent the credentials of the remotes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person
from tests.real.gitserver import git_server
from tests.real.planted import places_with

BASE = '[box]\nname = "b"\nprofile = "base"\n'
HOOK = BASE + '[box.hooks]\non_start = "git fetch origin 2>&1 && git rev-parse FETCH_HEAD"\n'
PASSWORD = "planted-password"


def git(*argv: str, cwd: Path) -> str:
    words = ["git", "-c", "init.defaultBranch=main", *argv]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@pytest.fixture
def commit(person: Person, engine: DockerEngine, tmp_path: Path) -> Iterator[str]:
    """The project is a clone of a private repository that has one more commit, this one."""
    home = Path(os.environ["HOME"])
    git("config", "--global", "user.name", 'Ada "A" Lovelace', cwd=tmp_path)
    git("config", "--global", "user.email", "ada@example.com", cwd=tmp_path)
    git("config", "--global", "credential.helper", "store", cwd=tmp_path)
    (tmp_path / "served").mkdir()
    git("init", "-q", "--bare", "served/private.git", cwd=tmp_path)
    git("init", "-q", cwd=person.project)
    gateway = engine.http.json("GET", "/networks/bridge")["IPAM"]["Config"][0]["Gateway"]
    with git_server(tmp_path / "served", gateway, "ada", PASSWORD) as address:
        host = address.removeprefix("http://")
        (home / ".git-credentials").write_text(f"http://ada:{PASSWORD}@{host}\n")
        git("remote", "add", "origin", f"{address}/private.git", cwd=person.project)
        git("commit", "-q", "--allow-empty", "-m", "one", cwd=person.project)
        git("push", "-q", str(tmp_path / "served/private.git"), "main", cwd=person.project)
        made = git("rev-parse", "main", cwd=person.project)
        yield made


def test_a_hook_fetches_from_a_private_repository(
    person: Person, engine: DockerEngine, commit: str
) -> None:
    begun = time.time()
    person.toml(HOOK)
    error = person.run("up", code=1).stderr
    assert "could not read Username" in error
    Path(os.environ["DEVBOX_CONFIG"]).write_text("git_credentials = true\n")
    told = person.run("up").stderr
    assert commit in told
    assert "your credentials for http://" in told
    assert person.sh("git ls-remote origin main").split()[0] == commit
    # Only for that host.
    ask = "printf 'protocol=http\\nhost=other.example\\n\\n' | git credential fill"
    assert "password" not in person.sh(f"export GIT_TERMINAL_PROMPT=0; {ask} 2>/dev/null; true")
    assert places_with(PASSWORD, engine, person, begun) == set()
    # Taken back, they are gone from the box that runs.
    Path(os.environ["DEVBOX_CONFIG"]).write_text("")
    assert "Updated in the box: git credentials" in person.run("up").stderr
    assert "git-credential" not in person.sh("ls /run/devbox")
    assert "Updated" not in person.run("up").stderr


def test_who_the_person_is(person: Person, commit: str) -> None:
    person.run("up")
    person.sh("git commit -q --allow-empty -m two")
    assert git("log", "-1", "--format=%an %ae", cwd=person.project) == (
        'Ada "A" Lovelace ada@example.com'
    )
    assert commit == git("rev-parse", "HEAD^", cwd=person.project)
    person.sh("git config --global user.name Grace")
    assert person.sh("git config user.name") == "Grace"
    os.chown(person.project, 4242, 4242)
    person.run("up")
    # Not even root finds the workspace dubious.
    assert person.run("exec", "-u", "0", "--", "git", "status", "--short").stderr == ""
