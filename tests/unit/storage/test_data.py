from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.errors import DevboxError, Refused, UsageError
from devbox.progress import silent
from devbox.storage import scan as scanning
from devbox.storage.blobs import Damaged
from devbox.storage.gc import collect
from tests.contract_storage import Person


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[Person]:
    made = Person(tmp_path / "anna", "anna")
    yield made
    made.state.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "run.sh").chmod(0o755)
    (folder / "sub" / "deep" / os.fsdecode(b"odd \xff\n name")).write_bytes(b"odd")
    (folder / "empty").write_bytes(b"")
    return folder


def test_a_folder_is_kept_and_written_again(anna: Person, tree: Path, tmp_path: Path) -> None:
    made = anna.data.add("tree", tree, message="first", tags={"k": "v"})
    assert (made.ref, made.kind, made.files, made.new) == ("tree@1", "folder", 4, True)
    assert (made.user, made.message, made.tags) == ("anna", "first", {"k": "v"})
    out = anna.data.fetch("tree@1", tmp_path / "out")
    found = sorted(path.relative_to(out) for path in out.rglob("*"))
    assert found == sorted(path.relative_to(tree) for path in tree.rglob("*"))
    assert all(
        (out / p).read_bytes() == (tree / p).read_bytes() for p in found if (out / p).is_file()
    )
    assert os.access(out / "sub" / "run.sh", os.X_OK)
    # What is written can be changed, and the blob is not.
    (out / "a.txt").write_text("changed")
    assert list(anna.blobs.verify()) == []
    assert not list(tmp_path.glob(".devbox-*"))


def test_the_same_content_is_the_same_version(anna: Person, tree: Path) -> None:
    anna.data.add("tree", tree)
    again = anna.data.add("tree", tree, message="other")
    assert (again.ref, again.new, again.message) == ("tree@1", False, "")
    (tree / "a.txt").write_text("b")
    assert anna.data.add("tree", tree).ref == "tree@2"
    found = anna.data.diff("tree@1", "tree@2")
    assert (found.changed, found.same) == (("a.txt",), 3)
    assert [each.version for each in anna.data.versions("tree")] == [2, 1]
    assert anna.data.get("tree").version == 2
    assert anna.data.get("tree@latest").version == 2
    assert anna.data.ls()[0].latest == 2


def test_a_number_is_never_given_again(anna: Person, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for number in (1, 2):
        file.write_text(str(number))
        anna.data.add("d", file)
    anna.data.rm("d@2")
    file.write_text("3")
    assert anna.data.add("d", file).ref == "d@3"
    anna.data.rm("d")
    with pytest.raises(UsageError, match="No dataset d"):
        anna.data.get("d")
    assert anna.data.add("d", file).ref == "d@4"


def test_tags(anna: Person, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    anna.data.add("d", tmp_path / "file", tags={"a": "1", "b": "2"})
    anna.data.tag("d@1", {"c": "3"}, ("a",))
    assert anna.data.get("d@1").tags == {"b": "2", "c": "3"}


def test_tables_are_looked_into(anna: Person, tmp_path: Path) -> None:
    import polars

    frame = polars.DataFrame({"x": [1, 2, 3], "name": ["a", "b", "c"]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    frame.write_ndjson(tmp_path / "t.jsonl")
    for kind in ("parquet", "csv", "jsonl"):
        made = anna.data.add(kind, tmp_path / f"t.{kind}")
        assert (made.rows, made.columns) == (3, {"x": "Int64", "name": "String"})
    parts = tmp_path / "parts"
    parts.mkdir()
    for number in range(3):
        frame.write_csv(parts / f"{number}.csv")
    assert anna.data.add("parts", parts).rows == 9
    (parts / "0.csv").write_text("other\n1\n")
    assert anna.data.add("parts", parts).columns == {}
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    assert anna.data.add("bad", tmp_path / "bad.parquet").rows is None


def test_csv_without_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from devbox.storage import tables

    def none(*_: object) -> tables.Table:
        raise ImportError

    for name in ("_polars", "_pyarrow", "_duckdb"):
        monkeypatch.setattr(tables, name, none)
    (tmp_path / "t.csv").write_text('\ufeffa,"b, c"\n1,2\n')
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n')
    assert tables.table([("t.csv", tmp_path / "t.csv")]).columns == {"a": "", "b, c": ""}
    assert tables.table([("t.jsonl", tmp_path / "t.jsonl")]).columns == {"a": ""}
    assert tables.table([("t.parquet", tmp_path / "t.csv")]).columns == {}


class TestBadInput:
    def test_links_are_refused(self, anna: Person, tree: Path) -> None:
        (tree / "sub" / "link").symlink_to("/etc/passwd")
        with pytest.raises(DevboxError, match="sub/link is a link"):
            anna.data.add("tree", tree)
        assert anna.data.ls() == ()

    def test_pipes_are_refused(self, anna: Person, tree: Path) -> None:
        os.mkfifo(tree / "pipe")
        with pytest.raises(DevboxError, match="pipe is no plain file"):
            anna.data.add("tree", tree)
        with pytest.raises(DevboxError, match="pipe is no plain file"):
            anna.data.add("tree", tree / "pipe")

    def test_nothing_there(self, anna: Person, tmp_path: Path) -> None:
        with pytest.raises(DevboxError, match="cannot be read: No such file"):
            anna.data.add("d", tmp_path / "none")

    def test_a_file_that_is_changed_meanwhile(
        self, anna: Person, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = anna.blobs.put_file

        def change(file: object) -> str:
            (tree / "a.txt").write_text("longer")
            return put(file)  # type: ignore[arg-type]

        monkeypatch.setattr(anna.blobs, "put_file", change)
        with pytest.raises(DevboxError, match=r"a\.txt was changed"):
            anna.data.add("tree", tree)

    def test_a_file_that_vanishes(
        self, anna: Person, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        below = scanning._below

        def listed(root: Path) -> list[str]:
            found = list(below(root))
            (tree / "a.txt").unlink(missing_ok=True)
            return found

        monkeypatch.setattr(scanning, "_below", listed)
        with pytest.raises(DevboxError, match=r"a\.txt was taken away"):
            anna.data.add("tree", tree)

    @pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "a@1", "x" * 101])
    def test_names(self, anna: Person, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(DevboxError, match="no name for a dataset"):
            anna.data.add(name, tmp_path / "file")


class TestGetting:
    def test_what_is_there_is_not_touched(self, anna: Person, tree: Path, tmp_path: Path) -> None:
        anna.data.add("tree", tree)
        out = tmp_path / "out"
        out.mkdir()
        (out / "mine").write_text("mine")
        with pytest.raises(Refused, match="is there already"):
            anna.data.fetch("tree", out)
        assert [path.name for path in out.iterdir()] == ["mine"]
        anna.data.fetch("tree", out, replace=True)
        assert not (out / "mine").exists()
        assert (out / "a.txt").read_text() == "a"

    def test_a_file_goes_into_a_folder(self, anna: Person, tmp_path: Path) -> None:
        (tmp_path / "x.bin").write_bytes(b"123")
        anna.data.add("x", tmp_path / "x.bin")
        assert anna.data.fetch("x", tmp_path / "in" / "here").read_bytes() == b"123"
        with pytest.raises(Refused, match="is there already"):
            anna.data.fetch("x", tmp_path / "in" / "here")
        assert anna.data.fetch("x", tmp_path / "in" / "here", replace=True).exists()

    def test_damage_is_named_and_nothing_is_written(
        self, anna: Person, tree: Path, tmp_path: Path
    ) -> None:
        anna.data.add("tree", tree)
        entry = anna.data.manifest("tree").entries[0]
        path = anna.blobs.path(entry.digest)
        path.chmod(0o644)
        path.write_bytes(b"X")
        with pytest.raises(DevboxError, match=entry.digest):
            anna.data.fetch("tree", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob(".devbox-*"))
        with pytest.raises(Damaged):
            anna.blobs.open(entry.digest)

    def test_damage_here_is_mended_from_a_location(
        self, anna: Person, tree: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "team").mkdir()
        anna.storage.add("team", str(tmp_path / "team"))
        anna.data.add("tree", tree)
        anna.data.push("tree")
        for entry in anna.data.manifest("tree").entries:
            anna.blobs.path(entry.digest).unlink(missing_ok=True)
        out = anna.data.fetch("tree", tmp_path / "out")
        assert (out / "a.txt").read_text() == "a"
        path = anna.blobs.path(anna.data.manifest("tree").entries[0].digest)
        path.chmod(0o644)
        path.write_bytes(b"X")
        assert (anna.data.fetch("tree", tmp_path / "again") / "a.txt").read_text() == "a"
        assert list(anna.blobs.verify()) == []


class TestPointers:
    def test_a_file_that_lies_elsewhere(self, anna: Person, tmp_path: Path) -> None:
        file = tmp_path / "far away"
        file.write_text("content")
        made = anna.data.add("far", file.as_uri())
        assert (made.kind, made.uri, made.size) == ("pointer", file.as_uri(), 7)
        assert anna.blobs.usage().count == 1
        assert anna.data.fetch("far", tmp_path / "out").read_text() == "content"
        file.write_text("changed")
        with pytest.raises(Damaged, match="far away"):
            anna.data.fetch("far", tmp_path / "out2")
        file.unlink()
        with pytest.raises(DevboxError, match="is gone, and the dataset only points to it"):
            anna.data.fetch("far", tmp_path / "out3")

    def test_a_folder_that_lies_elsewhere(self, anna: Person, tree: Path, tmp_path: Path) -> None:
        assert anna.data.add("far", tree.as_uri()).files == 4
        out = anna.data.fetch("far", tmp_path / "out")
        assert (out / "sub" / "run.sh").read_text() == "#!/bin/sh\n"

    @pytest.mark.parametrize("uri", ["http://x/y", "s3://bucket", "ssh://host/x"])
    def test_addresses_that_are_none(self, anna: Person, uri: str) -> None:
        with pytest.raises(UsageError):
            anna.data.add("far", uri)


def test_what_a_dataset_names_is_kept(anna: Person, tree: Path) -> None:
    anna.data.add("tree", tree)
    garbage = anna.put(b"garbage")
    assert collect(anna.storage, delete=True, grace=-3600)[0].digests == (garbage,)
    assert anna.storage.check("here", read=True)[0].missing == ()
    anna.data.rm("tree")
    assert len(collect(anna.storage, delete=True, grace=-3600)[0].digests) == 5
    assert anna.blobs.usage().count == 0


def test_scanning_keeps_nothing_unasked(tree: Path) -> None:
    made = scanning.scan(tree, None, silent)
    assert [entry.executable for entry in made.entries] == [False, False, False, True]
    assert stat.S_ISREG((tree / "empty").stat().st_mode)
