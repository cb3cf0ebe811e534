"""What compose's output says went wrong. The lines are those of real engines."""

from __future__ import annotations

import pytest

from devbox.compute.engine.compose import ComposeFailed, failure
from devbox.compute.engine.faults import PullFailed

DAEMON = "Error response from daemon: "


ENDPOINT = "driver failed programming external connectivity on endpoint b-1 (b3d): "


@pytest.mark.parametrize(
    "line",
    [
        "Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
        "Bind for 0.0.0.0:8080 failed: port is already allocated",
        "failed to bind host port for 0.0.0.0:8080:172.18.0.2:80/tcp: address already in use",
        "failed to bind host port [::]:8080/tcp: address already in use",
    ],
)
def test_a_port_in_use(line: str) -> None:
    error = failure("p", [" Container b-1  Starting", DAEMON + ENDPOINT + line])
    assert isinstance(error, ComposeFailed)
    assert error.port == 8080
    assert "8080 is already in use" in error.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('could not select device driver "nvidia" with capabilities: [[gpu]]', "GPU"),
        (
            'invalid mount config for type "bind": bind source path does not exist: /no/such',
            "/no/such cannot be mounted",
        ),
        (
            "error while creating mount source path '/host_mnt/x': mkdir /host_mnt: read-only",
            "/host_mnt/x cannot be mounted",
        ),
        ("mkdir /var/lib/docker/overlay2/x: no space left on device", "disk is full"),
        (
            "create shim task: runc did not terminate successfully: no space left on device",
            "disk is full",
        ),
        (
            "error while creating mount source path '/x': mkdir /x: no space left on device",
            "disk is full",
        ),
        ("could not find an available, non-overlapping IPv4 address pool", "address range"),
        ("all predefined address pools have been fully subnetted", "address range"),
        ("unresolvable CDI devices nvidia.com/gpu=9", "nvidia.com/gpu=9"),
        ("something new", "something new"),
        ("listen tcp4 0.0.0.0:80: bind: permission denied", "may not publish port 80"),
        (
            "listen tcp4 10.9.9.9:80: bind: cannot assign requested address",
            "no address 10.9.9.9",
        ),
    ],
)
def test_known_failures(line: str, words: str) -> None:
    error = failure("p", [" Container b-1  Starting", DAEMON + line])
    assert words in error.message


def test_an_unknown_failure_shows_the_last_lines() -> None:
    error = failure("p", [f"line {number}" for number in range(40)])
    assert error.detail[-1] == "line 39"
    assert len(error.detail) < 20
    silent = failure("p", [""])
    assert "without a word" in silent.message
    assert "devbox doctor" in silent.hint


def test_images_that_cannot_be_had() -> None:
    lookup = "dial tcp: lookup registry.example on 10.0.0.1:53: no such host"
    error = failure("p", [" db Pulling", f" db Error {lookup}", DAEMON + lookup])
    assert isinstance(error, PullFailed)
    assert error.unreachable
    assert "db" in error.message
    absent = "manifest for debian:99 not found: manifest unknown: manifest unknown"
    error = failure("p", [f" db Error {absent}", DAEMON + absent])
    assert isinstance(error, PullFailed)
    assert not error.unreachable
    assert isinstance(failure("p", [DAEMON + "No such image: debian:99"]), PullFailed)
