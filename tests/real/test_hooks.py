"""Hooks: what they see, what they leave running, and how they are ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.box import Person, until

BASE = '[box]\nname = "b"\nprofile = "base"\n'


def settings(text: str) -> None:
    Path(os.environ["DEVBOX_CONFIG"]).write_text(text)


def sleepers(person: Person) -> set[str]:
    """What the sleeps of these tests were given, for those that run in the box."""
    return set(person.sh("ps -eo args= | sed -n 's/^sleep \\(43[0-9]*\\)$/\\1/p'").split())


def test_a_hook_that_hangs_is_ended_with_all_it_started(person: Person) -> None:
    hang = "echo begun; setsid sleep 4321 & nohup sleep 4322 & sleep 4323"
    person.toml(BASE + f'[box.hooks]\non_start = "{hang}"\ntimeout = "1s500ms"\n')
    error = person.run("up", code=1).stderr
    assert "on_start did not end within 1s500ms and was ended" in error
    assert "begun" in error
    assert sleepers(person) == set()
    person.toml(BASE + '[box.hooks]\non_start = "echo fine"\ntimeout = 0\n')
    person.run("up")


def test_what_a_hook_leaves_in_the_background_goes_on(person: Person) -> None:
    start = "nohup sleep 4331 >/dev/null 2>&1 & sleep 4332 & setsid sleep 4333 & echo started"
    person.toml(BASE + f'[box.hooks]\non_start = "{start}"\ntimeout = "30s"\n')
    assert "started" in person.run("up").stderr
    assert sleepers(person) == {"4331", "4332", "4333"}
    person.run("up")
    assert sleepers(person) == {"4331", "4332", "4333"}
    mark = person.sh("tr '\\0' '\\n' < /proc/$(pgrep -f '^sleep 4331')/environ | grep ^DEVBOX_EXEC")
    assert mark.startswith("DEVBOX_EXEC=hook-")


def test_an_interrupt_ends_the_hook_and_all_it_started(person: Person) -> None:
    hang = "setsid sleep 4341 & touch begun; sleep 4342"
    person.toml(BASE + f'[box.hooks]\non_create = "{hang}"\n')
    process = person.start("up")
    until((person.project / "begun").exists)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    until(lambda: sleepers(person) == set())


def test_hooks_at_attach_see_secrets_and_show_none(person: Person) -> None:
    hooks = '[box.hooks]\non_attach = "echo it is $TOKEN; echo $TOKEN > told"\n'
    person.toml(BASE + 'secrets = ["TOKEN"]\n' + hooks)
    person.run("up", env={"TOKEN": "a-secret-value"})
    done = person.run("shell", input="echo $TOKEN\n")
    assert (done.stdout, "it is ***" in done.stderr) == ("a-secret-value\n", True)
    assert "a-secret-value" not in done.stderr
    assert (person.project / "told").read_text() == "a-secret-value\n"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of an ssh agent that holds one key."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    until(socket.exists)
    env = {"SSH_AUTH_SOCK": str(socket)}
    key = tmp_path / "key"
    made = ["ssh-keygen", "-q", "-N", "", "-C", "my key", "-f", str(key)]
    for argv in (made, ["ssh-add", "-q", str(key)]):
        subprocess.run(argv, env=os.environ | env, check=True, timeout=20)
    yield env
    process.terminate()
    process.wait()


def test_hooks_use_the_ssh_agent_where_it_is_allowed(person: Person, agent: dict[str, str]) -> None:
    hook = "ssh-add -l > keys 2>&1; true"
    person.toml(BASE + f'[box.hooks]\non_start = "{hook}"\non_attach = "{hook}"\n')
    person.run("up", env=agent)
    keys = person.project / "keys"
    assert "my key" not in keys.read_text()
    settings("ssh_agent = true\n")
    person.run("restart", env=agent)
    assert "my key" in keys.read_text()
    keys.unlink()
    person.run("shell", input="true\n", env=agent)
    assert "my key" in keys.read_text()
    person.run("restart")
    assert "my key" not in keys.read_text()


def test_an_interrupt_of_a_hook_that_floods_leaves_a_box_to_enter(
    person: Person, tmp_path: Path
) -> None:
    """The stream of such a hook is full when nobody reads it any more."""
    person.toml(BASE + '[box.hooks]\non_start = "yes"\n')
    log = tmp_path / "log"
    with log.open("wb") as out:
        up = person.start("up", stdout=out, stderr=out)
        until(lambda: log.stat().st_size > 100_000)
        up.send_signal(signal.SIGTERM)
        up.wait(60)
    assert person.sh("echo entered") == "entered"
    assert person.sh("pgrep -x yes; true") == ""
