"""The files of locked packages: what is stored is what the lock says, or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from devbox.boxes.lock import web
from devbox.boxes.lock.archive import fields, file_name
from devbox.boxes.lock.index import Found
from devbox.boxes.lock.records import Deb, Wheel
from devbox.boxes.lock.store import Differs, Store, place_files
from devbox.config.spec import Network
from devbox.errors import DevboxError, Refused
from devbox.progress import Progress, silent
from devbox.storage.blobs import Blobs
from tests.unit.boxes.lock.conftest import HASH, Shelf


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "sleep", lambda _: None)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def deb(name: str, data: bytes) -> Deb:
    return Deb(name, "1:1.0", "amd64", sha(data), len(data), f"pool/{name}_1.0_amd64.deb")


def test_debs_come_from_the_mirror_then_from_their_archives(shelf: Shelf, blobs: Blobs) -> None:
    a, b, c = deb("a", b"a"), deb("b", b"b"), deb("c", b"c")
    shelf.pages |= {
        "/mirror/pool/a_1.0_amd64.deb": ("", b"a"),
        "/mirror-security/pool/b_1.0_amd64.deb": ("", b"b"),
        "/debian/pool/c_1.0_amd64.deb": ("", b"c"),
        # Another content under the same name is passed over.
        "/mirror/pool/c_1.0_amd64.deb": ("", b"tampered"),
    }
    store = Store(blobs, Network(apt_mirror=f"http://{shelf.address}/mirror/"))
    said: list[Progress] = []
    store.debs([a, b, c], [f"http://{shelf.address}/debian"], said.append)
    assert all(blobs.has(each.sha256) for each in (a, b, c))
    assert not blobs.has(sha(b"tampered"))
    assert said[0].text.startswith("3 files")
    shelf.asked.clear()
    store.debs([a, b, c], [], silent)
    assert shelf.asked == []


def test_what_cannot_be_had_is_named(shelf: Shelf, blobs: Blobs) -> None:
    root = f"http://{shelf.address}/debian"
    shelf.pages["/debian/pool/b_1.0_amd64.deb"] = ("", b"tampered")
    with pytest.raises(Refused) as caught:
        Store(blobs, Network()).debs([deb("a", b"a"), deb("b", b"b")], [root], silent)
    assert caught.value.exit_code == 4
    assert caught.value.message == (
        "a 1:1.0 is locked and cannot be had: 127.0.0.1 answers 404; 1 more."
    )
    assert caught.value.detail == (
        "a 1:1.0: 127.0.0.1 answers 404",
        "b 1:1.0: what is there now has another hash",
    )
    with pytest.raises(Refused, match=r"no index or folder of wheels has it\.$"):
        Store(blobs, Network()).debs([deb("a", b"a")], [], silent)


def test_packages_without_a_file_come_with_their_image(blobs: Blobs) -> None:
    Store(blobs, Network()).debs([Deb("a", "1", "all")], [], silent)
    Store(blobs, Network(index="http://127.0.0.1:9")).wheels([Wheel("a", "1")], silent)


def test_wheels(shelf: Shelf, blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "own-1-py3-none-any.whl").write_bytes(b"own")
    shelf.pages |= {
        "/rich/": ("text/html", b'<a href="rich-1-py3-none-any.whl"></a>'),
        "/rich/rich-1-py3-none-any.whl": ("", b"rich"),
    }
    network = Network(index=f"http://{shelf.address}", wheels=(tmp_path,))
    own = Wheel("own", "1", sha(b"own"), 3, "own-1-py3-none-any.whl")
    rich = Wheel("Rich", "1", sha(b"rich"), 4, "rich-1-py3-none-any.whl")
    store = Store(blobs, network)
    store.wheels([own, rich], silent)
    assert blobs.has(own.sha256)
    assert blobs.has(rich.sha256)
    gone = Wheel("rich", "0.9", HASH, 4, "rich-0.9-py3-none-any.whl")
    with pytest.raises(Refused, match=r"^rich 0\.9 is locked and cannot be had: no index"):
        store.wheels([gone], silent)


def test_what_an_index_gives_is_what_it_says(shelf: Shelf, blobs: Blobs) -> None:
    shelf.pages["/x.whl"] = ("", b"x")
    address = f"http://{shelf.address}/x.whl"
    store = Store(blobs, Network())
    assert store.take(Found("x.whl", address)) == sha(b"x")
    with pytest.raises(Differs):
        store.take(Found("x.whl", address, sha256=HASH))
    assert blobs.usage().count == 1


def test_a_folder_of_files(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"data")
    digest = blobs.put(tmp_path / "source")
    folder = place_files(blobs, [("a.deb", digest), ("b.deb", digest)], tmp_path / "folder")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.deb": b"data",
        "b.deb": b"data",
    }
    blobs.path(digest).chmod(0o644)
    blobs.path(digest).write_bytes(b"rot")
    with pytest.raises(DevboxError, match=r"a\.deb is damaged in storage"):
        place_files(blobs, [("a.deb", digest)], tmp_path / "other")


def test_names_and_fields_of_a_debian_package() -> None:
    assert file_name(deb("a", b"")) == "a_1%3a1.0_amd64.deb"
    control = "Package: a\nVersion: 1:1.0\nDescription: x\n more: text\nEmpty:\n"
    assert fields(control) == {"Package": "a", "Version": "1:1.0", "Description": "x"}
