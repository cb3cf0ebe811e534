from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.config import parts, values
from devbox.config.kinds import MISSING, At, Kind, attempt
from devbox.config.source import Source
from devbox.config.spec import Gpu, HealthCheck, Mount, Port


def taken(kind: Kind, value: object) -> Any:
    """The value as checked, or MISSING where a problem was noted."""
    source = Source("project", Path("/project"))
    result = attempt(kind, value, At(source, ("key",)))
    return MISSING if source.problems else result


GOOD = [
    (values.apt, "g++"),
    (values.apt, "libstdc++6:amd64"),
    (values.apt, "git=1:2.39.5-0+deb12u1"),
    (values.requirement, "numpy"),
    (values.requirement, "numpy>=2,<3"),
    (values.requirement, "uvicorn[standard]~=0.30"),
    (
        values.requirement,
        "torch==2.4.0+cpu ; python_version < '3.13' and sys_platform == \"linux\"",
    ),
    (values.requirement, "pkg @ git+https://example.org/a/b.git@main#subdirectory=c"),
    (values.image, "debian:bookworm-slim"),
    (values.image, "registry.example:5000/team/a_b/c:1.0@sha256:" + "0" * 64),
    (values.python, "3.12"),
    (values.python, "3.12.4"),
    (values.platform, "linux/arm64"),
    (values.secret, "API_TOKEN"),
    (values.env_name, "lower_too"),
    (values.env_value, ""),
    (values.env_value, "a $b 'c' \"d\""),
]
BAD: list[tuple[Kind, list[object]]] = [
    (values.apt, ["-y", "vim-", "a b", "a;b", "$(x)", "a\n", "A", "", 1, "../x"]),
    (values.requirement, ["-r x.txt", "--index-url=x", "a --hash=b", "./x", "a\nRUN b", "a `b`"]),
    (values.requirement, ["a; $(b)", "a @ file:///x", 1, "a==1 --x", "a #b", "a" * 600, "a\\"]),
    (values.image, ["Debian", "a b", "a:b:c", "-a", "a\nFROM b", "a" * 500]),
    (values.python, [3.12, 3, "2.7", "3", "python3.12", "3.12 ", True]),
    (values.platform, ["windows/amd64", "linux", "linux/amd64;x"]),
    (values.secret, ["a", "A-B", "1A", ""]),
    (values.env_name, ["A B", "A=B", "1A", "A\n", "Ä"]),
    (values.env_value, ["a\nb", "a\0", "\x1b[31m", 1, True, "x" * 5000]),
    (values.memory, ["lots", 0, -1, "1k", True, 1.5, "9999999TiB"]),
    (values.gpus, [-1, 1.0, "some", True, [], {}, 10**9]),
    (values.duration, [30, "soon", True, -1, 1.5, []]),
    (parts.port, [0, 65536, -1, True, 1.0, "x", "1:2:3", "0:1", "1-5", "1/icmp", "٣", []]),
    (parts.port, ["999.1.1.1:1:2", "127.0.0.1:80", {}, {"host": 1}]),
    (parts.port, [{"container": 1, "address": "x"}, {"container": 1, "x": 1}]),
    (parts.mount, ["a", "a:b", ":/x", "a:/x:rx", "a:/x:ro:z", "a:/", "a:/b/../c", 1, {}]),
    (parts.mount, ["a:/workspace", "a:/home/dev/", "a:/proc/1", "a:/dev/x", {"source": "a"}]),
    (parts.mount, [{"source": "a/b", "target": "/b", "volume": True}, "~no-such-user/x:/x"]),
]


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_what_is_taken(kind: Kind, value: object) -> None:
    assert taken(kind, value) == value


@pytest.mark.parametrize(("kind", "bad"), BAD)
def test_what_is_refused(kind: Kind, bad: list[object]) -> None:
    assert [value for value in bad if taken(kind, value) is not MISSING] == []


@pytest.mark.parametrize(
    ("value", "port"),
    [
        (8888, Port(8888)),
        ("8888", Port(8888)),
        ("53/udp", Port(53, protocol="udp")),
        ("8080:80", Port(80, 8080)),
        ("0.0.0.0:8080:80/tcp", Port(80, 8080, "0.0.0.0")),
        ("[::1]:8080:80", Port(80, 8080, "::1")),
        ({"container": 80, "host": 8080, "protocol": "udp"}, Port(80, 8080, protocol="udp")),
    ],
)
def test_ports(value: object, port: Port) -> None:
    assert taken(parts.port, value) == port


@pytest.mark.parametrize(
    ("value", "mount"),
    [
        ("data:/mnt", Mount("/project/data", "/mnt")),
        ("../x:/mnt/:ro", Mount("/x", "/mnt", read_only=True)),
        ("/abs:/home/dev/.aws:rw", Mount("/abs", "/home/dev/.aws")),
        ({"source": "v", "target": "/v", "volume": True}, Mount("v", "/v", volume=True)),
        ({"source": "a:b", "target": "/v"}, Mount("/project/a:b", "/v")),
    ],
)
def test_mounts(value: object, mount: Mount) -> None:
    assert taken(parts.mount, value) == mount


def test_data_gets_names() -> None:
    found = taken(parts.data, ["/sets/Image Net"])
    assert found == {"image-net": Mount("/sets/Image Net", "/data/image-net", read_only=True)}
    assert taken(parts.data, {"a": "sets"})["a"].source == "/project/sets"
    assert taken(parts.data, ["/x/a", "/y/a"]) is MISSING


@pytest.mark.parametrize(
    ("value", "gpus"),
    [
        (0, (Gpu.NONE, 0)),
        (2, (Gpu.COUNT, 2)),
        ("all", (Gpu.ALL, 0)),
        ("optional", (Gpu.OPTIONAL, 0)),
    ],
)
def test_gpus(value: object, gpus: tuple[Gpu, int]) -> None:
    assert taken(values.gpus, value) == gpus


def test_services() -> None:
    db = {"image": "postgres:16", "command": "postgres -c 'a=b c'", "healthcheck": "pg_isready"}
    found = taken(parts.services, {"db": db | {"volumes": ["pg:/data", "./x:/y"]}})["db"]
    assert found.command == ("postgres", "-c", "a=b c")
    assert found.healthcheck == HealthCheck("pg_isready")
    assert found.volumes == (Mount("pg", "/data", volume=True), Mount("/project/x", "/y"))
    for broken in ({}, db | {"build": "x"}, db | {"command": "'"}, db | {"imag": "x"}):
        assert taken(parts.services, {"db": broken}) is MISSING
    for name in ("box", "A", "../x"):
        assert taken(parts.services, {name: db}) is MISSING


def test_builds_stay_in_their_context(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    assert taken(parts.build, {"context": str(tmp_path)}).context == tmp_path
    for value in (
        {"dockerfile": "../Dockerfile"},
        {"dockerfile": "/etc/passwd"},
        {"dockerfile": "x"},
    ):
        assert taken(parts.build, {"context": str(tmp_path)} | value) is MISSING
    assert taken(parts.build, {"context": str(tmp_path / "missing")}) is MISSING


@given(
    st.text(alphabet=st.characters() | st.sampled_from("\n\r\t `$;&|<>\\'\"-=[]@#"), max_size=60)
)
def test_nothing_that_is_taken_can_leave_its_line(text: str) -> None:
    for kind in (values.apt, values.requirement, values.image, values.env_value, values.env_name):
        for candidate in (text, f"a{text}", f"a=={text}", f"a=1{text}"):
            if taken(kind, candidate) is not MISSING:
                assert not any(char in candidate for char in "\n\r\0\x1b\x85\u2028")
                if kind in (values.apt, values.requirement):
                    assert not any(char in candidate for char in "`$\\|&")
