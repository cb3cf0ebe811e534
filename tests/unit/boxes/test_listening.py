"""Reading what the kernel of a box says about its sockets."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.identity import User
from devbox.boxes.listening import LONGEST_COMMAND, Listening, listening, parse, socket_address
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError
from tests.unit.boxes.running import running_box

PORTS = st.integers(1, 65535)
BOTH = ["1000:1000", "0:0"]


def place(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    """As /proc/net/tcp of a little-endian machine writes it."""
    packed = address.packed
    words = [packed[at : at + 4][::-1].hex() for at in range(0, len(packed), 4)]
    return f"{''.join(words).upper()}:{port:04X}"


@given(st.ip_addresses(), PORTS)
def test_addresses_come_back(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert socket_address(place(address, port)) == (str(mapped or address), port)


def test_addresses_as_they_are_in_proc() -> None:
    assert socket_address("0100007F:1F90") == ("127.0.0.1", 8080)
    assert socket_address("00000000000000000000000001000000:0016") == ("::1", 22)
    assert socket_address("0000000000000000FFFF00000100007F:0050") == ("127.0.0.1", 80)
    assert socket_address("00000000:0000") is None


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    parse(text)
    socket_address(text)


@given(st.lists(st.sampled_from(["tcp", "tcp6", "process", "1", "-1", "²", "0100007F:1F90"])))
def test_no_words_are_too_odd(words: list[str]) -> None:
    for line in (" ".join(words), " ".join(words[:3])):
        for each in parse(line):
            assert each == Listening(8080, "127.0.0.1", 0, "")


@given(st.lists(st.tuples(st.ip_addresses(v=4), PORTS, st.integers(1, 99_999)), max_size=20))
def test_every_socket_is_there_once_and_in_order(
    sockets: list[tuple[ipaddress.IPv4Address, int, int]],
) -> None:
    lines = [f"tcp {place(a, port)} {inode}" for inode, (a, port, _) in enumerate(sockets)]
    lines += [f"process {inode} {pid} worker" for inode, (_, _, pid) in enumerate(sockets)]
    found = parse("\n".join(lines))
    assert {(each.port, each.pid) for each in found} == {
        (port, pid) for address, port, pid in sockets if str(address) != "127.0.0.11"
    }
    assert list(found) == sorted(found, key=lambda each: (each.port, each.address))


def test_the_first_of_several_workers_is_named() -> None:
    lines = ["tcp 00000000:1F90 7", "process 7 31 gunicorn: worker", "process 7 30 gunicorn app"]
    assert parse("\n".join(lines)) == (Listening(8080, "0.0.0.0", 30, "gunicorn app"),)


def test_both_kinds_of_address_are_one_port() -> None:
    lines = [
        "tcp6 00000000000000000000000000000000:1F90 8",
        "tcp 00000000:1F90 7",
        "process 7 30 server",
        "process 8 30 server",
    ]
    assert parse("\n".join(lines)) == (Listening(8080, "0.0.0.0", 30, "server"),)


def test_the_engines_own_and_kernels_are_left_out() -> None:
    lines = [
        "tcp 0B00007F:9999 1",
        "tcp 0100007F:A001 2",
        "process 2 50 python -m ipykernel_launcher -f /run/kernel.json",
    ]
    assert parse("\n".join(lines)) == ()


def test_a_command_is_shown_short_and_without_control_characters() -> None:
    (found,) = parse(f"tcp 00000000:1F90 7\nprocess 7 30 a\x1b[2Jb\r{'x' * 500} \n")
    assert found.process.startswith("a [2Jb xxx")
    assert len(found.process) == LONGEST_COMMAND + 3


@pytest.mark.parametrize(("user_sees", "asked"), [(True, ["1000:1000"]), (False, BOTH)])
def test_root_is_asked_only_where_the_user_may_not_look(
    tmp_path: Path, user_sees: bool, asked: list[str]
) -> None:
    socket, owner = b"tcp 00000000:1F90 7\n", b"process 7 30 server\n"
    answers = [socket + owner if user_sees else socket, socket + owner]
    engine = FakeEngine(lambda argv, data: ExecResult(0, answers.pop(0), b""))
    box = running_box(engine, tmp_path)
    assert [each.pid for each in listening(engine, box.id, User(1000, 1000))] == [30]
    assert [each.user for each in engine.executed] == asked


def test_a_box_that_does_not_tell(tmp_path: Path) -> None:
    engine = FakeEngine(lambda argv, data: ExecResult(127, b"", b"not found\n"))
    with pytest.raises(DevboxError) as silent:
        listening(engine, running_box(engine, tmp_path).id, User(0, 0))
    assert silent.value.detail == ("not found",)
