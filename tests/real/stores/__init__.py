"""A container with an object store and an SSH server, for tests of storage locations."""

from __future__ import annotations

import hashlib
import http.client
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devbox.storage.awskeys import Credentials
from devbox.storage.sigv4 import signed
from tests.real.box import until

HERE = Path(__file__).parent
KEY, SECRET = "test:tester", "testing"
SMALL = 3 << 20
FILES = ("Dockerfile", "setup.sh", "start.sh")


@dataclass(frozen=True)
class Stores:
    """The running servers. ``config`` is an ssh configuration with a host called ``store``."""

    container: str
    endpoint: str
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def sh(self, script: str) -> str:
        """Run a shell script in the container."""
        return docker("exec", self.container, "sh", "-c", script)

    def ssh_on_path(self, folder: Path) -> None:
        """Make an ``ssh`` in a folder that knows the server. (ssh looks for its configuration in
        the home of the password file, not in $HOME.)"""
        program = folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F "{self.config}" "$@"\n')
        program.chmod(0o755)


def docker(*argv: str) -> str:
    """Run docker; it must succeed."""
    done = subprocess.run(
        ["docker", *argv], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def running(base: str, folder: Path) -> Iterator[Stores]:
    """Build the image where it is absent, and run it."""
    image = _image(base)
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    name = f"devbox-tests-stores-{uuid.uuid4().hex[:8]}"
    publish = ("-p", "127.0.0.1::8080", "-p", "127.0.0.1::22")
    small = f"/srv/small:size={SMALL}"
    docker("run", "-d", "--init", "--name", name, *publish, "--tmpfs", small, image)
    try:
        public = key.with_suffix(".pub").read_text()
        until(lambda: _answers(name), seconds=60)
        found = Stores(name, f"http://{_port(name, 8080)}", folder)
        found.sh(f"umask 077; printf %s '{public}' > /root/.ssh/authorized_keys")
        host_key = found.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").rsplit(" ", 1)[0]
        address, _, port = _port(name, 22).partition(":")
        (folder / "known").write_text(f"[{address}]:{port} {host_key}\n")
        found.config.write_text(
            f"Host store stranger\n  HostName {address}\n  Port {port}\n  User root\n"
            f"  IdentityFile {key}\n  IdentitiesOnly yes\n"
            f"Host store\n  UserKnownHostsFile {folder}/known\n"
            f"Host stranger\n  UserKnownHostsFile {folder}/none\n  StrictHostKeyChecking no\n"
        )
        yield found
    finally:
        docker("rm", "-f", "-v", name)


def _answers(name: str) -> bool:
    address, _, port = _port(name, 8080).partition(":")
    connection = http.client.HTTPConnection(address, int(port), timeout=2)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _port(name: str, port: int) -> str:
    return docker("port", name, str(port)).splitlines()[0]


def _image(base: str) -> str:
    identity = docker("image", "inspect", "-f", "{{.Id}}", base)
    content = identity + "".join((HERE / name).read_text() for name in FILES)
    tag = f"devbox-tests/stores:{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    if not docker("images", "-q", tag):
        proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
        arguments = [f"--build-arg={name}" for name in proxies]
        docker("build", "-q", "-t", tag, f"--build-arg=BASE={base}", *arguments, str(HERE))
    return tag


def make_bucket(servers: Stores, name: str, *, method: str = "PUT") -> int:
    """Make (or with DELETE remove) a bucket; returns the HTTP status."""
    url = f"{servers.endpoint}/{name}"
    empty = hashlib.sha256(b"").hexdigest()
    headers = signed(method, url, {}, empty, Credentials(KEY, SECRET), "us-east-1")
    connection = http.client.HTTPConnection(headers.pop("host"), timeout=20)
    try:
        connection.request(method, f"/{name}", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
