"""Runs of code in a box: found outside, whatever ends them; and what code in a box may ask."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from devbox.daemon.client import ask, holder
from devbox.errors import DevboxError
from devbox.journal.ids import new_id
from devbox.journal.places import box_spool
from tests.real.box import DEVBOX, Person, until

TRAIN = """
import devbox
with devbox.start_run("train", experiment="e", params={"lr": 0.1}, sample_every=None) as run:
    for step in range(100):
        devbox.log_metric("loss", 1 / (step + 1))
    devbox.log_text("hello", "notes/a.txt")
print(run.id)
"""
WAITING = """
import os, signal, time, devbox
run = devbox.start_run("waiting", sample_every=None)
devbox.log_metric("loss", 0.5)
open("/workspace/started", "w").write(run.id)
time.sleep(600)
"""


@pytest.fixture
def person(base_image: str, tmp_path: Path) -> Person:
    """Somebody with a box that has a Python."""
    del base_image
    project = tmp_path / "project"
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml('[box]\nname = "b"\nprofile = "base"\napt = ["python3"]\n')
    made.run("up")
    return made


@pytest.fixture
def spool(person: Person, home: Path) -> Path:
    return box_spool(home, person.owner, "b")


def python(person: Person, script: str) -> str:
    (person.project / "script.py").write_text(script)
    return person.sh("python3 /workspace/script.py")


def connected(home: Path) -> bool:
    try:
        return any(box["connected"] for box in ask(home, "status")["boxes"])
    except DevboxError:
        return False


def shown(person: Person, run: str) -> dict[str, object]:
    found = person.json("runs", "show", run)
    assert isinstance(found, dict)
    return found


def test_code_in_a_box_is_tracked(person: Person, spool: Path) -> None:
    run = python(person, TRAIN)
    found = shown(person, run)
    assert found["status"] == "succeeded"
    assert (found["box"], found["user"]) == ("b", person.owner)
    assert found["params"] == {"lr": "0.1"}
    assert found["metrics"] == {"loss": 0.01}
    environment = found["environment"]
    assert isinstance(environment, dict)
    assert environment["image"].startswith("sha256:")
    assert environment["image_tag"].startswith("devbox/box:")
    assert (environment["box"], environment["profile"]) == ("b", "base")
    assert not list(spool.iterdir())
    listed = person.json("runs", "ls", "--where", "box = 'b'")
    assert [each["id"] for each in listed] == [run]


def test_a_session_over_ssh_is_tracked_too(person: Person) -> None:
    (person.project / "script.py").write_text(TRAIN)
    run = person.run("ssh", "--", "python3 /workspace/script.py").stdout.strip()
    assert shown(person, run)["box"] == "b"
    assert run[:12] in person.run("ssh", "--", "devbox runs ls").stdout
    person.run("stop", "--yes")  # which ends the connection that sessions share


def waiting(person: Person) -> tuple[subprocess.Popen[str], str]:
    (person.project / "script.py").write_text(WAITING)
    started = person.project / "started"
    process = person.start("exec", "--", "python3", "/workspace/script.py")
    until(lambda: started.exists() and bool(started.read_text()))
    return process, started.read_text()


def test_what_is_killed_is_lost(person: Person) -> None:
    process, run = waiting(person)
    assert shown(person, run)["status"] == "running"
    person.run("exec", "--", "pkill", "-9", "-f", "script.py")
    process.communicate(timeout=30)
    found = shown(person, run)
    assert found["status"] == "lost"
    assert found["metrics"] == {"loss": 0.5}


def test_a_box_that_stops_loses_its_runs_and_keeps_its_spool(person: Person, home: Path) -> None:
    process, run = waiting(person)
    person.run("stop", "--yes")
    process.communicate(timeout=60)
    assert shown(person, run)["status"] == "lost"
    person.run("start")
    again = python(person, TRAIN)
    person.run("down", "--yes")
    person.run("up")
    assert shown(person, again)["status"] == "succeeded"
    last = python(person, TRAIN)
    person.run("rm", "--yes")
    assert not (home / "boxes" / f"{person.owner}_b").exists()
    assert shown(person, last)["status"] == "succeeded"


def test_several_processes_write_to_one_run(person: Person) -> None:
    run = python(
        person,
        "import devbox, os\n"
        "with devbox.start_run(sample_every=None) as run:\n"
        "    children = []\n"
        "    for number in range(4):\n"
        "        pid = os.fork()\n"
        "        if not pid:\n"
        "            for step in range(2500): devbox.log_metric('loss', number, step)\n"
        "            os._exit(0)\n"
        "        children.append(pid)\n"
        "    for pid in children: os.waitpid(pid, 0)\n"
        "print(run.id)\n",
    )
    points = json.loads(person.run("runs", "plot", run, "--metric", "loss", "--json").stdout)
    assert points
    from devbox.api import Devbox

    with Devbox() as door:
        assert len(door.runs.metric(run, "loss")) == 10_000


def test_a_command_is_tracked_in_a_box(person: Person) -> None:
    done = person.run(
        "run", "--box", "--name", "n", "-e", "e", "-t", "task=x", "--",
        "sh", "-c", "echo out; echo err >&2; exit 3", code=3,
    )  # fmt: skip
    assert done.stdout == "out\n"
    assert "err\n" in done.stderr
    (found,) = person.json("runs", "ls")
    assert (found["name"], found["experiment"], found["status"]) == ("n", "e", "failed")
    assert (found["box"], found["tags"]) == ("b", {"task": "x"})
    assert person.run("runs", "logs", found["id"]).stdout == "out\nerr\n"
    person.run("run", "--box", "b", "--", "no-such-program", code=127)
    person.run("run", "--box", "nobody", "--", "true", code=125)
    person.run("run", "b", "--", "true", code=125)


def test_a_tracked_command_shows_while_it_runs_and_is_work(person: Person) -> None:
    process = person.start("run", "--box", "--", "sh", "-c", "echo begun; sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    (found,) = person.json("runs", "ls")
    assert found["status"] == "running"
    assert person.run("runs", "logs", found["id"]).stdout == "begun\n"
    refused = person.run("stop", code=4)
    assert "run" in refused.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert shown(person, found["id"])["status"] in {"failed", "lost"}


def test_devbox_in_a_box(person: Person, home: Path) -> None:
    until(lambda: connected(home))
    assert person.json("status")[0]["work"] == []
    run = python(person, TRAIN)
    assert run[:12] in person.sh("devbox runs ls")
    assert json.loads(person.sh(f"devbox runs show {run} --json"))["id"] == run
    person.sh("devbox run --name inner -- sh -c 'exit 5'", code=5)
    assert person.json("runs", "ls")[0]["name"] == "inner"
    for words in (
        "up",
        "runs rm x",
        "runs ls --output /tmp/x",
        "state backup /tmp/x",
        "exec -- id",
    ):
        refused = person.run("exec", "--", "sh", "-c", f"devbox {words}", code=2)
        assert "inside of a box" in refused.stderr


def test_the_bridge(person: Person, home: Path) -> None:
    until(lambda: connected(home))
    asked = python(
        person,
        "from pathlib import Path\n"
        "from devbox.errors import DevboxError\n"
        "from devbox.journal.bridge import call, fetch\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def refused(act):\n"
        "    try: act()\n"
        "    except DevboxError as error: print('refused:', error.message)\n"
        "    else: print('NOT refused')\n"
        "with ThreadPoolExecutor(20) as pool:\n"
        "    many = list(pool.map(lambda _: call('registered', id='0' * 32), range(100)))\n"
        "assert many == [{'version': None}] * 100, many\n"
        "refused(lambda: call('up'))\n"
        "refused(lambda: call('model', ref='nothing'))\n"
        "refused(lambda: call('model', ref=7))\n"
        "refused(lambda: call('cli', argv=['secrets']))\n"
        "refused(lambda: fetch('0' * 64, Path('/tmp/x')))\n"
        "refused(lambda: fetch('../../etc/passwd', Path('/tmp/x')))\n"
        "assert not Path('/tmp/x').exists()\n",
    )
    assert asked.count("refused:") == 6, asked
    assert "NOT" not in asked


def test_rubbish_on_the_bridge_harms_nobody(person: Person, home: Path) -> None:
    until(lambda: connected(home))
    python(
        person,
        "import socket\n"
        "streams = []\n"
        "for data in (b'\\xff' * 10, b'\\0\\0\\0\\5hello', b'\\0\\0\\0\\2{}{}', b'', b'\\0\\0'):\n"
        "    stream = socket.socket(socket.AF_UNIX)\n"
        "    stream.connect('/run/devbox/bridge/socket')\n"
        "    stream.sendall(data)\n"
        "    streams.append(stream)\n",
    )
    # Who takes the place of the bridge's program can say anything.
    person.run("exec", "--", "pkill", "-9", "-f", "current bridge")
    until(lambda: not connected(home))
    until(lambda: connected(home))
    assert person.sh("devbox runs ls -q") == ""


def hostile(spool: Path, outside: Path) -> list[str]:
    """Make runs in a spool that are none; returns their ids."""
    link, file, pipe, piped, linked = (spool / new_id() for _ in range(5))
    link.symlink_to(outside)
    file.write_text("a file")
    os.mkfifo(pipe)
    piped.mkdir()
    os.mkfifo(piped / f"{new_id()}.journal")
    linked.mkdir()
    (linked / f"{new_id()}.journal").symlink_to(outside / "secret.journal")
    return [each.name for each in (link, file, pipe, piped, linked)]


def test_a_hostile_spool(person: Person, spool: Path, home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.journal").write_text('{"kind":"params","values":{"a":"secret"}}\n')
    victim = outside / ("0" * 64)
    victim.write_text("victim")
    person.run("run", "--", "true")
    local = str(person.json("runs", "ls")[0]["id"])
    bad = hostile(spool, outside)
    # Another's run; a name that climbs; a huge file without content; artifacts that lead outside.
    other = spool / local
    other.mkdir()
    (other / f"{new_id()}.journal").write_text('{"kind":"tags","values":{"stolen":"yes"}}\n')
    (spool / "..x").mkdir()
    huge = spool / new_id()
    (huge / "artifacts").mkdir(parents=True)
    with (huge / "artifacts" / ("1" * 64)).open("wb") as file:
        file.truncate(1 << 43)
    note = {"kind": "artifact", "path": "a", "size": 1 << 43, "sha256": "1" * 64}
    (huge / f"{new_id()}.journal").write_text(json.dumps(note) + "\n")
    leading = spool / new_id()
    leading.mkdir()
    (leading / "artifacts").symlink_to(outside)
    note = {"kind": "artifact", "path": "a", "size": 6, "sha256": "0" * 64}
    parent = {"kind": "start", "parent": local, "box": "other"}
    lines = json.dumps(note) + "\n" + json.dumps(parent) + "\n"
    (leading / f"{new_id()}.journal").write_text(lines)

    listed = {each["id"] for each in person.json("runs", "ls", "--all")}
    assert not listed & set(bad)
    assert shown(person, local)["tags"] == {}
    assert shown(person, huge.name)["artifacts"] == []
    found = shown(person, leading.name)
    assert (found["box"], found["parent"]) == ("b", "")
    assert victim.read_text() == "victim"
    assert (outside / "secret.journal").exists()


def test_a_killed_daemon_is_replaced(person: Person, home: Path) -> None:
    until(lambda: connected(home))
    found = holder(home)
    assert found
    psutil.Process(found.pid).kill()
    until(lambda: holder(home) is None)
    person.sh("true")
    until(lambda: connected(home))
    assert holder(home) != found
    assert person.json("daemon", "status")["boxes"][0]["box"] == "b"
    assert person.sh("devbox runs ls -q") == ""


def test_a_daemon_leaves_when_nothing_needs_it(person: Person, home: Path) -> None:
    config = Path(os.environ["DEVBOX_CONFIG"])
    config.write_text((config.read_text() if config.exists() else "") + '\ndaemon_idle = "1s"\n')
    person.run("daemon", "restart")
    until(lambda: connected(home))
    person.run("stop")
    until(lambda: holder(home) is None)
    person.run("start")
    until(lambda: connected(home))
    person.run("daemon", "stop")
    assert holder(home) is None


def test_an_image_without_python_works(base_image: str, tmp_path: Path) -> None:
    person = Person(tmp_path, os.environ["DEVBOX_USER"])
    person.toml(f'[box]\nname = "b"\nimage = "{base_image}"\n')
    person.run("up")
    assert person.sh("echo works") == "works"
    assert "Python" in person.run("run", "--box", "--", "true", code=125).stderr
    assert DEVBOX
