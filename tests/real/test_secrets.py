"""Secrets reach the processes of a box, and nothing that is recorded."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person
from tests.real.planted import places_with

BASE = '[box]\nname = "b"\nprofile = "base"\n'
VALUE = 'pla\'nted "secret" $HOME `id` ü\nits-second-line'


def settings(text: str) -> None:
    Path(os.environ["DEVBOX_CONFIG"]).write_text(text)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """The file that a secret comes from."""
    file = tmp_path / "token"
    file.write_text(VALUE + "\n")
    file.chmod(0o600)
    settings(f'[secrets]\nTOKEN = {{ file = "{file}" }}\n')
    return file


def test_a_planted_value_is_nowhere(
    person: Person, engine: DockerEngine, base_image: str, token: Path
) -> None:
    begun = time.time()
    hooks = '[box.hooks]\non_create = "printenv TOKEN"\non_attach = "printenv TOKEN"\n'
    person.toml(BASE + 'secrets = ["TOKEN"]\n' + hooks)
    told = [person.run("up", "-v").stderr]
    assert person.sh('printf "%s" "$TOKEN"') == VALUE
    assert person.sh("printenv TOKEN | wc -l") == "2"
    told += [person.run("restart").stderr, person.run("shell", input="true\n").stderr]

    fail = "printenv TOKEN; echo $TOKEN >&2; exit 3"
    person.toml(BASE + f'secrets = ["TOKEN"]\n[box.hooks]\non_start = "{fail}"\n')
    told.append(person.run("up", code=1).stderr)
    assert "on_start failed with exit code 3" in told[-1]

    (person.project / "Dockerfile").write_text(f"FROM {base_image}\nRUN env && exit 4\n")
    person.toml('[box]\nname = "b"\nsecrets = ["TOKEN"]\nbuild = {}\n')
    told.append(person.run("up", code=1).stderr)

    assert "***" in told[0]
    for text in told:
        for line in VALUE.splitlines():
            assert line not in text
    assert person.sh('printf "%s" "$TOKEN"') == VALUE
    # The search itself finds what there is to find.
    person.sh('echo "$TOKEN" > ~/copied; echo "$TOKEN" > /copied')
    assert places_with(VALUE, engine, person, begun) == {"/copied", "/home/dev"}


def test_a_changed_value_reaches_the_box(person: Person, token: Path) -> None:
    person.toml(BASE + 'secrets = ["TOKEN"]\n')
    assert "Updated" not in person.run("up").stderr
    assert "Updated" not in person.run("up").stderr
    token.write_text("another one")
    told = person.run("up").stderr
    assert "Updated in the box: secrets." in told
    assert "another one" not in told
    assert person.sh("echo $TOKEN") == "another one"
    assert "Updated" not in person.run("up").stderr
    token.write_text("a third")
    person.run("restart")
    assert person.sh("echo $TOKEN") == "a third"
    person.run("stop")
    token.write_text("a fourth")
    person.run("start")
    assert person.sh("echo $TOKEN") == "a fourth"


def test_what_has_no_value_is_told_before_anything_is_touched(
    person: Person, engine: DockerEngine
) -> None:
    person.toml(BASE + 'secrets = ["TOKEN", "OTHER"]\n')
    error = person.run("up", code=2).stderr
    assert "TOKEN and OTHER have no value" in error
    assert "[secrets] TOKEN = {" in error
    assert person.run("up", "--dry-run", code=2).stderr == error
    settings(
        '[secrets]\nTOKEN = { command = "echo half-a-value; echo no half-a-value >&2; exit 5" }\n'
    )
    error = person.run("up", code=2, env={"OTHER": "x"}).stderr
    assert "its command failed (exit code 5)" in error
    assert "  no ***" in error
    assert engine.containers({"devbox.owner": person.owner}) == ()
    assert engine.volumes({"devbox.owner": person.owner}) == ()


def test_the_environment_and_commands_are_sources(person: Person) -> None:
    settings('[secrets]\nONE = { env = "THERE" }\nTWO = { command = ["printf", "%s", "2 \'\'"] }\n')
    person.toml(BASE + 'secrets = ["ONE", "TWO", "THREE"]\n')
    environment = {"THERE": "first", "THREE": "third"}
    person.run("up", env=environment)
    assert person.sh('echo "$ONE,$TWO,$THREE"') == "first,2 '',third"
    assert person.sh("stat -c %a /run/devbox/env") == "400"
    assert person.sh("ls -A /run/devbox | grep -c '^.new'; true") == "0"


def test_only_the_boxs_user_reads_it(person: Person, token: Path) -> None:
    os.chown(person.project, 4242, 4242)
    person.toml(BASE + 'secrets = ["TOKEN"]\n')
    person.run("up")
    assert person.sh("id -u; echo $TOKEN | head -c 3") == "4242\npla"
    script = "cat /run/devbox/env; printenv TOKEN; true"
    assert person.run("exec", "-u", "4243", "--", "sh", "-c", script).stdout == ""


def test_a_changed_index_password_reaches_a_running_box(person: Person, tmp_path: Path) -> None:
    index = "https://me:{}@packages.example.com/simple"
    settings(f'[network]\nindex = "{index.format("password-one")}"\n')
    person.run("up")
    settings(f'[network]\nindex = "{index.format("password-two")}"\n')
    assert "Updated in the box: package indexes." in person.run("up").stderr
    assert "password-two" in person.sh("cat /run/devbox/pip.conf")
    told = person.run("up").stderr
    assert "Updated" not in told


def test_a_home_of_another_user_belongs_to_the_new_one(person: Person) -> None:
    person.run("up")
    person.sh("echo mine > ~/note; mkdir -p ~/a/b; ln -s /etc/passwd ~/link; chmod 600 ~/note")
    os.chown(person.project, 4242, 4343)
    person.run("up")
    assert person.sh("id -u; cat ~/note; stat -c %u:%g:%a ~/note ~/a/b") == (
        "4242\nmine\n4242:4343:600\n4242:4343:755"
    )
    # A link is given away, never what it leads to.
    assert person.sh("stat -c %u ~/link; stat -L -c %u ~/link") == "4242\n0"
    assert person.sh("echo more >> ~/note && wc -l < ~/note") == "2"
