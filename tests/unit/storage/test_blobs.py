from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbox.errors import DevboxError
from devbox.storage import Blobs, Usage, blobs

DIGEST = hashlib.sha256(b"hello").hexdigest()
ABSENT = "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def unfinished(store: Blobs) -> list[Path]:
    folder = store.root / "unfinished"
    return list(folder.iterdir()) if folder.exists() else []


def test_a_blob_is_named_by_its_content(store: Blobs, tmp_path: Path) -> None:
    assert store.put(io.BytesIO(b"hello")) == DIGEST
    (tmp_path / "file").write_bytes(b"hello")
    assert store.put(tmp_path / "file") == DIGEST
    assert store.has(DIGEST)
    assert store.size(DIGEST) == 5
    with store.open(DIGEST) as file:
        assert file.read() == b"hello"
    assert store.path(DIGEST).read_bytes() == b"hello"
    assert stat.S_IMODE(store.path(DIGEST).stat().st_mode) == 0o444
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
    assert store.usage() == Usage(1, 5)
    assert unfinished(store) == []


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=5000), chunk=st.integers(1, 3000))
def test_any_bytes_roundtrip(tmp_path: Path, content: bytes, chunk: int) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(chunk)

    store = Blobs(tmp_path / "any")
    digest = store.put(Trickle(content))
    assert store.path(digest).read_bytes() == content
    assert digest not in list(store.verify())


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "abc",
        "../../etc/passwd",
        "A" * 64,
        "0" * 63,
        "0" * 65,
        "0" * 64 + "\n",
        "/" * 64,
        "٣" * 64,
    ],
)
def test_what_is_no_digest_never_becomes_a_path(store: Blobs, digest: str) -> None:
    for ask in (store.path, store.has, store.size, store.open, lambda each: store.gc([each])):
        with pytest.raises(DevboxError, match="is not a digest"):
            ask(digest)


def test_an_absent_blob(store: Blobs) -> None:
    assert not store.has(ABSENT)
    with pytest.raises(DevboxError, match="There is no blob"):
        store.open(ABSENT)
    with pytest.raises(DevboxError, match="There is no blob"):
        store.size(ABSENT)
    assert store.usage() == Usage(0, 0)
    assert list(store.verify()) == []
    assert store.gc([]).digests == ()
    assert not store.root.exists()


def test_a_source_that_cannot_be_read(store: Blobs, tmp_path: Path) -> None:
    with pytest.raises(DevboxError, match="cannot be read: No such file"):
        store.put(tmp_path / "none")


def test_a_source_that_fails_leaves_nothing(store: Blobs) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError(errno.ECONNRESET, "reset")

    with pytest.raises(DevboxError, match="Nothing was stored"):
        store.put(Broken())
    assert unfinished(store) == []
    assert store.usage().count == 0


def test_a_full_disk_leaves_nothing(store: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DevboxError, match="No space left") as error:
        store.put(io.BytesIO(b"hello"))
    assert "devbox df" in error.value.hint
    monkeypatch.undo()
    assert unfinished(store) == []
    assert not store.has(DIGEST)


def test_damage_is_found_and_mended_by_putting_again(store: Blobs) -> None:
    good = store.put(io.BytesIO(b"good"))
    store.put(io.BytesIO(b"hello"))
    store.path(DIGEST).chmod(0o644)
    store.path(DIGEST).write_bytes(b"hallo")
    assert list(store.verify()) == [DIGEST]
    store.put(io.BytesIO(b"hello"))
    assert list(store.verify()) == []
    assert store.usage() == Usage(2, 9)
    assert store.has(good)


def test_collection_keeps_what_is_named_and_what_is_new(store: Blobs) -> None:
    kept, old = (store.put(io.BytesIO(text)) for text in (b"kept", b"old"))
    for digest in (kept, old):
        os.utime(store.path(digest), (0, 0))
    new = store.put(io.BytesIO(b"new"))
    told = store.gc([kept], dry_run=True)
    assert (told.digests, told.size) == ((old,), 3)
    assert store.has(old)
    assert store.gc([kept]) == told
    assert [store.has(digest) for digest in (kept, old, new)] == [True, False, True]
    assert store.gc([kept], grace=-60).digests == (new,)


def test_putting_again_renews_the_age(store: Blobs) -> None:
    store.put(io.BytesIO(b"hello"))
    os.utime(store.path(DIGEST), (0, 0))
    store.put(io.BytesIO(b"hello"))
    assert store.gc([]).digests == ()


def test_foreign_files_are_left_alone(store: Blobs) -> None:
    store.put(io.BytesIO(b"hello"))
    note = store.path(DIGEST).with_name("note.txt")
    note.write_text("mine")
    store.gc([], grace=-60)
    assert note.read_text() == "mine"
    assert list(store.verify()) == []


PUT = """
import sys
from pathlib import Path
from devbox.storage import Blobs
class Slow:
    def __init__(self):
        self.left = 3
    def read(self, size):
        self.left -= 1
        print("reading", flush=True)
        if self.left == 0:
            sys.stdin.read()
        return b"x" * size if self.left else b""
print(Blobs(Path(sys.argv[1])).put(Slow()))
"""


@pytest.fixture
def writer(store: Blobs) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the middle of a put, its file half written."""
    process = subprocess.Popen(
        [sys.executable, "-c", PUT, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == b"reading\n"
    yield process
    process.kill()
    process.communicate()


def test_a_killed_writer_leaves_no_blob_and_its_file_is_swept(
    store: Blobs, writer: subprocess.Popen[bytes]
) -> None:
    assert len(unfinished(store)) == 1
    writer.kill()
    writer.communicate()
    assert store.usage().count == 0
    assert len(unfinished(store)) == 1
    store.put(io.BytesIO(b"hello"))
    assert unfinished(store) == []
    assert store.usage() == Usage(1, 5)


def test_a_living_writer_is_not_swept(store: Blobs, writer: subprocess.Popen[bytes]) -> None:
    store.put(io.BytesIO(b"hello"))
    store.gc([], grace=-60)
    assert len(unfinished(store)) == 1
    printed, _ = writer.communicate(b"")
    assert store.size(printed.decode().split()[-1]) == 2 * blobs.PORTION
    assert list(store.verify()) == []
    assert unfinished(store) == []


def test_many_writers_of_the_same_and_of_different_content(store: Blobs) -> None:
    code = """
import io, sys
from pathlib import Path
from devbox.storage import Blobs
store = Blobs(Path(sys.argv[1]))
for number in range(30):
    store.put(io.BytesIO(b"shared %d" % number))
    store.put(io.BytesIO(b"own %d " % number + sys.argv[2].encode()))
    if number % 10 == 0:
        store.gc([])
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(store.root), str(number)])
        for number in range(4)
    ]
    assert [each.wait() for each in writers] == [0, 0, 0, 0]
    assert store.usage().count == 30 + 4 * 30
    assert list(store.verify()) == []
    assert unfinished(store) == []
