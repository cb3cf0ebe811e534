"""Copying out of a box that cannot be trusted, and into one."""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from devbox.boxes.copy import copy_in, copy_out
from devbox.boxes.identity import User
from devbox.compute.engine.faults import NotFound
from devbox.compute.engine.types import Engine, ExecResult
from devbox.errors import DevboxError

ME = User(os.getuid(), os.getgid())
TYPES = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "disk": tarfile.BLKTYPE,
    "pipe": tarfile.FIFOTYPE,
}


def entry(name: str, kind: str = "file", to: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """An entry of an archive; a file holds its name."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = TYPES[kind], to, mode
    made.uid = made.gid = 12345
    made.uname = made.gname = "daemon"
    made.size = len(content(name)) if kind == "file" else 0
    return made


def content(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


class Box:
    """As much of an engine as copying needs: one path in it is an archive."""

    def __init__(self, *entries: tarfile.TarInfo, folders: Sequence[str] = ()) -> None:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as archive:
            for each in entries:
                archive.addfile(each, io.BytesIO(content(each.name)))
        self.archive = made.getvalue()
        self.folders = folders
        self.got: list[tarfile.TarInfo] = []

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        if not self.archive:
            raise NotFound(f"Could not find the file {path} in container {ref}", status=404)
        # In odd pieces: they come as they come.
        for start in range(0, len(self.archive), 777):
            yield self.archive[start : start + 777]

    def put(self, ref: str, folder: str, archive: Iterator[bytes]) -> None:
        del ref, folder
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as found:
            self.got = found.getmembers()

    def call(self, ref: str, argv: Sequence[str], *, user: str) -> ExecResult:
        del ref, user
        return ExecResult(0 if argv[-1] in self.folders else 1, b"", b"")


def out(target: Path, *entries: tarfile.TarInfo) -> None:
    copy_out(cast("Engine", Box(*entries)), "0" * 64, "/tmp/it", target)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "around" / "target"
    made.mkdir(parents=True)
    (made.parent / "secret").write_text("secret")
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_tree(target: Path) -> None:
    out(
        target,
        entry("it", "folder", mode=0o755),
        entry("it/deep", "folder", mode=0o500),
        entry("it/deep/file"),
        entry("it/deep/up", "symlink", "../run"),
        entry("it/run", mode=0o755),
        entry("it/deep/same", "hard link", "it/deep/file"),
        entry("it/long" + "x" * 240),
    )
    assert (target / "it/deep/file").read_text() == "it/deep/file"
    assert (target / "it/deep/up").read_text() == "it/run"
    assert (target / "it/deep/same").stat().st_nlink == 2
    assert os.access(target / "it/run", os.X_OK)
    assert len(below(target)) == 7
    for path in (target / "it", *(target / "it").rglob("*")):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (ME.uid, ME.gid)


def test_under_another_name(target: Path) -> None:
    out(target / "new", entry("it", "folder"), entry("it/a"), entry("it/b", "hard link", "it/a"))
    assert (target / "new/b").read_text() == "it/a"
    out(target / "one", entry("it"))
    assert (target / "one").read_text() == "it"


def test_what_is_there_is_replaced_not_written_through(target: Path) -> None:
    secret = target.parent / "secret"
    (target / "link").symlink_to(secret)
    os.link(secret, target / "hard")
    for name in ("link", "hard"):
        out(target / name, entry("it"))
        assert (target / name).read_text() == "it"
        assert not (target / name).is_symlink()
    assert secret.read_text() == "secret"
    out(target, entry("it", "folder"), entry("it/a"), entry("it/l", "symlink", "a"))
    out(target, entry("it", "folder"), entry("it/b"), entry("it/l", "symlink", "b"))
    assert below(target / "it") == ["a", "b", "l"]
    assert (target / "it/l").readlink() == Path("b")


def test_names_with_odd_characters(target: Path) -> None:
    out(target, entry("it", "folder"), entry("it/a\nb"), entry("it/\udc80"), entry("it/c\\..\\d"))
    assert len(below(target / "it")) == 3
    with pytest.raises(DevboxError) as caught:
        out(target, entry("it", "folder"), entry("it/x\nerror: y", "pipe"))
    assert "\n" not in caught.value.message


def test_modes_and_times(target: Path) -> None:
    old, never = entry("it/old"), entry("it/never")
    old.mtime, never.pax_headers = 1_000_000_000, {"mtime": "nan"}
    out(
        target,
        entry("it", "folder", mode=0o7777),
        entry("it/private", "folder", mode=0o700),
        entry("it/shut", "folder", mode=0),
        entry("it/setuid", mode=0o6777),
        entry("it/half", mode=0o655),
        entry("it/none", mode=0),
        old,
        never,
    )
    modes = {name: mode(target / name) for name in below(target)}
    assert modes == {
        "it": 0o755,
        "it/private": 0o700,
        "it/shut": 0o700,
        "it/setuid": 0o755,
        "it/half": 0o644,
        "it/none": 0o600,
        "it/old": 0o644,
        "it/never": 0o644,
    }
    assert (target / "it/old").stat().st_mtime == 1_000_000_000


def hostile(*entries: tarfile.TarInfo) -> tuple[tarfile.TarInfo, ...]:
    return (entry("it", "folder"), entry("it/d", "folder"), *entries)


@pytest.mark.parametrize(
    "entries",
    [
        hostile(entry("/it/x")),
        hostile(entry("/etc/x")),
        hostile(entry("../x")),
        hostile(entry("it/../x")),
        hostile(entry("it/d/../../x")),
        hostile(entry("it/..", "folder", mode=0o777)),
        hostile(entry("it/x", "symlink", "/etc/passwd")),
        hostile(entry("it/x", "symlink", "../../secret")),
        hostile(entry("it/x", "symlink", "d/../../../secret")),
        # Each of two is harmless alone: the climb is from wherever the first one leads.
        hostile(entry("it/d/up", "symlink", ".."), entry("it/x", "symlink", "d/up/../../secret")),
        hostile(entry("it/x", "symlink", "d/l/../.."), entry("it/d/l", "symlink", "../..")),
        # Through a link, wherever it leads.
        hostile(entry("it/l", "symlink", "d"), entry("it/l/x")),
        hostile(entry("it/l", "symlink", "d"), entry("it/l", "folder")),
        hostile(entry("it", "symlink", ".."), entry("it/x")),
        hostile(entry("it/x", "hard link", "/etc/passwd")),
        hostile(entry("it/x", "hard link", "../secret")),
        hostile(entry("it/x", "hard link", "it/../../secret")),
        hostile(entry("it/x", "hard link", "it/nothing")),
        hostile(entry("it/x", "hard link", "it/d")),
        # A hard link to a symlink is the same link elsewhere.
        hostile(entry("it/d/l", "symlink", "../../t"), entry("it/x", "hard link", "it/d/l")),
        hostile(entry("it/l", "symlink", "d"), entry("it/x", "hard link", "it/l/y")),
        hostile(entry("it/x", "device")),
        hostile(entry("it/x", "disk")),
        hostile(entry("it/x", "pipe")),
    ],
    ids=lambda entries: " ".join(f"{e.name}:{e.linkname}" for e in entries[2:]),
)
def test_what_points_out_is_refused(target: Path, entries: tuple[tarfile.TarInfo, ...]) -> None:
    with pytest.raises(DevboxError, match=r"^(Refused to copy .*|.* cannot be written: .*)\.$"):
        out(target, *entries)
    assert not (target / "it/x").is_file()
    around = target.parent
    assert (around / "secret").read_text() == "secret"
    assert sorted(path.name for path in around.iterdir()) == ["secret", "target"]
    for path in target.rglob("*"):
        assert path.resolve().is_relative_to(target)


def test_a_link_of_the_person_is_not_followed(target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (target / "it").symlink_to(tmp_path / "elsewhere")
    for entries in ([entry("it", "folder"), entry("it/x")], [entry("it/x")]):
        with pytest.raises(DevboxError, match="is a link"):
            out(target, *entries)
    assert below(tmp_path / "elsewhere") == []
    # But the target itself may be one.
    out(target / "it", entry("it"))
    assert below(tmp_path / "elsewhere") == ["it"]


def test_what_cannot_be_written(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (target / "it").mkdir()
    with pytest.raises(DevboxError, match=r"target/it cannot be written: .*\."):
        out(target, entry("it"))
    with pytest.raises(DevboxError, match="is not a folder") as caught:
        out(target / "none" / "x", entry("it"))
    assert caught.value.hint

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("devbox.boxes.copy.shutil.copyfileobj", full)
    with pytest.raises(DevboxError, match="x cannot be written: No space left on device"):
        out(target / "x", entry("it"))


def test_what_is_not_in_the_box(target: Path) -> None:
    box = Box()
    box.archive = b""
    with pytest.raises(DevboxError) as caught:
        copy_out(cast("Engine", box), "0" * 64, "/nowhere", target)
    assert caught.value.message == "/nowhere does not exist in the box."
    assert not isinstance(caught.value, NotFound)


def test_an_archive_that_ends_early(target: Path) -> None:
    box = Box(entry("it"))
    box.archive = box.archive[:513]
    with pytest.raises(DevboxError, match="broken archive"):
        copy_out(cast("Engine", box), "c", "/tmp/it", target)


def test_in(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_text("b")
    box = Box(folders=("/tmp",))
    user = User(4321, 4322)
    copy_in(cast("Engine", box), "c", user, tmp_path / "a", "/tmp")
    assert [(each.name, each.uid, each.gid) for each in box.got] == [
        ("a", 4321, 4322),
        ("a/b", 4321, 4322),
    ]
    copy_in(cast("Engine", box), "c", user, tmp_path / "a", "/tmp/new")
    assert [each.name for each in box.got] == ["new", "new/b"]
    with pytest.raises(DevboxError, match="/none is not a folder in the box"):
        copy_in(cast("Engine", box), "c", user, tmp_path / "a", "/none/new")
    with pytest.raises(DevboxError, match=r"nothing does not exist\."):
        copy_in(cast("Engine", box), "c", user, tmp_path / "nothing", "/tmp")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "secret cannot be read: Permission denied."),
        (errno.ENOSPC, "has no space left for the copy."),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    (tmp_path / "secret").touch()

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path / "secret"))

    monkeypatch.setattr(tarfile.TarFile, "add", fail)
    box = Box(folders=("/tmp",))
    with pytest.raises(DevboxError) as caught:
        copy_in(cast("Engine", box), "c", ME, tmp_path / "secret", "/tmp")
    assert caught.value.message.endswith(words)
    assert box.got == []
