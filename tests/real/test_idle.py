"""Boxes that stop when nobody uses them, with no client there to do it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person, until

BASE = '[box]\nname = "b"\nprofile = "base"\nstop_after = "3s"\n'


@pytest.fixture
def person(engine: DockerEngine, base_image: str, tmp_path: Path) -> Person:
    project = tmp_path / "project"
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml(BASE)
    return made


def box(person: Person) -> dict[str, Any]:
    (found,) = person.json("ps")
    return dict(found)


def use(person: Person) -> str:
    idle = box(person)["idle"]
    return str(idle["state"]) if idle else ""


def stopped(person: Person) -> bool:
    return bool(box(person)["state"] == "stopped")


def test_an_idle_box_stops_by_itself_and_comes_back(person: Person, engine: DockerEngine) -> None:
    told = person.run("up").stderr
    assert "stop_after" not in told
    person.sh("echo mine >~/note; echo too >/opt/here")
    until(lambda: use(person) == "idle")
    assert "idle, stops in" in person.run("ps").stdout
    until(lambda: stopped(person))
    own = engine.container(person.container)
    assert own
    assert own.exit_code == 0
    assert use(person) == "stopped"
    assert "stopped: idle" in person.run("ps").stdout
    person.run("start")
    assert person.sh("cat ~/note /opt/here") == "mine\ntoo"


def test_programs_may_save_their_work_and_the_deaf_are_ended(person: Person) -> None:
    person.run("up")
    for name, answer in (("a", "echo saved >/workspace/saved; exit"), ("b", ":")):
        loop = f"trap '{answer}' TERM; touch /workspace/{name}; while :; do sleep 0.2; done"
        person.sh(f'nohup sh -c "{loop}" >/dev/null 2>&1 &')
        until((person.project / name).exists)
    until(lambda: stopped(person), seconds=60)
    assert (person.project / "saved").read_text() == "saved\n"


def test_a_task_keeps_it_running(person: Person) -> None:
    person.run("up")
    task = person.start("exec", "--", "sh", "-c", "sleep 7; echo done")
    until(lambda: "busy: sh -c sleep 7" in person.run("ps").stdout)
    assert task.communicate(timeout=30)[0] == "done\n"  # twice as long as stop_after
    until(lambda: stopped(person))


def test_a_busy_cpu_keeps_it_running(person: Person) -> None:
    person.run("up")
    person.sh("nohup sh -c 'while :; do :; done' >/dev/null 2>&1 & echo $! >/tmp/pid")

    def long_busy() -> bool:
        idle = box(person)["idle"]
        now = int(person.sh("date +%s"))
        return idle is not None and idle["state"] == "busy" and now - int(idle["since"]) > 6

    until(long_busy)
    until(lambda: "of a CPU" in box(person)["idle"]["reason"])
    person.sh("kill $(cat /tmp/pid)")
    until(lambda: stopped(person))


def test_keep_keeps_it_running(person: Person) -> None:
    person.run("up")
    kept = person.run("keep", "9s").stderr
    assert "stays for 9 s" in kept
    # Our own look at the box may be what keeps it busy for a moment.
    until(lambda: "kept for" in person.run("status").stdout)
    # Longer than stop_after after the last command, and it still runs.
    until(lambda: 0 < box(person)["idle"]["left"] <= 4)
    assert box(person)["state"] == "running"
    person.run("keep", "b", "1h")
    until(lambda: box(person)["idle"]["left"] > 3000)
    person.run("keep", "--off")
    until(lambda: stopped(person))
    assert "Run `devbox start` first" in person.run("keep", "1h", code=1).stderr


def test_keep_where_it_makes_no_sense(person: Person) -> None:
    person.run("keep", code=2)
    person.run("keep", "soon", code=2)
    person.run("keep", "4h", "--off", "b", code=2)
    person.toml(BASE.replace('stop_after = "3s"\n', ""))
    person.run("up")
    assert "does not stop by itself" in person.run("keep", "4h", code=1).stderr
    assert box(person)["idle"] is None
