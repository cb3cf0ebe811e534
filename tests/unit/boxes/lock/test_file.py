"""devbox.lock: written and read again, and whatever else is in it is one clear error."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from devbox.boxes.lock.file import LARGEST, load, save, text
from devbox.boxes.lock.parse import NewerLock, deb, parse, wheel
from devbox.boxes.lock.records import Base, Deb, Lock, LockedBox, LockedImage, Wheel
from devbox.errors import ConfigError, DevboxError
from tests.unit.boxes.lock.conftest import HASH, TREE, locked_box

hashes = some.text("0123456789abcdef", min_size=64, max_size=64)
sizes = some.integers(1, 10**11)
versions = some.from_regex(r"[0-9][0-9a-z.+~:-]{0,20}", fullmatch=True)
debs = some.builds(
    Deb,
    some.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True),
    versions,
    some.sampled_from(["amd64", "all"]),
    hashes,
    sizes,
    some.from_regex(r"pool/(?:[a-z0-9]{1,9}/){0,3}[a-z0-9]{1,9}\.deb", fullmatch=True),
)
wheels = some.builds(
    Wheel,
    some.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}[A-Za-z0-9]", fullmatch=True),
    some.from_regex(r"[0-9][0-9a-z.!+]{0,9}", fullmatch=True),
    hashes,
    sizes,
    some.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}\.(?:whl|tar\.gz|zip)", fullmatch=True),
)
images = some.builds(
    LockedImage,
    some.sampled_from(["base", "python", "packages", "box"]),
    some.lists(debs, max_size=2).map(tuple),
    some.lists(wheels, max_size=2).map(tuple),
    some.sampled_from([(), ("vim",)]),
)
boxes = some.builds(
    LockedBox,
    name=some.sampled_from(["main", "train", "a-b"]),
    platform=some.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7"]),
    inputs=some.dictionaries(
        some.sampled_from(["pip", "apt", "image"]),
        some.lists(some.text(max_size=20), min_size=1, max_size=3).map(tuple),
    ),
    base=some.one_of(
        some.just(Base("")),
        some.builds(
            Base,
            some.just("debian:1"),
            release=some.just("bookworm"),
            apt=some.lists(debs, max_size=2).map(tuple),
        ),
        some.just(Base("r.example/x", digest=f"sha256:{HASH}", apt=(Deb("a1", "1", "all"),))),
    ),
    images=some.lists(images, max_size=3).map(tuple),
    python=some.sampled_from(["", "3.12.7"]),
    uv=some.none() | wheels,
    archives=some.sampled_from([(), ("http://deb.example/debian",)]),
)


@given(some.lists(boxes, max_size=3, unique_by=lambda box: (box.name, box.platform)))
def test_what_is_written_is_read(found: list[LockedBox]) -> None:
    lock = Lock(tuple(found))
    assert parse(text(lock)) == lock


def test_a_package_is_a_line() -> None:
    one, other = (
        text(Lock((locked_box(images=(LockedImage("box", apt=(package,)),)),))).splitlines()
        for package in (TREE, replace(TREE, version="2.1.0-2"))
    )
    assert len(one) == len(other)
    changed = [line for line in one if line not in other]
    assert changed == [f'    "{TREE.line}",']


@given(some.text())
def test_any_text_is_a_lock_or_an_error(content: str) -> None:
    said = ""
    try:
        parse(content)
    except ConfigError as error:
        said = error.message
    assert "\n" not in said


@given(some.text(), some.data())
def test_any_damage_is_an_error_or_another_lock(extra: str, data: some.DataObject) -> None:
    whole = text(Lock((locked_box(),)))
    start = data.draw(some.integers(0, len(whole)))
    end = data.draw(some.integers(start, len(whole)))
    try:
        found = parse(whole[:start] + extra + whole[end:])
    except ConfigError:
        return
    for box in found.boxes:
        for image in box.images:
            assert all(".." not in package.file.split("/") for package in image.apt)
            assert all("/" not in package.file for package in image.python)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "tree",
        "tree 1 amd64 0 1 x.deb",
        f"tree 1 amd64 {HASH} 1 ../../etc/cron.d/x.deb",
        f"tree 1 amd64 {HASH} 1 /etc/x.deb",
        f"tree 1 amd64 {HASH} 1 pool/../x.deb",
        f"tree 1 amd64 {HASH} 1 x.deb ",
        f"tree 1 amd64 {HASH} -1 x.deb",
        f"tree 1 amd64 {HASH} 1 x.sh",
        f"tree 1 amd64 {HASH.upper()} 1 x.deb",
        f"$(id) 1 amd64 {HASH} 1 x.deb",
        f"--purge 1 amd64 {HASH} 1 x.deb",
        f"tree 1;id amd64 {HASH} 1 x.deb",
        f"tree 1 amd64 {HASH} 1 http://x/x.deb",
        f"tree\t1 amd64 {HASH} 1 x.deb",
        f"tree 1 amd64 {HASH} 1 x.deb\n",
    ],
)
def test_what_is_no_debian_package(line: str) -> None:
    assert deb(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "rich",
        f"rich 1 {HASH} 1 ../x.whl",
        f"rich 1 {HASH} 1 a/x.whl",
        f"rich 1 {HASH} 1 -x.whl",
        f"rich 1 {HASH} 1 x.exe",
        f"-r 1 {HASH} 1 x.whl",
        f"rich 1\\n--index {HASH} 1 x.whl",
        f"rich[all] 1 {HASH} 1 x.whl",
        f"rich 1 {HASH} 0 x.whl",
        f"rich 1 {HASH[1:]} 1 x.whl",
    ],
)
def test_what_is_no_python_package(line: str) -> None:
    assert wheel(line) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 1.5", "version cannot be 1.5"),
        ("version = 1", "", "version cannot be None"),
        ('name = "main"', 'name = "../x"', "box.name cannot be '../x'"),
        ('platform = "linux/amd64"', 'platform = "windows"', "platform cannot be"),
        ('release = "bookworm"', 'release = "a b"', "release cannot be"),
        ('release = "bookworm"', "", "base.digest cannot be None"),
        ("http://archive.example", "file:///etc", "archives cannot be"),
        ("http://archive.example", "http://u:p@x", "archives cannot be"),
        ("[box.base]", "[box.basis]", "a key that no lock has"),
        ('    "tree",\n', "    5,\n", "apt cannot be"),
        ("[[box]]", "[box]", "box cannot be"),
    ],
)
def test_what_is_wrong_is_said(lock: Lock, old: str, new: str, said: str) -> None:
    whole = text(lock)
    assert old in whole
    with pytest.raises(ConfigError) as caught:
        parse(whole.replace(old, new, 1), "devbox.lock")
    assert caught.value.message.startswith("devbox.lock: the lock ")
    assert said in caught.value.message
    assert caught.value.exit_code == 2


def test_a_merge_conflict_is_told_with_its_line(lock: Lock) -> None:
    lines = text(lock).splitlines()
    lines.insert(6, "<<<<<<< HEAD")
    with pytest.raises(ConfigError, match=r"devbox\.lock:7: .* merge conflict") as caught:
        parse("\n".join(lines))
    assert "devbox lock" in caught.value.hint


def test_a_box_that_is_there_twice() -> None:
    with pytest.raises(ConfigError, match="has a box twice"):
        parse(text(Lock((locked_box(), locked_box()))))


def test_a_newer_lock_asks_for_a_newer_devbox() -> None:
    with pytest.raises(NewerLock) as caught:
        parse("version = 2\nwhatever = 1\n")
    assert caught.value.hint == "Update devbox."


def test_the_file(lock: Lock, tmp_path: Path) -> None:
    assert load(tmp_path) is None
    file = save(lock, tmp_path)
    assert load(tmp_path) == lock
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["devbox.lock"]
    file.write_text(text(lock)[:-40])
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load(tmp_path)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    with pytest.raises(DevboxError, match="cannot be written"):
        save(lock, tmp_path)
    assert not list(tmp_path.glob(".devbox.lock.*"))


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "devbox.lock").open("wb") as file:
        os.truncate(file.fileno(), LARGEST * 100)
    with pytest.raises(ConfigError, match="far too large"):
        load(tmp_path)


def test_a_new_entry_replaces_its_old_one_and_forgets_boxes_that_are_gone() -> None:
    arm = locked_box(platform="linux/arm64")
    lock = Lock((locked_box(), arm, locked_box(name="gone")))
    new = locked_box(python="3.12.1")
    assert lock.with_box(new, ["main", "other"]).boxes == (new, arm)
