"""Files are what their content says; nothing is unpacked to find out."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import DevboxError
from devbox.formats import look


def safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    content = json.dumps(header).encode()
    size = len(content) if length is None else length
    return size.to_bytes(8, "little") + content + data


GOOD = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


@pytest.mark.parametrize("name", ["m.skops", "m.safetensors", "m.onnx", "m.bin"])
def test_a_pickle_is_no_safe_file_whatever_its_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DevboxError, match="is a pickle"):
        look.checked(file, look.by_ending(file))


def test_a_pickle_in_a_zip_is_one(tmp_path: Path) -> None:
    file = tmp_path / "m.skops"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1))
    with pytest.raises(DevboxError, match="is a pickle"):
        look.checked(file, look.SKOPS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\x08\x00" * 20])
def test_what_is_no_skops_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.skops"
    file.write_bytes(content)
    with pytest.raises(DevboxError, match=r"is no skops file"):
        look.checked(file, look.SKOPS)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "m.skops"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        with archive.open("big", "w", force_zip64=True) as big:
            for _ in range(80):
                big.write(bytes(1 << 20))
    with pytest.raises(DevboxError, match="would unpack to"):
        look.checked(file, look.SKOPS)


def test_safetensors_that_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    file.write_bytes(safetensors({"__metadata__": {"a": "b"}, **GOOD}, bytes(8)))
    assert look.header(file) == GOOD
    look.checked(file, look.SAFETENSORS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        safetensors(GOOD, bytes(7)),
        safetensors(GOOD, bytes(9)),
        safetensors(GOOD, bytes(8), length=1 << 60),
        safetensors(GOOD, bytes(8), length=200_000_000),
        safetensors(GOOD, bytes(8), length=20),
        safetensors([], bytes(8)),
        safetensors({"w": 3}),
        safetensors({"w": {"shape": [-1], "data_offsets": [0, 0]}}),
        safetensors({"w": {"shape": "2", "data_offsets": [0, 0]}}),
        safetensors({"w": {"shape": [1], "data_offsets": [0]}}),
        (10).to_bytes(8, "little") + b"[" * 10,
    ],
)
def test_safetensors_that_are_not(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.safetensors"
    file.write_bytes(content)
    with pytest.raises(DevboxError, match="is no whole safetensors file"):
        look.checked(file, look.SAFETENSORS)


@given(st.binary(max_size=200))
def test_any_content_is_looked_at_without_failing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(content)
    assert look.contains(file) in look.FORMATS
    for kind in look.FORMATS:
        try:
            look.checked(file, kind)
        except DevboxError:
            continue


def test_a_zip_whose_index_lies(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "{}")
    data = bytearray(buffer.getvalue())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    file = tmp_path / "m.skops"
    file.write_bytes(data)
    with pytest.raises(DevboxError, match="would unpack to"):
        look.checked(file, look.SKOPS)
