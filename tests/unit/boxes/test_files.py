"""Reading a file of a container, in which anything may lie."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.byhand import MOST_BYTES, by_hand
from devbox.boxes.files import read_file
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.faults import EngineError, NotFound
from tests.contract_engine import tar
from tests.unit.boxes.running import running_box

CHUNK = 1 << 15


class Engine(FakeEngine):
    """Answers with these bytes; ``read`` is how many of them were taken."""

    def __init__(self, answer: Iterator[bytes]) -> None:
        super().__init__()
        self._answer = answer
        self.read = 0

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        del ref, path
        for chunk in self._answer:
            self.read += len(chunk)
            yield chunk


def endless() -> Iterator[bytes]:
    entry = tarfile.TarInfo("f")
    entry.size = 1 << 40
    yield entry.tobuf()
    while True:
        yield bytes(CHUNK)


def read(*answer: bytes, most: int = 10) -> str | None:
    return read_file(Engine(iter(answer)), "c", "/f", most)


def test_what_is_small_enough() -> None:
    assert read(tar({"f": b"0123456789"})) == "0123456789"
    assert read(tar({"f": b""})) == ""
    assert read(tar({"f": b"\xff"})) == "�"
    assert read(tar({"f": b"01234567890"})) is None


def test_what_is_endless_is_not_read_to_its_end(tmp_path: Path) -> None:
    engine = Engine(endless())
    assert read_file(engine, "c", "/f", 1000) is None
    assert engine.read < 100_000
    engine = Engine(endless())
    container = running_box(engine, tmp_path)
    engine.change(container.id, "/var/lib/dpkg/info/jq.list")
    assert [package.name for package in by_hand(engine, container).apt] == ["jq"]
    assert engine.read < 3 * MOST_BYTES


@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_what_is_no_file(kind: bytes) -> None:
    entry = tarfile.TarInfo("f")
    entry.type, entry.linkname = kind, "f"
    assert read(entry.tobuf() + bytes(1024)) is None


def test_what_the_engine_says() -> None:
    engine = FakeEngine()
    engine.fail("get", NotFound("no such file", status=404))
    assert read_file(engine, "c", "/f", 10) is None
    engine.fail("get", EngineError("no"))
    with pytest.raises(EngineError):
        read_file(engine, "c", "/f", 10)


@given(st.binary(max_size=1500), st.integers(0, 600))
def test_any_answer_is_survived(noise: bytes, at: int) -> None:
    valid = io.BytesIO(tar({"f": b"text"}))
    valid.seek(at)
    valid.write(noise)
    for answer in (noise, valid.getvalue()):
        found = read(answer)
        assert found is None or len(found) <= 10
