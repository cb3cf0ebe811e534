"""Storage locations on a real object store and a real SSH server."""

from __future__ import annotations

import os
import select
import shutil
import socket
import socketserver
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devbox.errors import DevboxError, Unreachable
from devbox.storage.backend import connect
from devbox.storage.locations import Location, location
from tests.contract_storage import StorageContract
from tests.real import stores
from tests.real.stores import Stores

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")


KILL_SFTP = """
for each in /proc/[0-9]*; do
    if [ "$(cat "$each/comm" 2>/dev/null)" = sftp-server ]; then kill "${each#/proc/}"; fi
done
"""


@pytest.fixture(scope="session")
def servers(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores.running(base_image, tmp_path_factory.mktemp("stores")) as found:
        yield found


@pytest.fixture
def ssh(servers: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """The servers, with an ``ssh`` that knows them."""
    programs = tmp_path / "programs"
    programs.mkdir()
    servers.ssh_on_path(programs)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return servers


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stores.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stores.SECRET)


@contextmanager
def cutting(endpoint: str, *, after: int) -> Iterator[str]:
    """A way to a server that is cut for good once so many bytes went there; yields its address."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    left = [after]

    class Way(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as there:
                while left[0] > 0:
                    ready = select.select([self.request, there], [], [], 0.5)[0]
                    for each in ready:
                        data = each.recv(1 << 16)
                        if not data:
                            return
                        (self.request if each is there else there).sendall(data)
                        left[0] -= len(data) if each is self.request else 0

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Way) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def bucket(servers: Stores, name: str = "") -> str:
    """A new bucket."""
    name = name or f"b{uuid.uuid4().hex[:12]}"
    done = stores.make_bucket(servers, name)
    assert done < 300
    return name


class TestSsh(StorageContract):
    @pytest.fixture
    def where(self, ssh: Stores) -> Location:
        folder = f"/srv/ssh/{uuid.uuid4().hex}"
        ssh.sh(f"mkdir -p {folder}")
        return location("team", f"ssh://root@store{folder}")


@pytest.mark.usefixtures("keys")
class TestS3(StorageContract):
    @pytest.fixture
    def where(self, servers: Stores) -> Location:
        url = f"s3://{bucket(servers)}/some/prefix"
        return location("team", url, {"endpoint": servers.endpoint})


def test_a_host_whose_key_is_not_known_is_refused(ssh: Stores) -> None:
    with pytest.raises(Unreachable, match="Host key verification failed") as error:
        connect(location("team", "ssh://root@stranger/srv/ssh"))
    assert "ssh" in error.value.hint


def test_an_ssh_host_that_is_not_there(ssh: Stores) -> None:
    with pytest.raises(Unreachable, match=r"store cannot be used: .*refused"):
        connect(location("team", "ssh://root@store:1/srv/ssh"))


def test_a_user_who_may_not_log_in(ssh: Stores) -> None:
    with pytest.raises(Unreachable, match="Permission denied") as error:
        connect(location("team", "ssh://nobody@store/srv/ssh"))
    assert "key is accepted" in error.value.hint


def test_a_folder_that_is_not_on_the_host(ssh: Stores) -> None:
    with pytest.raises(Unreachable, match="There is no folder /srv/none on store") as error:
        connect(location("team", "ssh://root@store/srv/none"))
    assert "mkdir -p /srv/none" in error.value.hint


def test_a_full_disk_on_the_host(ssh: Stores, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(2 * stores.SMALL))
    made = connect(location("team", "ssh://root@store/srv/small"))
    with pytest.raises(DevboxError, match="No space left on store in /srv/small"):
        made.send("ab/" + "ab" * 32, file, lambda _: None)
    assert made.stat("ab/" + "ab" * 32) is None
    made.sweep(4e9)
    made.close()


def test_a_connection_that_breaks_off_while_sending(ssh: Stores, tmp_path: Path) -> None:
    ssh.sh("mkdir -p /srv/ssh/broken")
    file = tmp_path / "file"
    file.write_bytes(os.urandom(8 << 20))
    made = connect(location("team", "ssh://root@store/srv/ssh/broken"))
    sent = 0

    def cut(count: int) -> None:
        nonlocal sent
        if sent < 1 << 20 <= sent + count:
            ssh.sh(KILL_SFTP)
        sent += count

    with pytest.raises(Unreachable, match="connection to store broke off") as error:
        made.send("ab/" + "ab" * 32, file, cut)
    assert "is kept" in error.value.hint
    made.close()


@pytest.mark.usefixtures("keys")
class TestFaultsOfBuckets:
    def test_a_bucket_that_is_not_there(self, servers: Stores) -> None:
        made = connect(location("team", "s3://nothing-here", {"endpoint": servers.endpoint}))
        with pytest.raises(Unreachable, match="There is no bucket nothing-here"):
            list(made.ls(""))
        with pytest.raises(Unreachable, match="There is no bucket nothing-here"):
            made.write("key", b"data")

    def test_a_bucket_that_goes_while_it_is_used(self, servers: Stores, tmp_path: Path) -> None:
        name = bucket(servers)
        made = connect(location("team", f"s3://{name}", {"endpoint": servers.endpoint}))
        assert list(made.ls("")) == []
        assert stores.make_bucket(servers, name, method="DELETE") < 300
        file = tmp_path / "file"
        file.write_bytes(os.urandom(20 << 20))
        with pytest.raises(Unreachable, match="There is no bucket"):
            made.send("ab/" + "ab" * 32, file, lambda _: None)

    @pytest.mark.parametrize(
        ("key", "secret", "message"),
        [
            ("test:tester", "wrong", "does not accept the secret key"),
            ("test:nobody", "testing", "access denied|does not (know|accept)"),
            ("test:reader", "reading", "access denied"),
        ],
    )
    def test_keys_that_are_refused(
        self,
        servers: Stores,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        key: str,
        secret: str,
        message: str,
    ) -> None:
        name = bucket(servers)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        file = tmp_path / "file"
        file.write_bytes(os.urandom(20 << 20))
        made = connect(location("team", f"s3://{name}", {"endpoint": servers.endpoint}))
        with pytest.raises(Unreachable, match=message) as small:
            made.write("key", b"data")
        with pytest.raises(Unreachable, match=message):
            made.send("ab/" + "ab" * 32, file, lambda _: None)
        assert secret not in f"{small.value.message} {small.value.hint}"

    def test_a_connection_that_breaks_off_while_sending(
        self, servers: Stores, tmp_path: Path
    ) -> None:
        name = bucket(servers)
        file = tmp_path / "file"
        file.write_bytes(os.urandom(20 << 20))
        key = "ab/" + "ab" * 32
        with cutting(servers.endpoint, after=12 << 20) as endpoint:
            made = connect(location("team", f"s3://{name}", {"endpoint": endpoint}))
            with pytest.raises(Unreachable, match="broke off") as error:
                made.send(key, file, lambda _: None)
            assert "is kept" in error.value.hint
        made = connect(location("team", f"s3://{name}", {"endpoint": servers.endpoint}))
        assert made.stat(key) is None
        told: list[int] = []
        made.send(key, file, told.append)
        assert sum(told) == 12 << 20, "the first part was kept"
        assert b"".join(made.read(key)) == file.read_bytes()

    def test_a_store_that_does_not_answer(self) -> None:
        made = connect(location("team", "s3://bucket", {"endpoint": "http://127.0.0.1:9"}))
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9 does not answer"):
            list(made.ls(""))
