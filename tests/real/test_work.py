"""Running work in a real box: what counts, and that nothing ends it unasked."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from contextlib import suppress

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person, until

BASE = '[box]\nname = "b"\nprofile = "base"\n'


def work(person: Person) -> list[tuple[str, str]]:
    """Kind and detail of what runs, sorted."""
    return sorted((each["kind"], each["detail"]) for each in person.json("status")[0]["work"])


def begin(person: Person, *argv: str) -> subprocess.Popen[str]:
    """A task that is known to run."""
    task = person.start("exec", "--", *argv)
    until(lambda: ("task", " ".join(argv)) in work(person))
    return task


def end(task: subprocess.Popen[str]) -> None:
    task.terminate()
    task.communicate(timeout=30)


def test_what_counts_as_work_and_what_does_not(person: Person, engine: DockerEngine) -> None:
    person.toml(BASE + '[box.hooks]\non_start = "nohup sleep 4101 >/dev/null 2>&1 &"\n')
    person.run("up")
    assert work(person) == []
    person.sh("nohup sleep 4102 >/dev/null 2>&1 &")
    task = begin(person, "sh", "-c", r"sleep 4103; : '\c \n'")
    stranger = engine.exec(person.container, ["sleep", "4104"])
    server = engine.exec(
        person.container, ["sh", "-c", "sleep 4105; true"], env={"DEVBOX_EXEC": "serve-web"}
    )
    person.sh("tmux new-session -d; tmux new-session -d sleep 4106; tmux new-session -d 'sh -i'")
    session = person.start("ssh", "--", "sleep", "4107")
    found = [
        ("process", "sleep 4102"),
        ("process", "sleep 4104"),
        ("process", "sleep 4106"),
        ("ssh", "sleep 4107"),
        ("task", r"sh -c sleep 4103; : '\c \n'"),
    ]
    until(lambda: work(person) == found)
    assert person.sh("pgrep -f 'sleep 410[15]' | wc -l") == "3"  # they run, and don't count
    person.sh("pkill -f 'sleep 410[7]'")
    session.communicate(timeout=30)
    until(lambda: ("ssh", "sleep 4107") not in work(person))  # the connection itself stays
    for other in (stranger, server):
        other.close()
    end(task)
    person.run("stop", "--yes")


def test_the_box_user_does_not_hide_work_from_root(person: Person) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    os.chown(person.project, 4321, 5432)
    person.toml(BASE + '[box.hooks]\non_start = "nohup sleep 4111 >/dev/null 2>&1 &"\n')
    person.run("up")
    task = begin(person, "sleep", "4112")
    assert work(person) == [("task", "sleep 4112")]
    end(task)


def test_a_change_ends_work_only_with_consent(person: Person, engine: DockerEngine) -> None:
    person.run("up")
    container = engine.container(person.container)
    task = begin(person, "sleep", "4121")
    person.toml(BASE + 'env = {COLOR = "red"}\n')
    (plan,) = person.json("up", "--dry-run")
    assert [(each["kind"], each["detail"]) for each in plan["work"]] == [("task", "sleep 4121")]
    assert "end task" in person.run("up", "--dry-run").stdout
    for args in (["up"], ["stop"], ["restart"], ["down"], ["rm"], ["rm", "--volumes"]):
        refused = person.run(*args, code=4).stderr
        assert "sleep 4121" in refused
        assert "--yes" in refused
        now = engine.container(person.container)
        assert now
        assert container
        assert (now.id, now.started) == (container.id, container.started)
    assert work(person) == [("task", "sleep 4121")]
    assert task.poll() is None
    person.run("up", "--yes")
    assert person.sh("echo $COLOR") == "red"
    assert task.wait(30) != 0
    task.communicate()
    for args in (["restart"], ["down"], ["rm"]):
        person.run(*args)  # nothing runs, and nothing is asked


@pytest.mark.parametrize("broken", ["Dockerfile", "base image"])
def test_a_failed_build_leaves_the_box_and_its_work(
    person: Person, engine: DockerEngine, base_image: str, broken: str
) -> None:
    docker = person.project / "Dockerfile"
    docker.write_text(f"FROM {base_image}\n")
    person.toml('[box]\nname = "b"\nbuild = {context = "."}\n')
    person.run("up")
    container = engine.container(person.container)
    task = begin(person, "sleep", "4131")
    if broken == "Dockerfile":
        docker.write_text(f"FROM {base_image}\nRUN echo the reason && false\n")
    else:
        docker.write_text("FROM localhost:1/gone/image:1\n")
    error = person.run("up", "--yes", code=1).stderr
    assert "Traceback" not in error
    now = engine.container(person.container)
    assert now
    assert container
    assert (now.id, now.started) == (container.id, container.started)
    assert work(person) == [("task", "sleep 4131")]
    end(task)


def test_what_was_installed_by_hand_is_told_before_it_is_gone(person: Person) -> None:
    site = "/opt/venv/lib/python3.11/site-packages"
    hook = f"sudo mkdir -p {site}/hooked-1.0.dist-info"
    person.toml(BASE + f'[box.hooks]\non_create = "{hook}"\n')
    person.run("up")
    fresh = person.json("status")[0]["by_hand"]
    assert fresh == {"apt": [], "pip": [], "files": [], "more": 0}
    person.sh(
        f"sudo mkdir -p {site}/six-1.17.0.dist-info /opt/tool/deep;"
        " sudo touch /var/lib/dpkg/info/jq.list /opt/tool/deep/file ~/kept"
    )
    shown = person.run("status").stdout
    assert "Debian packages: jq" in shown
    assert "Python packages: six 1.17.0" in shown
    assert "hooked" not in shown
    assert "/opt/tool" in shown
    person.toml(BASE + 'env = {A = "1"}\n')
    (plan,) = person.json("up", "--dry-run")
    assert [package["name"] for package in plan["lost"]["pip"]] == ["six"]
    assert "devbox add" in person.run("up").stderr
    assert person.json("status")[0]["by_hand"]["pip"] == []
    assert person.sh("ls ~/kept; ls /opt") == "/home/dev/kept"


def test_add_installs_now_and_writes_it_down(person: Person) -> None:
    text = '# ours\n[box]\nname = "b"\nprofile = "python"\npip = [] # more to come\n'
    person.toml(text)
    person.run("up")
    failed = person.run("add", "no-such-package-4141", code=1).stderr
    assert "devbox.toml is as it was" in failed
    assert (person.project / "devbox.toml").read_text() == text
    assert '+pip = ["six"] # more to come' in person.run("add", "six", "--dry-run").stdout
    told = person.run("add", "six").stderr
    assert "The next `devbox up`" in told
    assert person.sh("python -c 'import six; print(six.__name__)'") == "six"
    assert (person.project / "devbox.toml").read_text() == text.replace("[]", '["six"]')
    status = person.json("status")[0]
    assert [change["key"] for change in status["pending"]] == ["pip", "(image)"]
    assert status["by_hand"]["pip"] == []  # it is written down, so it is not lost


SERVER = """
import http.server, json, os, pathlib, subprocess, sys
runtime = pathlib.Path.home() / ".local/share/jupyter/runtime"
runtime.mkdir(parents=True, exist_ok=True)
waiting = "import time; time.sleep(4151)"
file = runtime / "kernel-1a2b-3c.json"
kernel = subprocess.Popen([sys.executable, "-c", waiting, "-f", str(file)])


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers["Authorization"] == "token t0ken" and self.path.startswith("/lab/api/")
        state = pathlib.Path("state").read_text().strip()
        kernels = [{"id": "1a2b-3c", "name": "python3", "execution_state": state, "connections": 1}]
        sessions = [{"id": "s", "path": "deep/nb.ipynb", "kernel": kernels[0], "notebook": {}}]
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(json.dumps(kernels if "kernels" in self.path else sessions).encode())


server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
about = {"base_url": "/lab/", "hostname": "0.0.0.0", "password": False, "pid": os.getpid()}
about |= {"port": server.server_port, "secure": False, "sock": "", "token": sys.argv[1]}
(runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps(about, indent=2))
server.serve_forever()
"""


def test_a_notebook_counts_while_it_computes(person: Person) -> None:
    person.toml(BASE.replace('"base"', '"python"'))
    (person.project / "jupyter-lab").write_text(SERVER)
    state = person.project / "state"
    state.write_text("idle")
    person.run("up")
    person.sh("nohup python jupyter-lab t0ken >/dev/null 2>&1 &")
    until(lambda: person.sh("ls ~/.local/share/jupyter/runtime | grep jpserver || :") != "")
    assert person.sh("pgrep -fc 'sleep.415[1]'") == "1"
    assert work(person) == []
    state.write_text("busy")
    assert work(person) == [("kernel", "deep/nb.ipynb")]
    person.sh("pkill -f jupyter-la[b]")
    # A kernel whose server does not let us ask may compute.
    assert work(person) == [("process", "Jupyter kernel 1a2b-3c, busy or not")]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_jupyter_server_tells_which_kernel_computes(person: Person) -> None:
    person.toml(BASE.replace('"base"', '"datascience"'))
    person.run("up")
    person.sh("nohup jupyter lab --port 8765 >/tmp/log 2>&1 & ")
    runtime = "/home/dev/.local/share/jupyter/runtime"
    until(lambda: person.sh(f"ls {runtime}/jpserver-*.json 2>/dev/null || :") != "", seconds=60)
    make = (
        "import glob, json, urllib.request as web\n"
        f"about = json.load(open(glob.glob('{runtime}/jpserver-*.json')[0]))\n"
        "url = f\"http://127.0.0.1:{about['port']}/api/kernels\"\n"
        "request = web.Request(url, b'{}', {'Authorization': f\"token {about['token']}\"})\n"
        "print(json.load(web.urlopen(request))['id'])\n"
    )
    kernel = person.run("exec", "--", "python", "-c", make).stdout.strip()
    until(lambda: work(person) == [])
    compute = (
        "from jupyter_client import BlockingKernelClient as Client\n"
        f"client = Client(connection_file='{runtime}/kernel-{kernel}.json')\n"
        "client.load_connection_file(); client.start_channels(); client.wait_for_ready(30)\n"
        "client.execute('import time; time.sleep(600)')\n"
    )
    person.run("exec", "--", "python", "-c", compute)
    until(lambda: work(person) == [("kernel", f"kernel {kernel}")])
    assert f"kernel {kernel}" in person.run("stop", code=4).stderr


def kill_rebuilds(person: Person, rounds: int, seed: int) -> None:
    """Kill `up` at any moment of a rebuild or a change; nothing at home is ever lost."""
    moments = random.Random(seed)
    person.run("up")
    for number in range(rounds):
        person.sh(f"echo {number} >~/file-{number}")
        change = f'env = {{ROUND = "{number}"}}\n'
        person.toml(BASE + change)
        args = ["up", "--yes", *(["--rebuild"] if number % 3 == 0 else [])]
        process = person.start(*args, process_group=0)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moments.uniform(0.05, 2.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        person.run("up", "--yes")
        assert person.sh("echo $ROUND; ls ~/file-* | wc -l; cat ~/file-0").split() == [
            str(number),
            str(number + 1),
            "0",
        ]
        assert person.json("up")[0]["plan"]["act"] == "nothing"


def test_files_at_home_survive_a_kill_of_a_rebuild(person: Person) -> None:
    kill_rebuilds(person, rounds=2, seed=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_files_at_home_survive_many_kills_of_rebuilds(person: Person) -> None:
    kill_rebuilds(person, rounds=60, seed=4)
