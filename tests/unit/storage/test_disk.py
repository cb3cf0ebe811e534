from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from devbox.errors import DevboxError, Unreachable
from devbox.storage.backend import connect
from devbox.storage.blobs import Damaged
from devbox.storage.locations import Location, location
from tests.contract_storage import StorageContract


class TestDisk(StorageContract):
    @pytest.fixture
    def where(self, tmp_path: Path) -> Location:
        (tmp_path / "team").mkdir()
        return location("team", str(tmp_path / "team"))


def test_a_mount_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="There is no folder") as error:
        connect(location("team", str(tmp_path / "none")))
    assert "mount" in error.value.hint
    assert not (tmp_path / "none").exists()


def test_a_full_disk_keeps_what_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "team").mkdir()
    made = connect(location("team", str(tmp_path / "team")))
    content = os.urandom(5 << 20)
    file = tmp_path / "file"
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    key = f"{digest[:2]}/{digest}"
    write, written = os.write, 0

    def full(descriptor: int, data: bytes) -> int:
        nonlocal written
        if written >= 2 << 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        written += len(data)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DevboxError, match="No space left in") as error:
        made.send(key, file, lambda _: None)
    assert "is kept" in error.value.hint
    monkeypatch.undo()
    assert made.stat(key) is None
    told: list[int] = []
    made.send(key, file, told.append)
    assert sum(told) == 3 << 20
    assert b"".join(made.read(key)) == content


def test_a_source_that_is_damaged_is_never_published(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    made = connect(location("team", str(tmp_path / "team")))
    file = tmp_path / "file"
    file.write_bytes(b"other")
    with pytest.raises(Damaged):
        made.send("ab/" + "ab" * 32, file, lambda _: None)
    assert list(made.ls("")) == []
