"""Finding and running Docker's plugins."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from devbox.compute.engine import plugins
from devbox.errors import DevboxError


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
    with pytest.raises(DevboxError, match="cannot be run"):
        plugins.run(["/nosuch/program"], os.environ, lines.append)


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
    with pytest.raises(ProcessLookupError):
        os.killpg(pids[0], 0)


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
