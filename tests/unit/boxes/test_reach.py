"""The list of a box's ports, and who has a port of this machine."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from devbox.boxes.forward import Forward
from devbox.boxes.identity import BoxId
from devbox.boxes.listening import Listening
from devbox.boxes.reach import Reach, listed
from devbox.boxes.ssh import SshAccess
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import Container, ExecResult, PublishedPort
from devbox.errors import DevboxError
from tests.unit.boxes.running import running_box

BOX = Container(
    id="1",
    name="devbox-ada_b-box-1",
    image="i",
    image_id="",
    state="running",
    status="",
    labels={"devbox.owner": "ada", "devbox.box": "b", "devbox.role": "box"},
    created=0.0,
    ports=(
        PublishedPort(80, "tcp", "127.0.0.1", 8080),
        PublishedPort(80, "udp", "127.0.0.1", 8080),
        PublishedPort(81, "tcp"),
    ),
)
SERVICE = replace(
    BOX,
    id="2",
    labels={**BOX.labels, "devbox.role": "service"},
    ports=(PublishedPort(5432, "tcp", "127.0.0.1", 15432),),
)
FOUND = (
    Listening(80, "0.0.0.0", 10, "web"),
    Listening(5432, "127.0.0.1", 11, "own database"),
    Listening(8000, "127.0.0.1", 12, "api"),
    Listening(8000, "::1", 13, "other api"),
    Listening(9000, "127.0.0.1", 0, ""),
)


def test_each_port_is_what_one_can_do_with_it() -> None:
    rows = listed("b", (SERVICE, BOX), FOUND, (Forward(8000, 18000, 4711), Forward(7000, 7000, 1)))
    assert [(r.port, r.protocol, r.how, r.address, r.host_port, r.process) for r in rows] == [
        (80, "tcp", "published", "127.0.0.1", 8080, "web"),
        (80, "udp", "published", "127.0.0.1", 8080, ""),
        (5432, "tcp", "listening", "127.0.0.1", None, "own database"),
        (5432, "tcp", "published", "127.0.0.1", 15432, ""),
        (7000, "tcp", "forwarded", "127.0.0.1", 7000, ""),
        (8000, "tcp", "forwarded", "127.0.0.1", 18000, "api"),
        (9000, "tcp", "listening", "127.0.0.1", None, ""),
    ]
    assert {row.box for row in rows} == {"b"}


def reach(engine: FakeEngine, home: Path) -> Reach:
    box = BoxId("ada", "b")
    return Reach(engine, home, box, box.folder(home), lambda: cast(SshAccess, None))


def test_ports_of_a_running_box(tmp_path: Path) -> None:
    engine = FakeEngine(
        lambda argv, data: ExecResult(0, b"tcp 00000000:1F90 7\nprocess 7 30 server\n", b"")
    )
    running_box(engine, tmp_path)
    (row,) = reach(engine, tmp_path).ports()
    assert (row.port, row.how, row.pid) == (8080, "listening", 30)


def test_a_box_that_is_down_is_not_asked(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.stop(running_box(engine, tmp_path).id)
    assert reach(engine, tmp_path).ports() == ()
    assert engine.executed == []


def test_a_port_in_use_is_named_after_its_box_or_program(tmp_path: Path) -> None:
    engine = FakeEngine()
    box = running_box(engine, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        with pytest.raises(DevboxError, match=rf"in use by .* \(process {os.getpid()}\)"):
            reach(engine, tmp_path).forward(9, number)
        engine.set(box.id, ports=(PublishedPort(80, "tcp", "127.0.0.1", number),))
        with pytest.raises(DevboxError, match="in use by box b"):
            reach(engine, tmp_path).forward(9, number)
