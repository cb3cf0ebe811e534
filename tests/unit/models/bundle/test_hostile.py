"""Files that were not written by us: each is refused with what is wrong, and nothing is kept."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbox.api import Devbox
from devbox.errors import DevboxError, UsageError
from devbox.models.bundle import manifest as telling
from devbox.models.bundle.tar import BLOCK, Reader, Writer
from devbox.runs.bring import batches

Members = list[tuple[str, bytes]]


def members(file: Path) -> Members:
    """What a file holds."""
    with tarfile.open(file) as tar:
        return [(each.name, _content(tar, each)) for each in tar.getmembers()]


def _content(tar: tarfile.TarFile, each: tarfile.TarInfo) -> bytes:
    found = tar.extractfile(each)
    assert found
    return found.read()


def packed(content: Members) -> bytes:
    """A file of members."""
    buffer = io.BytesIO()
    writer = Writer(buffer)
    for name, data in content:
        writer.add(name, len(data), io.BytesIO(data))
    writer.end()
    return buffer.getvalue()


def changed(file: Path, act: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of a file."""
    content = members(file)
    whole = json.loads(content[0][1])
    act(whole)
    content[0] = ("manifest.json", json.dumps(whole).encode())
    file.write_bytes(packed(content))


def refused(door: Devbox, file: Path, match: str) -> None:
    """A file can't be imported, and nothing of it is kept."""
    with pytest.raises(DevboxError, match=match) as caught:
        door.bundles.take_in(file)
    assert caught.value.hint
    assert list(door.blobs.digests()) == []
    assert door.runs.search() == ()
    assert door.models.models() == ()


def test_links_devices_and_folders(two: Devbox, exported: Path) -> None:
    kinds = {
        tarfile.SYMTYPE: "symbolic link",
        tarfile.LNKTYPE: "hard link",
        tarfile.CHRTYPE: "device",
        tarfile.FIFOTYPE: "pipe",
        tarfile.DIRTYPE: "folder",
    }
    whole = exported.read_bytes()
    head = BLOCK + len(members(exported)[0][1])
    first = head + -head % BLOCK
    for kind, name in kinds.items():
        info = tarfile.TarInfo("blobs/x")
        info.type, info.linkname = kind, "/etc/passwd"
        exported.write_bytes(whole[:first] + info.tobuf(tarfile.GNU_FORMAT) + whole[first:])
        refused(two, exported, name)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "blobs/../x", "manifest.json", "blobs/sha256-" + "0" * 64, "ü"]
)
def test_names_that_are_not_expected(two: Devbox, exported: Path, name: str) -> None:
    content = members(exported)
    exported.write_bytes(packed([content[0], (name, b"x"), *content[1:]]))
    refused(two, exported, "where blobs/sha256-")


def test_a_manifest_that_names_them(two: Devbox, exported: Path) -> None:
    whole = exported.read_bytes()
    for name in ("../../x", "/etc/x", "blobs/sha256-zz", "runs/../x.journal", ""):
        exported.write_bytes(whole)
        changed(exported, lambda told, name=name: told["members"][0].update(name=name))  # type: ignore[misc]
        refused(two, exported, "can't be there")


def test_a_name_twice(two: Devbox, exported: Path) -> None:
    changed(exported, lambda told: told["members"].insert(0, told["members"][0]))
    refused(two, exported, "can't be there")


def test_extended_headers_can_not_rename(two: Devbox, exported: Path) -> None:
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
            for name, data in members(exported):
                info = tarfile.TarInfo("x" * 200 if name.startswith("blobs") else name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        file = exported.with_name(f"{form}.tar")
        file.write_bytes(buffer.getvalue())
        refused(two, file, "where blobs/sha256-")


def test_wrong_content(two: Devbox, exported: Path) -> None:
    content = members(exported)
    name, data = content[1]
    exported.write_bytes(packed([content[0], (name, data[:-1] + b"~"), *content[2:]]))
    refused(two, exported, "not what the manifest says")
    exported.write_bytes(packed([content[0], (name, data + b"~"), *content[2:]]))
    refused(two, exported, "in place of")


def test_it_is_cut_off_or_goes_on(two: Devbox, exported: Path) -> None:
    whole = exported.read_bytes()
    for length in (0, 100, 700, len(whole) // 2, len(whole) - 1024, len(whole) - 1):
        exported.write_bytes(whole[:length])
        refused(two, exported, "cut off|More follows")
    exported.write_bytes(whole + b"x")
    refused(two, exported, "More follows")
    exported.write_bytes(whole + bytes(8192))
    assert two.bundles.take_in(exported, dry_run=True).new  # as tar programs fill up
    squeezed = gzip.compress(whole)
    exported.write_bytes(squeezed[:-300])
    refused(two, exported, "cut off")


def test_a_huge_manifest_is_not_read(two: Devbox, exported: Path) -> None:
    info = tarfile.TarInfo("manifest.json")
    info.size = 1 << 30
    exported.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"{" * 2000)
    refused(two, exported, "it may have")
    info.size = 1 << 70  # with GNU's binary numbers
    exported.write_bytes(info.tobuf(tarfile.GNU_FORMAT))
    refused(two, exported, "it may have")


def test_a_bomb(two: Devbox, exported: Path) -> None:
    """What is declared must have room; what is not declared is not read."""
    bomb = gzip.compress(bytes(50_000_000))
    exported.write_bytes(gzip.compress(exported.read_bytes()) + bomb)
    refused(two, exported, "More follows")


def test_more_than_there_is_room_for(two: Devbox, exported: Path) -> None:
    def huge(told: dict[str, Any]) -> None:
        told["members"][0]["size"] = 1 << 60
        for file in told["version"]["files"]:
            if file["digest"] == told["members"][0]["sha256"]:
                file["size"] = 1 << 60

    changed(exported, huge)
    refused(two, exported, "more than there is room for")


def test_a_newer_format(two: Devbox, exported: Path) -> None:
    changed(exported, lambda told: told.update(format_version=2))
    refused(two, exported, "reads up to 1")


@pytest.mark.parametrize(
    "act",
    [
        lambda told: told.clear(),
        lambda told: told.update(format="another"),
        lambda told: told.update(format_version=True),
        lambda told: told.pop("runs"),
        lambda told: told.update(members=[]),
        lambda told: told.update(runs=[]),
        lambda told: told["model"].update(name="../x"),
        lambda told: told["version"].update(id="x"),
        lambda told: told["version"].update(created=float("nan")),
        lambda told: told["version"].update(created=1e300),
        lambda told: told["version"].update(slots={"none": {}}),
        lambda told: told["version"]["files"][0].update(path="../x"),
        lambda told: told["version"]["files"][0].update(slot="none"),
        lambda told: told["version"]["files"][0].update(digest="0" * 64),
        lambda told: told["version"]["files"][0].update(digest=["x"]),
        lambda told: told["version"].update(run="0" * 32),
        lambda told: told["version"].update(tags={"": "x"}),
        lambda told: told["version"].update(tags={"x": 1}),
        lambda told: told["version"].update(slots={"data": _deep(100)}),
        lambda told: told.update(data=[{"name": "d", "version": 1, "manifest": "0" * 64}]),
        lambda told: told.update(data=[{"name": "../d", "version": 1, "manifest": "0" * 64}]),
        lambda told: told.update(data=["x"]),
    ],
)
def test_a_manifest_that_is_wrong(
    two: Devbox, exported: Path, act: Callable[[dict[str, Any]], object]
) -> None:
    changed(exported, act)
    refused(two, exported, "manifest")


def _deep(levels: int) -> dict[str, Any]:
    return {"x": _deep(levels - 1)} if levels else {}


def test_a_run_that_is_none(two: Devbox, exported: Path) -> None:
    whole = exported.read_bytes()
    journal = members(exported)[-1][1]
    model = b'{"kind":"model","id":"' + b"0" * 32 + b'","name":"sneaked"}\n'
    file = b'{"kind":"artifact","path":"x","size":1,"sha256":"' + b"0" * 64 + b'"}\n'
    for bad, match in (
        (journal + model, "record of a run"),
        (journal + b"m x y z\n", "record of a run"),
        (journal + b"m 1 1 1.0 loss", "record of a run"),
        (journal + file, "not there"),
        (journal.split(b"\n", 1)[1], "another one"),
        (b"", "nothing is there"),
    ):
        exported.write_bytes(whole)
        content = members(exported)
        told = json.loads(content[0][1])
        told["members"][-1].update(size=len(bad), sha256=hashlib.sha256(bad).hexdigest())
        head = ("manifest.json", json.dumps(told).encode())
        exported.write_bytes(packed([head, *content[1:-1], (content[-1][0], bad)]))
        refused(two, exported, match)


def test_no_file(two: Devbox, tmp_path: Path) -> None:
    with pytest.raises(DevboxError, match="can't be read"):
        two.bundles.take_in(tmp_path / "none.tar")
    with pytest.raises(UsageError, match="is no file"):
        two.bundles.take_in(tmp_path)


@given(st.lists(st.binary(max_size=1500), max_size=5))
def test_a_tar_comes_back(contents: list[bytes]) -> None:
    named = [(f"blobs/{count}", data) for count, data in enumerate(contents)]
    whole = packed(named)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert tar.getnames() == [name for name, _ in named]
    reader = Reader(io.BytesIO(whole))
    for name, data in named:
        with reader.member(name, len(data)) as member:
            assert member.read(10_000) == data
    reader.end()


@given(st.binary(max_size=3000))
def test_any_bytes_are_an_error_or_a_member(data: bytes) -> None:
    reader = Reader(io.BytesIO(data))
    try:
        with reader.member("manifest.json", most=1000) as member:
            while member.read(100):
                pass
    except DevboxError:
        return
    raise AssertionError("no header of ours")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "size", "sha256", "id", "run", "slots", "files"])
            | st.text(max_size=10),
            inner,
            max_size=4,
        )
    ),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.fixed_dictionaries(
        dict.fromkeys(("model", "version", "runs", "lost", "history", "data", "members"), _JSON)
    )
)
def test_any_manifest_is_an_error(told: dict[str, Any]) -> None:
    data = json.dumps({"format": telling.FORMAT, "format_version": 1, **told}).encode()
    # Names and ids are never right by chance.
    with pytest.raises(DevboxError, match="manifest"):
        telling.read(data)


@given(st.binary(max_size=2000))
def test_any_journal_is_an_error_or_read(data: bytes) -> None:
    try:
        consumed = sum(batch.consumed for _, batch in batches(io.BytesIO(data)))
    except DevboxError:
        return
    assert consumed == len(data)
