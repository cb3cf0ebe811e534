"""The engine's JSON as records."""

from __future__ import annotations

from typing import Any

import pytest

from devbox.compute.engine import records, reports
from devbox.compute.engine.times import NEVER
from devbox.compute.engine.types import PublishedPort


def stats(memory: dict[str, int], **cpu: Any) -> dict[str, Any]:
    return {
        "read": "2026-01-01T00:00:01.5Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 20_000} | cpu,
        "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 10_000},
        "memory_stats": {"usage": 1000, "limit": 5000, "stats": memory},
        "networks": {
            "eth0": {"rx_bytes": 1, "tx_bytes": 2},
            "eth1": {"rx_bytes": 3, "tx_bytes": 4},
        },
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "Read", "value": 5},
                {"op": "write", "value": 6},
                {"op": "Total", "value": 11},
            ]
        },
        "pids_stats": {"current": 7},
    }


def test_a_sample_of_cgroup_1_and_2() -> None:
    one = reports.sample(stats({"total_inactive_file": 300, "inactive_file": 1}, online_cpus=4))
    assert one.cpu == pytest.approx(0.8)
    assert (one.memory, one.memory_limit) == (700, 5000)
    assert (one.network_rx, one.network_tx) == (4, 6)
    assert (one.block_read, one.block_write, one.processes) == (5, 6, 7)
    two = reports.sample(stats({"inactive_file": 400}, online_cpus=2))
    assert two.cpu == pytest.approx(0.4)
    assert two.memory == 600


def test_a_sample_without_cpus_or_a_reading_before() -> None:
    data = stats({"inactive_file": 4000})
    data["cpu_stats"]["cpu_usage"]["percpu_usage"] = [1, 2, 3]
    sample = reports.sample(data)
    assert sample.cpu == pytest.approx(0.6)
    assert sample.memory == 1000
    data["precpu_stats"] = {"cpu_usage": {"total_usage": 0}}
    assert reports.sample(data).cpu == 0


def test_a_sample_of_a_stopped_container() -> None:
    sample = reports.sample({"cpu_stats": {}, "memory_stats": {}, "networks": None})
    assert (sample.cpu, sample.memory, sample.time) == (0, 0, 0)


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 2 hours (healthy)", "healthy"),
        ("Up 1 second (health: starting)", "starting"),
        ("Up 3 minutes (unhealthy)", "unhealthy"),
        ("Exited (0) 3 minutes ago", ""),
    ],
)
def test_health_in_a_listing(status: str, health: str) -> None:
    data = {
        "Id": "1",
        "Names": ["/other/alias", "/name"],
        "Image": "i",
        "ImageID": "sha256:1",
        "State": "running",
        "Status": status,
        "Created": 5,
        "Ports": [{"PrivatePort": 80, "Type": "tcp"}],
        "Labels": None,
    }
    container = records.listed(data)
    assert (container.health, container.name, container.labels) == (health, "name", {})
    assert container.ports == (PublishedPort(80, "tcp"),)


def test_ports_of_a_stopped_container_are_those_it_asks_for() -> None:
    data = {
        "Id": "1",
        "Name": "/n",
        "Image": "sha256:1",
        "Created": "2026-01-01T00:00:00.123456789Z",
        "State": {"Status": "exited", "ExitCode": 3, "StartedAt": NEVER},
        "Config": {"Image": "i", "ExposedPorts": {"80/tcp": {}, "81/udp": {}}},
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
        "NetworkSettings": {"Ports": {}},
    }
    container = records.inspected(data)
    assert container.ports == (
        PublishedPort(80, "tcp", "", 8080),
        PublishedPort(81, "udp"),
    )
    assert (container.exit_code, container.started) == (3, 0.0)
    assert container.created == pytest.approx(1767225600.123, abs=0.001)
