"""Commands in a box: streams, terminal, signals, exit codes, and that nothing stays behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import DEVBOX, Person, until

FORKING = (
    "trap '' INT TERM HUP; setsid sleep 4001 & env -i sleep 4002 & (sleep 4003 &) ;"
    " touch /workspace/started; sleep 4004"
)


@pytest.fixture
def person(engine: DockerEngine, base_image: str, tmp_path: Path) -> Person:
    project = tmp_path / "project"
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml('[box]\nname = "b"\nprofile = "base"\n')
    made.run("up")
    return made


def survivors(person: Person) -> list[str]:
    listed = person.sh(
        "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done 2>/dev/null"
    )
    return [line for line in listed.splitlines() if re.search(r"sleep 400\d", line)]


def test_exit_codes_are_the_commands_own(person: Person) -> None:
    for code in (0, 1, 3, 255):
        person.run("exec", "--", "sh", "-c", f"exit {code}", code=code)
    person.run("exec", "--", "sh", "-c", "kill -9 $$", code=137)
    person.run("exec", "--", "no-such-program", code=127)
    person.run("exec", "--", "/etc", code=126)
    person.run("exec", "nobody", "--", "true", code=125)
    person.run("exec", "--bad-option", "--", "true", code=125)
    person.run("exec", code=125)


def test_streams_stay_apart_and_binary(person: Person) -> None:
    done = person.run("exec", "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    data = bytes(range(256)) * 40_000
    piped = subprocess.run(
        [*DEVBOX, "exec", "--", "cat"],
        cwd=person.project,
        input=data,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert piped.stdout == data


def test_arguments_and_variables_arrive_as_they_are(person: Person) -> None:
    odd = ["a b", "$(id)", "*", "", "ü", "--", "-x"]
    done = person.run("exec", "--", "printf", "[%s]", *odd)
    assert done.stdout == "".join(f"[{word}]" for word in odd)
    assert person.run("exec", "-e", "X=a=b $HOME", "--", "printenv", "X").stdout == "a=b $HOME\n"
    person.run("exec", "-e", "X", "--", "true", code=125)


def test_where_we_are_is_where_it_runs(person: Person) -> None:
    (person.project / "deep" / "er").mkdir(parents=True)
    inside = Person(person.project / "deep" / "er", person.owner)
    assert inside.run("exec", "--", "pwd").stdout == "/workspace/deep/er\n"
    assert inside.run("exec", "-w", "/tmp", "--", "pwd").stdout == "/tmp\n"


def test_a_reader_that_leaves_ends_it(person: Person) -> None:
    done = subprocess.run(
        f"{sys.executable} -m devbox exec -- yes | head -n 1",
        shell=True,
        cwd=person.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "y\n"
    assert "Traceback" not in done.stderr
    until(lambda: person.sh("grep -l '^yes' /proc/[0-9]*/comm 2>/dev/null || :") == "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command(person: Person, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    script = f"trap 'echo got {name}; exit 7' {name}; touch started; while :; do sleep 0.05; done"
    process = person.start("exec", "--", "sh", "-c", script)
    until((person.project / "started").exists)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (7, f"got {name}\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_command_leaves_nothing_in_the_box(
    person: Person, number: signal.Signals
) -> None:
    process = person.start("exec", "--", "sh", "-c", FORKING)
    until((person.project / "started").exists)
    assert survivors(person)
    process.send_signal(number)
    if number == signal.SIGINT:  # it does not listen to the first one
        until(lambda: bool(survivors(person)))
        process.send_signal(number)
    process.communicate(timeout=60)
    until(lambda: survivors(person) == [])


@pytest.fixture
def terminal(person: Person) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A shell in the box on a terminal of 40 by 100."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [*DEVBOX, "shell"],
        cwd=person.project,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    yield ours, process
    process.kill()
    process.wait()
    os.close(ours)


def read_until(terminal: int, wanted: str) -> str:
    seen = ""

    def found() -> bool:
        nonlocal seen
        seen += os.read(terminal, 65536).decode(errors="replace")
        return wanted in seen

    until(found)
    return seen


def test_a_shell_has_a_terminal_with_size_resize_and_ctrl_c(
    person: Person, terminal: tuple[int, subprocess.Popen[bytes]]
) -> None:
    screen, process = terminal
    os.write(screen, b"stty size; echo done-$((1+1))\n")
    assert "40 100" in read_until(screen, "done-2")
    ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    process.send_signal(signal.SIGWINCH)
    os.write(
        screen, b"until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo re-$((1+2))\n"
    )
    read_until(screen, "re-3")
    os.write(screen, b"sleep 4005\n")
    until(lambda: survivors(person) != [])
    os.write(screen, b"\x03")
    until(lambda: survivors(person) == [])
    os.write(screen, b"echo back-$((2+2)); exit 9\n")
    read_until(screen, "back-4")
    assert process.wait(timeout=30) == 9


def test_what_nobody_reads_does_not_hold_it_up(person: Person) -> None:
    command = f"yes | {sys.executable} -m devbox exec -- head -n 1"
    done = subprocess.run(
        command, shell=True, cwd=person.project, capture_output=True, timeout=20, check=True
    )
    assert done.stdout == b"y\n"


@pytest.mark.parametrize(
    ("redirection", "command", "code"),
    [
        ("<&-", "exec -- cat", 0),
        (">&-", "exec -- echo hidden", 0),
        ("2>&-", "exec -- sh -c 'exit 3'", 3),
        (">&-", "ps", 0),
        ("<&- >&- 2>&-", "up", 0),
    ],
)
def test_closed_streams(person: Person, redirection: str, command: str, code: int) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m devbox {command} {redirection}"],
        cwd=person.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_a_box_by_name_from_the_folder_of_another_project(person: Person, tmp_path: Path) -> None:
    other = Person(tmp_path / "other" / "src", person.owner)
    other.project.mkdir(parents=True)
    (tmp_path / "other" / "devbox.toml").write_text("[box]\n")
    assert other.run("exec", "b", "--", "pwd").stdout == "/workspace\n"


def test_what_is_meant_by_a_box_name_without_dashes(person: Person) -> None:
    assert "devbox exec b -- COMMAND" in person.run("exec", "b", "pwd", code=127).stderr


def test_a_memory_limit_that_is_reached_is_named(person: Person) -> None:
    person.toml('[box]\nname = "b"\nprofile = "base"\n[box.resources]\nmemory = "128MiB"\n')
    person.run("up")
    grab = "head -c 300m /dev/zero | tail | sort"
    told = person.run("exec", "--", "bash", "-o", "pipefail", "-c", grab, code=137).stderr
    assert "memory limit" in told


def test_it_can_be_ended_while_its_reader_stands_still(person: Person) -> None:
    person.run("up")
    running = person.start("exec", "--", "yes", stderr=subprocess.DEVNULL)
    assert running.stdout is not None
    assert running.stdout.readline() == "y\n"
    running.send_signal(signal.SIGTERM)
    running.send_signal(signal.SIGTERM)
    # Nobody reads the pipe, which is full.
    assert running.wait(40) in {137, 143}
    running.stdout.close()
    assert person.sh("pgrep -x yes; true") == ""
