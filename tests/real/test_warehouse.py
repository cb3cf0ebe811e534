"""A box with a PostgreSQL of its own."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person


@pytest.fixture
def person(engine: DockerEngine, base_image: str, tmp_path: Path) -> Person:
    project = tmp_path / "project"
    project.mkdir()
    return Person(project, os.environ["DEVBOX_USER"])


def address(engine: DockerEngine, container: str) -> str:
    networks = engine.http.json("GET", f"/containers/{container}/json")["NetworkSettings"]
    return str(next(iter(networks["Networks"].values()))["IPAddress"])


def asked_for(host: str, user: str) -> int:
    """What PostgreSQL answers to who says hello: 0 is welcome, 10 wants a password (SCRAM).
    https://www.postgresql.org/docs/current/protocol-message-formats.html"""
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", user))
    hello = struct.pack("!ii", 9 + len(words), 196608) + words + b"\0"
    with socket.create_connection((host, 5432), timeout=10) as wire:
        wire.sendall(hello)
        kind, _, answer = struct.unpack("!cii", wire.recv(9))
    assert kind == b"R", kind
    return int(answer)


@pytest.mark.timeout(600)
def test_the_starter_loads_rows_and_asks_for_them(person: Person, engine: DockerEngine) -> None:
    person.run("init", "--profile", "warehouse", "--starter", "--name", "w")
    made = subprocess.run(
        [sys.executable, "-m", "devbox", "image", "build", "warehouse", "--json"],
        cwd=person.project,
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    tags = [entry["image"] for entry in json.loads(made.stdout)]
    assert [tag.partition(":")[0] for tag in tags] == ["devbox/box", "devbox/postgres"]
    plan = person.json("image", "prune", "--dry-run")
    assert not set(tags) & {entry["ref"] for entry in plan["images"]}

    person.run("up")
    loaded = person.run("exec", "--", "python", "load.py", "--rows", "5000").stdout
    assert "orders=5000\n" in loaded
    # Every client finds it: by name, by itself, and DuckDB and polars are at hand.
    assert person.sh("psql -Atc 'select count(*) from orders'") == "5000"
    assert person.sh("psql -At -h db -c 'select current_user, current_database()'") == (
        "dev|warehouse"
    )
    assert person.sh("python -c 'import duckdb, polars, sqlalchemy; print(1)'") == "1"

    name = f"devbox-{person.owner}_w-db-1"
    (db,) = [each for each in engine.containers({}) if each.name == name]
    assert not db.ports
    # The box is trusted, and who else works on this machine is not.
    assert asked_for(address(engine, db.id), "dev") == 10
    assert person.sh("id -u") == person.sh("stat -c %u /workspace")

    before = time.monotonic()
    person.run("down")
    assert time.monotonic() - before < 8, "it was killed after its ten seconds"
    person.run("up")
    assert person.sh("psql -Atc 'select count(*) from orders'") == "5000"
    assert "aborting any active" not in person.run("logs", "--tail", "20").stdout
    person.run("rm", "--volumes", "--yes")


def test_a_first_start_that_was_cut_off_is_made_good(person: Person, engine: DockerEngine) -> None:
    person.toml(
        """
[box]
name = "b"
profile = "base"
[box.services.db]
image = "devbox/postgres"
env = { POSTGRES_DB = "sales" }
volumes = ["pg:/var/lib/postgresql"]
[box.services.db.healthcheck]
command = "psql -h 127.0.0.1 -U dev -c 'select 1' sales"
interval = "1s"
retries = 5
"""
    )
    person.run("up")
    name = f"devbox-{person.owner}_b-db-1"

    def inside(script: str) -> str:
        return engine.call(name, ["sh", "-c", script], user="0:0").stdout.decode()

    inside("cd /var/lib/postgresql && mv data draft && rm draft/PG_VERSION")
    person.run("stop")
    person.run("up")
    assert inside("ls /var/lib/postgresql").split() == ["data"]

    inside("echo 9 >/var/lib/postgresql/data/PG_VERSION")
    person.run("stop")
    assert "the data is of PostgreSQL 9" in person.run("up", code=1).stderr


def test_an_image_of_devbox_that_does_not_exist(person: Person) -> None:
    person.toml(
        '[box]\nname = "b"\nprofile = "base"\n[box.services.db]\nimage = "devbox/postgrse"\n'
    )
    error = person.run("up", code=2).stderr
    assert "no image 'postgrse' in devbox" in error
    assert "postgres" in error
