"""Where the engine is, and what is told where there is none."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from devbox.compute.engine import endpoint
from devbox.compute.engine.endpoint import Endpoint, find
from devbox.compute.engine.http import Http
from devbox.errors import Unreachable


def context(folder: Path, name: str, host: str) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts/meta" / digest
    meta.mkdir(parents=True)
    text = json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}})
    (meta / "meta.json").write_text(text)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's client folder in a home without any socket."""
    monkeypatch.setattr(endpoint, "DEFAULT_SOCKET", str(tmp_path / "absent.sock"))
    folder = tmp_path / "home/.docker"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("unix:///x/y.sock", "unix:///x/y.sock"),
        ("tcp://10.0.0.1:2375", "tcp://10.0.0.1:2375"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("10.0.0.1:2375", "tcp://10.0.0.1:2375"),
        ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://:80/", "tcp://localhost:80"),
        ("tcp://ada:p@ss@h:80", "tcp://h:80"),
    ],
)
def test_docker_host_wins(docker: Path, given: str, address: str) -> None:
    environ = {"DOCKER_HOST": given, "DOCKER_CONTEXT": "other"}
    assert find(environ, docker.parent) == Endpoint(address, "DOCKER_HOST")


@pytest.mark.parametrize(
    ("given", "word"),
    [("tcp://h:2376", "TLS"), ("ssh://me@h", "SSH"), ("npipe:////./pipe/x", "npipe")],
)
def test_what_is_not_supported_yet(docker: Path, given: str, word: str) -> None:
    with pytest.raises(Unreachable, match=word) as caught:
        find({"DOCKER_HOST": given}, docker.parent)
    assert caught.value.hint


@pytest.mark.parametrize(
    "given",
    ["tcp://127.0.0.1:²", "tcp://h:99999", "tcp://h:", "tcp://::1", "h:80/path", "tcp://a b:c"],
)
def test_what_is_no_address(docker: Path, given: str) -> None:
    with pytest.raises(Unreachable, match="is not the address of a Docker engine") as caught:
        find({"DOCKER_HOST": given}, docker.parent)
    assert "tcp://HOST:PORT" in caught.value.hint


@pytest.mark.parametrize(
    "address", ["tcp://a..b:80", f"tcp://{'a' * 70}.b:80", f"unix:///{'a' * 200}"]
)
def test_a_name_that_cannot_be_one(address: str) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        Endpoint(address).connect(1)


@pytest.mark.parametrize(
    "given", ["tcp://ada:pass/w@rd@h:2376", "ssh://ada:pass@h", "tcp://ada:pass@h:x", "ada:pass@:x"]
)
def test_a_password_is_not_shown(docker: Path, given: str) -> None:
    with pytest.raises(Unreachable) as caught:
        find({"DOCKER_HOST": given}, docker.parent)
    assert "pass" not in caught.value.message + caught.value.hint
    assert "ada" in caught.value.message


def test_a_person_without_a_home(
    docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    (tmp_path / "absent.sock").touch()
    assert find({}).path == str(tmp_path / "absent.sock")
    assert endpoint.client_folder({}) == Path("/.docker")
    assert endpoint.client_folder({"DOCKER_CONFIG": "/c"}) == Path("/c")


def test_tls_from_the_environment(docker: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://h:2375", "DOCKER_TLS_VERIFY": "1"}
    with pytest.raises(Unreachable, match="TLS"):
        find(environ, docker.parent)


def test_contexts(docker: Path) -> None:
    context(docker, "colima", "unix:///colima.sock")
    context(docker, "other", "unix:///other.sock")
    (docker / "config.json").write_text('{"currentContext": "colima"}')
    assert find({}, docker.parent).address == "unix:///colima.sock"
    assert find({"DOCKER_CONTEXT": "other"}, docker.parent).address == "unix:///other.sock"
    with pytest.raises(Unreachable, match="gone"):
        find({"DOCKER_CONTEXT": "gone"}, docker.parent)
    elsewhere = {"DOCKER_CONFIG": str(docker), "DOCKER_CONTEXT": "other"}
    assert find(elsewhere, Path("/nowhere")).address == "unix:///other.sock"


def test_a_broken_client_configuration(docker: Path) -> None:
    (docker / "config.json").write_text("{")
    with pytest.raises(Unreachable, match=r"config\.json"):
        find({}, docker.parent)


def test_a_client_configuration_that_never_ends(docker: Path) -> None:
    os.mkfifo(docker / "config.json")
    with pytest.raises(Unreachable, match="not a regular file"):
        find({}, docker.parent)


def test_no_context_is_current(docker: Path, tmp_path: Path) -> None:
    (docker / "config.json").write_text('{"currentContext": null}')
    (tmp_path / "absent.sock").touch()
    assert find({}, docker.parent).path == str(tmp_path / "absent.sock")


def test_sockets_of_rootless_and_desktop(docker: Path, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"absent\.sock") as caught:
        find({"DOCKER_CONTEXT": "default"}, docker.parent)
    assert "Install" in caught.value.hint
    (docker / "run").mkdir()
    (docker / "run/docker.sock").touch()
    assert find({}, docker.parent).path == str(docker / "run/docker.sock")
    (tmp_path / "docker.sock").touch()
    found = find({"XDG_RUNTIME_DIR": str(tmp_path)}, docker.parent)
    assert found.path == str(tmp_path / "docker.sock")


def test_each_failure_has_its_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unreachable, match="no socket") as absent:
        Endpoint("unix://s").connect(1)
    assert "Start" in absent.value.hint
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(Unreachable, match="nobody listens"):
            Endpoint("unix://s").connect(1)
    denied = Endpoint("unix://s").unreachable(PermissionError(13, "denied"))
    assert "docker $USER" in denied.hint
    assert "does not answer" in Endpoint("unix://s").unreachable(TimeoutError()).message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        listener.listen()
        Path("s").chmod(0)
        with pytest.raises(Unreachable, match="No permission"):
            Endpoint("unix://s").connect(1)


def test_an_engine_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        listener.listen()
        with pytest.raises(Unreachable, match="does not answer"):
            Http(Endpoint("unix://s")).json("GET", "/_ping", timeout=0.05)
