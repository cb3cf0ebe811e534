"""Which ports of the host a box gets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devbox.boxes.identity import BoxId, Label
from devbox.boxes.ports import (
    check_apart,
    check_ports,
    is_free,
    stored_ports,
    taken_ports,
    with_ports,
)
from devbox.compute.engine.types import Container, PublishedPort
from devbox.config.spec import BoxSpec, Port, Service
from devbox.errors import DevboxError, UsageError

BOX = BoxId("ada", "churn")
SPEC = BoxSpec(name="churn", project=Path("/p"), profile="base")


def container(owner: str, box: str, ports: dict[int, int], **labels: str) -> Container:
    return Container(
        id=f"{owner}-{box}",
        name=f"{owner}-{box}-box-1",
        image="i",
        image_id="",
        state="running",
        status="",
        labels={Label.OWNER: owner, Label.BOX: box, Label.ROLE: "box", **labels},
        created=0.0,
        ports=tuple(
            PublishedPort(inside, "tcp", "127.0.0.1", out) for inside, out in ports.items()
        ),
    )


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that something on this machine listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_same_number_where_it_is_free() -> None:
    number = free()
    assert with_ports(replace(SPEC, ports=(Port(number),)), (), {}).ports[0].host == number


def test_another_number_where_it_is_not(busy: int) -> None:
    (port,) = with_ports(replace(SPEC, ports=(Port(busy),)), (), {}).ports
    assert port.host not in (None, busy)
    number = free()
    (port,) = with_ports(replace(SPEC, ports=(Port(number),)), (), {(number, "tcp"): "b"}).ports
    assert port.host != number


def test_numbers_below_1024_and_twice_the_same() -> None:
    spec = replace(
        SPEC,
        ports=(Port(80), Port(80, protocol="udp")),
        services=(Service("db", image="i", ports=(Port(80),)),),
    )
    made = with_ports(spec, (), {})
    given = [port.host for port in (*made.ports, *made.services[0].ports)]
    assert all(number and number >= 1024 for number in given)
    assert len(set(given)) == 3


def test_what_was_chosen_is_kept(busy: int) -> None:
    spec = replace(SPEC, ports=(Port(80), Port(81, host=8081)))
    first = with_ports(spec, (), {})
    own = container("ada", "churn", {}, **{Label.PORTS: stored_ports(first)})
    assert with_ports(spec, [own], {}) == first
    assert json.loads(stored_ports(first))["box/81/tcp"] == 8081


@pytest.mark.parametrize("label", ["", "{", "[]", '{"box/80/tcp": "x"}', '{"box/80/tcp": null}'])
def test_a_label_that_is_not_ours_to_read(label: str) -> None:
    own = container("ada", "churn", {}, **{Label.PORTS: label})
    assert with_ports(replace(SPEC, ports=(Port(80),)), [own], {}).ports[0].host


def test_what_others_have_is_named() -> None:
    others = [container("bob", "api", {80: 9000}), container("ada", "churn", {80: 9001})]
    taken = taken_ports(others, BOX)
    assert taken == {(9000, "tcp"): "api"}
    with pytest.raises(DevboxError, match="9000 of this machine is in use by box api"):
        check_ports(replace(SPEC, ports=(Port(80, host=9000),)), (), taken)


def test_what_this_machine_listens_on_is_refused_unless_it_is_ours(busy: int) -> None:
    spec = replace(SPEC, ports=(Port(80, host=busy),))
    with pytest.raises(DevboxError, match=str(busy)):
        check_ports(spec, (), {})
    check_ports(spec, [container("ada", "churn", {80: busy})], {})


def test_free_ports(busy: int) -> None:
    assert not is_free(Port(80), busy)
    assert is_free(Port(80), free())
    assert is_free(Port(80, protocol="udp"), busy)
    # An address that is not this machine's: somebody else knows.
    assert is_free(Port(80, address="192.0.2.1"), busy)


@pytest.mark.parametrize("other", [Port(90, 8080), Port(80, 8080, "0.0.0.0"), Port(80, 8080, "::")])
def test_two_boxes_of_a_project_that_name_one_port(other: Port) -> None:
    one = replace(SPEC, name="train", ports=(Port(80, 8080),))
    two = replace(SPEC, name="serve", services=(Service("db", image="i", ports=(other,)),))
    with pytest.raises(UsageError, match="Boxes train and serve both publish port 8080"):
        check_apart([one, two])


def test_boxes_of_a_project_that_keep_apart() -> None:
    one = replace(SPEC, name="train", ports=(Port(80, 8080), Port(81), Port(82, 8081)))
    two = replace(
        SPEC,
        name="serve",
        ports=(Port(80, 8080, protocol="udp"), Port(81), Port(82, 8081, "127.0.0.2")),
    )
    check_apart([one, two])
