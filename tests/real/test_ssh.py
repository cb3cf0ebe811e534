"""OpenSSH's own programs against a box: what editors, scp and rsync need of it."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import DEVBOX, Person, until

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")
SECRET = 'it\'s "a" $(secret)'


class Guest(Person):
    """Somebody who works in the box with ssh."""

    @property
    def config(self) -> str:
        """Their ssh configuration. (ssh itself looks in the home of the password file.)"""
        return str(Path.home() / ".ssh" / "config")

    def argv(self, *words: str, box: str = "b") -> list[str]:
        """An ssh command line: options, then what to run."""
        cut = next((i for i, word in enumerate(words) if not word.startswith("-")), len(words))
        return ["ssh", "-F", self.config, *words[:cut], f"{box}.devbox", *words[cut:]]

    def ssh(
        self, *words: str, code: int = 0, box: str = "b", **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Run an ssh command line; it must end with ``code``."""
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        done = subprocess.run(
            self.argv(*words, box=box), capture_output=True, timeout=60, check=False, **options
        )
        assert done.returncode == code, done.stderr.decode()
        return done

    def out(self, script: str, box: str = "b") -> str:
        """What a script in the box prints, stripped."""
        return self.ssh(script, box=box).stdout.decode().strip()

    def client(self, *argv: str, **options: Any) -> None:
        """Run scp, sftp or rsync; it must succeed."""
        subprocess.run(argv, capture_output=True, timeout=60, check=True, **options)


def make(engine: DockerEngine, folder: Path, uid: int) -> Guest:
    folder.mkdir()
    guest = Guest(folder, os.environ["DEVBOX_USER"])
    guest.toml('[box]\nname = "b"\nprofile = "base"\nenv = { ODD = "a\'b $(id) `id` \\"c\\"" }\n')
    os.chown(folder, uid, uid)
    guest.run("up")
    # As secrets are given to a box.
    quoted = SECRET.replace("'", "'\\''")
    script = f"umask 077; cat >/run/devbox/env && chown {uid}:{uid} /run/devbox/env"
    secret = f"export SECRET='{quoted}'\n".encode()
    assert not engine.call(guest.container, ["sh", "-c", script], user="0:0", input=secret).code
    guest.run("ssh-config", "--yes")
    return guest


@pytest.fixture(params=[4321])
def guest(
    request: pytest.FixtureRequest, engine: DockerEngine, base_image: str, tmp_path: Path
) -> Iterator[Guest]:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    made = make(engine, tmp_path / "project", request.param)
    yield made
    # A shared connection would wait a minute for its next user.
    engine.remove(made.container, force=True)


@pytest.mark.parametrize("guest", [0, 4321], indirect=True)
def test_commands_streams_and_exit_codes(guest: Guest, request: pytest.FixtureRequest) -> None:
    uid = request.node.callspec.params["guest"]
    assert (
        guest.out("id -u; id -g; echo $HOME; echo $SHELL") == f"{uid}\n{uid}\n/home/dev\n/bin/bash"
    )
    for code in (0, 3, 255):
        guest.ssh(f"exit {code}", code=code)
    done = guest.ssh("echo out; echo err >&2")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    data = os.urandom(5_000_000)
    assert guest.ssh("cat", input=data).stdout == data
    assert guest.run("ssh", "b", "--", "echo hi; exit 4", code=4).stdout == "hi\n"
    assert guest.run("ssh", "--", "id -u").stdout == f"{uid}\n"
    piped = subprocess.run(
        [*DEVBOX, "ssh", "b", "--", "cat"],
        cwd=guest.project,
        input=data,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert piped.stdout == data


def test_the_containers_variables_and_secrets_are_there(guest: Guest) -> None:
    wanted = guest.sh("printenv PATH ODD UV_CACHE_DIR DEVBOX_BOX SECRET")
    assert SECRET in wanted
    script = "printenv PATH ODD UV_CACHE_DIR DEVBOX_BOX SECRET"
    assert guest.out(script) == wanted
    assert guest.ssh("-T", input=f"{script}\n".encode()).stdout.decode().strip() == wanted
    assert guest.out(f"bash -lc '{script}'") == wanted
    assert guest.out(f"su - dev -s /usr/local/lib/devbox/shell -c '{script}' || {script}") == wanted
    guest.ssh(f"tmux new-session -d '{script} >/tmp/tmux.new; mv /tmp/tmux.new /tmp/in-tmux'")
    until(lambda: guest.out("cat /tmp/in-tmux 2>/dev/null; true") == wanted)
    # Only the user can read what holds them.
    assert guest.out("stat -c %a:%u /run/devbox/container.env") == "600:4321"


def test_a_terminal(guest: Guest) -> None:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [*DEVBOX, "ssh", "b"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm", "COLORTERM": "truecolor"},
    )
    os.close(theirs)
    try:
        send = "stty size; pwd; echo $TERM-$COLORTERM-$SECRET; echo done-$((1+1))\n"
        seen = read_until(ours, "done-2", send)
        assert "40 100" in seen
        assert "/workspace" in seen
        assert f"xterm-truecolor-{SECRET}" in seen
        assert "Last login" not in seen
        os.write(ours, b"sleep 4005\n")
        until(lambda: alive(guest, "sleep 4005"))
        os.write(ours, b"\x03")
        until(lambda: not alive(guest, "sleep 4005"))
        read_until(ours, "back-4", "echo back-$((2+2)); exit 9\n")
        assert process.wait(timeout=30) == 9
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, wanted: str, send: str) -> str:
    os.write(terminal, send.encode())
    seen = ""

    def found() -> bool:
        nonlocal seen
        seen += os.read(terminal, 65536).decode(errors="replace")
        return wanted in seen

    until(found)
    return seen


def alive(guest: Guest, words: str) -> bool:
    """Whether a command line is among those of the box's processes."""
    listed = guest.sh("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null")
    return words in [line.strip() for line in listed.splitlines()]


def test_files_both_ways(guest: Guest, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    (source / "deep").mkdir(parents=True)
    back.mkdir()
    for name in ("a b.bin", "deep/c.bin"):
        (source / name).write_bytes(os.urandom(200_000))
    config = guest.config

    guest.client("scp", "-F", config, "-r", str(source), "b.devbox:by-scp")
    guest.client("scp", "-F", config, "-r", "b.devbox:by-scp", str(back / "scp"))
    guest.client("scp", "-O", "-F", config, str(source / "a b.bin"), "b.devbox:by-old-scp")
    guest.client("scp", "-O", "-F", config, "b.devbox:by-old-scp", str(back / "old"))
    shell = f"ssh -F {config}"
    guest.client("rsync", "-a", "-e", shell, f"{source}/", "b.devbox:by-rsync/")
    guest.client("rsync", "-a", "-e", shell, "b.devbox:by-rsync/", f"{back}/rsync/")
    batch = f'put -r "{source}" by-sftp\nget -r by-sftp "{back}/sftp"\n'
    guest.client("sftp", "-F", config, "-b", "-", "b.devbox", input=batch.encode())

    for name in ("a b.bin", "deep/c.bin"):
        for way in ("scp", "rsync", "sftp"):
            assert (back / way / name).read_bytes() == (source / name).read_bytes(), (way, name)
    assert (back / "old").read_bytes() == (source / "a b.bin").read_bytes()
    assert guest.out("stat -c %u by-scp by-rsync by-sftp") == "4321\n4321\n4321"


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


ECHO = (
    "perl -MIO::Socket -e '"
    '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5, LocalPort => 0) or die;'
    ' $| = 1; print $s->sockport, "\\n";'
    ' while ($c = $s->accept) { $l = <$c>; print $c "box: $l"; close $c }\''
)
"""A server that says the port it has chosen, and answers every line with it."""


def answers(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.sendall(b"hello\n")
                return connection.recv(100) == b"box: hello\n"
        except OSError:
            return False

    return ask


def test_an_editor_that_sends_a_script_starts_a_server_and_forwards_to_it(guest: Guest) -> None:
    script = f"""
        mkdir -p ~/.editor && cd ~/.editor
        nohup {ECHO} >port 2>log </dev/null &
        echo $! >pid
        while [ ! -s port ]; do sleep 0.02; done
        echo "listening on $(cat port)"
    """
    done = guest.ssh("-T", "bash -s", input=script.encode())
    remote = int(done.stdout.decode().rpartition(" ")[2])
    local = free_port()
    forward = subprocess.Popen(guest.argv("-N", f"-L{local}:127.0.0.1:{remote}"))
    try:
        until(answers(local))
    finally:
        forward.kill()
        forward.wait()
    # The editor comes back to its server.
    assert guest.out("kill -0 $(cat ~/.editor/pid) && echo there") == "there"


def test_the_agent_is_forwarded_where_it_is_asked_for(guest: Guest, tmp_path: Path) -> None:
    sock = tmp_path / "a"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL)
    try:
        until(sock.exists)
        key = tmp_path / "key"
        guest.client("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "planted", "-f", str(key))
        with_agent = os.environ | {"SSH_AUTH_SOCK": str(sock)}
        guest.client("ssh-add", "-q", str(key), env=with_agent)
        assert b"planted" in guest.ssh("-A", "ssh-add -l", env=with_agent).stdout
        assert b"agent" in guest.ssh("ssh-add -l", code=2, env=with_agent).stderr

        here = {"SSH_AUTH_SOCK": str(sock)}
        guest.run("exec", "--", "ssh-add", "-l", env=here, code=2)
        Path(os.environ["DEVBOX_CONFIG"]).write_text("ssh_agent = true\n")
        assert "planted" in guest.run("exec", "--", "ssh-add", "-l", env=here).stdout
        assert "planted" in guest.run("ssh", "--", "ssh-add -l", env=here).stdout
        used = guest.run("exec", "--", "sh", "-c", "echo $SSH_AUTH_SOCK", env=here).stdout.strip()
        until(lambda: guest.sh(f"[ -e {used} ] || echo gone") == "gone")
        guest.run("ssh-config", "--yes", env=here)
        assert b"planted" in guest.ssh("ssh-add -l", env=with_agent).stdout
    finally:
        agent.kill()
        agent.wait()


def test_a_box_with_another_key_is_refused(guest: Guest, engine: DockerEngine) -> None:
    assert guest.out("echo in") == "in"
    forge = (
        "cd /run/devbox/ssh/*/ && rm host_key &&"
        " ssh-keygen -q -t ed25519 -N '' -f host_key && rm host_key.pub"
    )
    assert engine.call(guest.container, ["sh", "-c", forge], user="0:0").code == 0
    told = guest.ssh("echo in", code=255).stderr.decode()
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in told
    # A new start brings the right one back.
    guest.run("restart")
    assert guest.out("echo in") == "in"


def test_nobody_else_gets_in(guest: Guest, engine: DockerEngine, tmp_path: Path) -> None:
    assert guest.out("echo in") == "in"
    key = tmp_path / "other"
    guest.client("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    home = Path(os.environ["DEVBOX_HOME"])
    strange = tmp_path / "strange"
    entries = (home / "ssh" / "config").read_text()
    strange.write_text(entries.replace(str(home / "ssh" / "id_ed25519"), str(key)))
    told = guest.ssh(f"-F{strange}", "true", code=255).stderr
    assert b"Permission denied (publickey)" in told
    assert b"Permission denied" in guest.ssh("-lroot", "true", code=255).stderr
    # The private keys are where they have to be and nowhere else.
    private = guest.sh("sudo grep -rls 'OPENSSH PRIVATE KEY' /home /run /etc /var /tmp || :")
    assert private.splitlines() == [guest.sh("ls /run/devbox/ssh/*/host_key")]
    assert guest.sh("cat /run/devbox/ssh/*/host_key 2>&1 || :").endswith("Permission denied")


def test_four_at_once_on_a_fresh_box_and_a_second_box(guest: Guest) -> None:
    at_once = [
        subprocess.Popen(guest.argv("echo in"), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[0] for process in at_once] == [b"in\n"] * 4
    guest.toml('[boxes.b]\nprofile = "base"\nenv = { ODD = "" }\n[boxes.c]\nprofile = "base"\n')
    guest.run("up", "c")
    # `up` keeps the entries true.
    assert guest.out("hostname", box="c") == "c"
    assert guest.out("hostname", box="b") == "b"
    guest.run("rm", "c", "--volumes", "--yes")
    assert guest.ssh("true", box="c", code=255).stderr
    assert "c.devbox" not in (Path(os.environ["DEVBOX_HOME"]) / "ssh" / "config").read_text()


def test_the_end_of_ssh_ends_its_session(guest: Guest) -> None:
    script = "nohup sleep 4006 >/dev/null 2>&1 & (sleep 4007 &); sleep 4008; echo over"
    process = subprocess.Popen(guest.argv(script), stdout=subprocess.PIPE)
    until(lambda: alive(guest, "sleep 4008"))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    until(lambda: not alive(guest, "sleep 4008") and not alive(guest, "sleep 4007"))
    # What was told to stay stays, as with any ssh.
    assert alive(guest, "sleep 4006")
    until(lambda: not guest.sh("grep -l '^sshd' /proc/[0-9]*/comm 2>/dev/null || :"))
    assert not guest.sh("ls -d /run/devbox/ssh/*/sessions* 2>/dev/null || :")


def test_what_runs_on_when_its_command_has_ended_in_order(guest: Guest) -> None:
    guest.ssh("sleep 4009 >/dev/null 2>&1 & echo started")
    assert alive(guest, "sleep 4009")


def test_a_box_that_does_not_answer_says_why(guest: Guest) -> None:
    guest.run("ssh", "--", "true")
    guest.run("stop")
    told = guest.ssh("true", code=255).stderr.decode()
    assert "devbox: Box b is stopped." in told
    assert "devbox start b" in told
    assert "is stopped" in guest.run("ssh", "b", "--", "true", code=125).stderr
    guest.run("ssh", "nobody", code=125)
    # Not by the connection that was kept from before.
    guest.run("start")
    assert guest.run("ssh", "--", "echo again").stdout == "again\n"
    hide = "sudo mv /usr/sbin/sshd /usr/sbin/hidden"
    guest.sh(hide)
    told = guest.ssh("true", code=255).stderr.decode()
    assert 'apt = ["openssh-server"]' in told
    no_client = {"PATH": "/nowhere"}
    assert "no `ssh` program" in guest.run("ssh", "--", "true", env=no_client, code=125).stderr


def test_killed_at_any_moment_it_leaves_nothing(guest: Guest) -> None:
    for number in range(12):
        process = subprocess.Popen(guest.argv("sleep 4010"), stdout=subprocess.DEVNULL)
        time.sleep(0.04 * number)  # the moment is the point
        process.kill()
        process.wait()
    assert guest.out("echo in") == "in"
    until(lambda: not alive(guest, "sleep 4010"))
    until(lambda: not guest.sh("grep -l '^sshd' /proc/[0-9]*/comm 2>/dev/null || :"))
