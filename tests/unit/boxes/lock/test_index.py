"""Finding files on package indexes, and fetching them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from devbox.boxes.lock import web
from devbox.boxes.lock.index import Indexes, from_html, from_json, normal, project_of
from devbox.boxes.lock.web import Absent, Web, without_user
from devbox.config.spec import Network
from devbox.errors import DevboxError
from tests.unit.boxes.lock.conftest import HASH, Shelf

HTML = "text/html"
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "sleep", lambda _: None)


def indexes(network: Network) -> Indexes:
    return Indexes(network, Web(network))


def test_a_page_of_links(shelf: Shelf) -> None:
    shelf.pages["/my-pkg/"] = (
        HTML,
        f'<a class=x href="../files/my_pkg-1.0%2Bcpu-py3-none-any.whl#sha256={HASH}">w</a>'
        '<a href="my-pkg-1.0.tar.gz">s</a><a>no</a><a href="file:///etc/passwd">f</a>'.encode(),
    )
    wheel, source = indexes(Network(index=f"http://{shelf.address}")).files("My.Pkg")
    assert wheel.file == "my_pkg-1.0+cpu-py3-none-any.whl"
    assert wheel.address.endswith("/files/my_pkg-1.0%2Bcpu-py3-none-any.whl")
    assert (wheel.sha256, source.sha256) == (HASH, "")
    assert source.address == f"http://{shelf.address}/my-pkg/my-pkg-1.0.tar.gz"


def test_a_page_in_json(shelf: Shelf) -> None:
    files = [{"url": "x-1-py3-none-any.whl", "hashes": {"sha256": HASH}}, {"url": "/y.zip"}]
    shelf.pages["/x/"] = (JSON, json.dumps({"files": files}).encode())
    found = indexes(Network(index=f"http://{shelf.address}/")).files("x")
    assert [(each.file, each.sha256) for each in found] == [
        ("x-1-py3-none-any.whl", HASH),
        ("y.zip", ""),
    ]


@given(some.binary())
def test_pages_that_are_none(data: bytes) -> None:
    list(from_json(data))
    list(from_html(data))
    assert list(from_json(b'{"files": [5]}')) == []


def test_folders_of_wheels_go_first(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "My_Pkg-1.0-py3-none-any.whl").touch()
    (tmp_path / "other-1.0.tar.gz").touch()
    shelf.pages["/my-pkg/"] = (HTML, b'<a href="my_pkg-2.0-py3-none-any.whl">')
    network = Network(index=f"http://{shelf.address}", wheels=(tmp_path, tmp_path / "none"))
    local, remote = indexes(network).files("my-pkg")
    assert local.path == tmp_path / "My_Pkg-1.0-py3-none-any.whl"
    assert remote.path is None


def test_one_index_that_does_not_answer_is_no_obstacle(shelf: Shelf) -> None:
    shelf.pages["/x/"] = (HTML, b'<a href="x-1.zip">')
    there, dead = f"http://{shelf.address}", "http://127.0.0.1:9"
    assert len(indexes(Network(index=dead, extra_index=(there,))).files("x")) == 1
    assert indexes(Network(index=there)).files("unknown") == ()
    with pytest.raises(DevboxError, match=r"127\.0\.0\.1 cannot be asked for packages"):
        indexes(Network(index=dead, extra_index=(there,))).files("unknown")


def test_a_password_goes_to_its_own_host_only(shelf: Shelf, elsewhere: Shelf) -> None:
    links = f'<a href="/x-1.zip"></a><a href="http://{elsewhere.address}/x-2.zip"></a>'
    shelf.pages["/x/"] = (HTML, links.encode())
    shelf.pages["/x-1.zip"] = ("", b"1")
    elsewhere.pages["/x-2.zip"] = ("", b"2")
    network = Network(index=f"http://me:s%40cret@{shelf.address}")
    here, there = indexes(network).files("x")
    client = Web(network)
    for found in (here, there):
        client.open(found.address).close()
    sent = "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert shelf.asked == [("/x/", sent), ("/x-1.zip", sent)]
    assert elsewhere.asked == [("/x-2.zip", "")]


def test_nor_does_a_redirection_take_it_along(shelf: Shelf, elsewhere: Shelf) -> None:
    shelf.redirects["/a"] = "/b"
    shelf.redirects["/b"] = f"http://{elsewhere.address}/c"
    elsewhere.pages["/c"] = ("", b"c")
    with Web(Network()).open(f"http://me:pw@{shelf.address}/a") as answer:
        assert answer.read() == b"c"
    assert [bool(sent) for _, sent in shelf.asked] == [True, True]
    assert elsewhere.asked == [("/c", "")]


def test_answers(shelf: Shelf) -> None:
    client = Web(Network())
    with pytest.raises(Absent, match=r"127\.0\.0\.1 answers 404"):
        client.open(f"http://{shelf.address}/none")
    shelf.pages["/x"] = ("", b"x")
    shelf.fails = 2
    client.open(f"http://{shelf.address}/x").close()
    shelf.fails = 9
    with pytest.raises(DevboxError, match="it answers 503") as caught:
        client.open(f"http://me:s3cret@{shelf.address}/x")
    assert "s3cret" not in str(caught.value)
    for address in ("file:///etc/passwd", "ftp://x/", "x"):
        with pytest.raises(Absent):
            client.open(address)


def test_a_proxy_is_used_but_for_what_is_excepted(shelf: Shelf, elsewhere: Shelf) -> None:
    shelf.pages["/x"] = ("", b"direct")
    elsewhere.pages[f"http://{shelf.address}/x"] = ("", b"through the proxy")
    proxy = f"http://{elsewhere.address}"
    for no_proxy, expected in (("", b"through the proxy"), ("127.0.0.1", b"direct")):
        client = Web(Network(http_proxy=proxy, no_proxy=no_proxy))
        with client.open(f"http://{shelf.address}/x") as answer:
            assert answer.read() == expected


def test_names() -> None:
    assert normal("My._-Pkg") == "my-pkg"
    assert project_of("my_pkg-1.0-py3-none-any.whl") == "my_pkg"
    assert project_of("my-pkg-1.0.tar.gz") == "my-pkg"
    assert without_user("https://u:p@h:1/x?y") == ("https://h:1/x?y", "dTpw")
    assert without_user("https://h/x@y") == ("https://h/x@y", "")
