"""Finding and running Docker's plugins."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from devbox.compute.engine import plugins
from devbox.compute.engine.build import build
from devbox.compute.engine.compose import ComposeFailed, up
from devbox.compute.engine.endpoint import Endpoint
from devbox.compute.engine.reports import BuildRequest
from devbox.errors import DevboxError, Unreachable
from devbox.progress import silent
from devbox.state import Locked, lock


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_a_missing_plugin_says_how_to_get_it() -> None:
    with pytest.raises(plugins.PluginMissing, match="compose plugin is not installed") as caught:
        plugins.find("compose")
    assert "apt install" in caught.value.hint
    assert plugins.version("compose") == ""


def test_a_plugin_of_the_person_or_of_the_configuration(tmp_path: Path) -> None:
    own = tmp_path / "home/.docker/cli-plugins/docker-compose"
    program(own, "echo Docker Compose version v2.29.1")
    assert plugins.find("compose") == [str(own)]
    assert plugins.version("compose") == "2.29.1"
    extra = program(tmp_path / "extra/docker-buildx", "echo github.com/docker/buildx v0.16 abc")
    config = tmp_path / "home/.docker/config.json"
    config.write_text(json.dumps({"cliPluginsExtraDirs": [str(extra.parent)]}))
    assert plugins.find("buildx") == [str(extra)]
    assert plugins.version("buildx") == "0.16"
    config.write_text("broken")
    with pytest.raises(plugins.PluginMissing):
        plugins.find("buildx")


def test_a_docker_command_that_knows_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = program(tmp_path / "docker", '[ "$1" = compose ]')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert plugins.find("compose") == [str(docker), "compose"]
    with pytest.raises(plugins.PluginMissing):
        plugins.find("buildx")


def test_the_environment_names_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "other")
    monkeypatch.setenv("BUILDX_BUILDER", "other")
    found = plugins.environment("unix:///s", {"A": "1"})
    assert (found["DOCKER_HOST"], found["A"]) == ("unix:///s", "1")
    assert "other" not in found.values()


def test_lines_and_exit_code(tmp_path: Path) -> None:
    script = program(tmp_path / "p", "/bin/cat; echo err >&2; printf '\\377end'; exit 3")
    lines: list[str] = []
    data = b"line\n" * 100_000
    assert plugins.run([str(script)], os.environ, lines.append, text=data) == 3
    assert lines == ["line"] * 100_000 + ["err", "�end"]
    with pytest.raises(DevboxError, match="cannot be run") as caught:
        plugins.run(["/nosuch/program"], os.environ, lines.append)
    assert "devbox doctor" in caught.value.hint


def test_an_interruption_ends_the_whole_group(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(['/bin/sleep', '600'])\n"
        "print(os.getpid(), child.pid, flush=True)\n"
        "child.wait()\n"
    )
    pids: list[int] = []

    def interrupted(line: str) -> None:
        pids.extend(map(int, line.split()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plugins.run([sys.executable, "-c", code], os.environ, interrupted)
    assert not any(runs(pid) for pid in pids)


def runs(pid: int) -> bool:
    """Whether a process does anything still: one that was ended may wait for its new parent."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


HOLDER = """
import os, sys
from pathlib import Path
from devbox.compute.engine import plugins
from devbox.state import lock
code = "import sys; print('begun', flush=True); sys.stdin.read(); open(sys.argv[1]).read()"
with lock(Path(sys.argv[1])) as held, plugins.keeping(held):
    argv = [sys.executable, "-c", code, sys.argv[2]]
    plugins.run(argv, os.environ, lambda line: print(line, flush=True))
"""


def test_a_child_holds_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    path, gate = tmp_path / "a.lock", tmp_path / "gate"
    os.mkfifo(gate)
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(gate)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "begun\n"
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    with pytest.raises(Locked), lock(path, wait=False):
        pass
    gate.write_text("")  # The child reads the end of it, and ends.
    with lock(path, wait=60):
        pass


def test_a_descriptor_is_handed_on_only_inside(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "try: print(os.fstat(int(sys.argv[1])).st_size)\n"
        "except OSError: print('no')\n"
    )
    lines: list[str] = []
    with (tmp_path / "f").open("w") as file:
        command = [sys.executable, "-c", code, str(file.fileno())]
        with plugins.keeping(file.fileno()):
            plugins.run(command, os.environ, lines.append)
        plugins.run(command, os.environ, lines.append)
    assert lines == ["0", "no"]


@pytest.mark.parametrize("answers", [False, True])
def test_an_engine_that_dies_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "error during connect: Get http://docker/x: EOF"
    for name in ("compose", "buildx"):
        program(tmp_path / f"home/.docker/cli-plugins/docker-{name}", f"echo '{words}'; exit 1")
    if answers:
        monkeypatch.setattr(Endpoint, "connect", answering)
    wanted: type[DevboxError] = ComposeFailed if answers else Unreachable
    with pytest.raises(wanted):
        up("unix://s", "p", tmp_path / "f", silent)
    with pytest.raises(DevboxError) as caught:
        build("unix://s", BuildRequest("t:1", tmp_path, "FROM x"), silent)
    assert isinstance(caught.value, Unreachable) != answers
    while PEERS:
        PEERS.pop().close()
    if not answers:
        assert "went away" in caught.value.message
        assert "no socket" in caught.value.detail[0]


PEERS: list[socket.socket] = []


def answering(_: object, timeout: float) -> socket.socket:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
    theirs.shutdown(socket.SHUT_WR)
    PEERS.append(theirs)
    ours.settimeout(timeout)
    return ours


def test_what_buildx_leaves_behind_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    script = '/bin/cat >"$TMPDIR/dockerfile123"; echo "$TMPDIR" >"$HOME/where"'
    program(tmp_path / "home/.docker/cli-plugins/docker-buildx", script)
    build("unix:///s", BuildRequest("t:1", tmp_path, "FROM x"), silent)
    assert (tmp_path / "home/where").read_text().startswith(str(tmp_path / "t/devbox-"))
    assert list((tmp_path / "t").iterdir()) == []


def test_a_stubborn_child_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "GRACE", 0.05)
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plugins.run([sys.executable, "-c", code], os.environ, interrupted)
