"""The command lines that reach a box."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from devbox.boxes.identity import BoxId
from devbox.boxes.ssh import SshAccess, ssh_access
from devbox.boxes.ssh.options import options, proxy_command
from devbox.errors import DevboxError

BOX = BoxId("me", "b")
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")


def resolved(argv: list[str]) -> dict[str, str]:
    """What ssh itself makes of a command line."""
    done = subprocess.run([argv[0], "-G", *argv[1:]], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@needs_ssh
@pytest.mark.parametrize("name", ["plain", "a b", "50%h", "it's", "ü", "#x"])
def test_ssh_understands_every_path(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    access = ssh_access(home, BOX, "c0ffee", "unix:///x y.sock")
    found = resolved(access.command("-L", "1:localhost:2"))
    assert found["user"] == "dev"
    assert found["hostkeyalias"] == "devbox-me_b"
    assert found["stricthostkeychecking"] == "true"
    assert found["identityfile"].replace("%%", "%").strip('"') == str(home / "ssh" / "id_ed25519")
    # The words that the shell makes of the command, after ssh has replaced its own signs.
    told = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {found['proxycommand'].replace('%%', '%')}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert told[:4] == [
        "env",
        f"DEVBOX_HOME={home}",
        "DEVBOX_USER=me",
        "DOCKER_HOST=unix:///x y.sock",
    ]
    assert told[-4:] == ["-P", "-m", "devbox.boxes.ssh", "b"]


@pytest.mark.parametrize("name", ['"', "a\\b", "a\nb", "${HOME}"])
def test_paths_that_no_ssh_configuration_can_hold(name: str) -> None:
    with pytest.raises(DevboxError, match="OpenSSH cannot use this path"):
        options(Path("/x") / name, BOX)


def test_what_names_the_engine_is_carried_on() -> None:
    environ = {"DOCKER_CONTEXT": "far", "HOME": "/me", "SECRET": "planted", "DEVBOX_HOME": "/old"}
    command = proxy_command(Path("/h"), BOX, environ=environ)
    assert command.startswith("env DEVBOX_HOME=/h DEVBOX_USER=me DOCKER_CONTEXT=far ")
    assert "planted" not in command


def test_a_shared_connection_is_of_one_container(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Path("/tmp") / f"devbox-test-{os.getpid()}"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

    def path(access: SshAccess, *, agent: bool = False) -> str:
        words = access.shared(agent=agent)
        return next((word for word in words if word.startswith("ControlPath=")), "")

    try:
        one = ssh_access(home, BOX, "c1", "")
        assert path(one).startswith(f"ControlPath={runtime}/devbox/")
        assert path(one) == path(ssh_access(home, BOX, "c1", ""))
        paths = {path(one), path(ssh_access(home, BOX, "c2", ""))}
        monkeypatch.setenv("SSH_AUTH_SOCK", "/one")
        paths.add(path(one, agent=True))
        monkeypatch.setenv("SSH_AUTH_SOCK", "/other")
        paths.add(path(one, agent=True))
        assert len(paths) == 4
        assert "-A" in one.shared(agent=True)
        # Nothing of ours is put where others could reach it.
        (runtime / "devbox").chmod(0o755)
        assert path(one) == "ControlPath=none"
    finally:
        shutil.rmtree(runtime)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 90)))
    assert path(one) == "ControlPath=none"


def test_without_an_ssh_program(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DevboxError, match="no `ssh` program") as caught:
        ssh_access(home, BOX, "c", "").command()
    assert "openssh-client" in caught.value.hint
