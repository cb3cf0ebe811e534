"""The spools of boxes: whose runs they are, and what hostile ones can't do."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.journal.ids import new_id
from devbox.journal.places import box_spool, spool_of
from devbox.journal.run import Run
from devbox.runs import Runs


@pytest.fixture
def runs(home: Path) -> Iterator[Runs]:
    with Devbox(home) as door:
        yield door.runs


@pytest.fixture
def spool(home: Path) -> Path:
    folder = box_spool(home, "me", "b")
    folder.mkdir(parents=True)
    return folder


def written(spool: Path, *notes: dict[str, object], run: str = "") -> str:
    """A run whose journal says so, and whose writer is gone."""
    folder = spool / (run or new_id())
    folder.mkdir(exist_ok=True, parents=True)
    lines = [json.dumps({"time": 1, **note}) + "\n" for note in notes]
    (folder / f"{new_id()}.journal").write_text("".join(lines))
    return folder.name


START: dict[str, object] = {"kind": "start", "name": "n", "box": "claimed", "parent": ""}


def test_a_run_is_of_the_box_whose_spool_it_is_in(runs: Runs, spool: Path, home: Path) -> None:
    inside = written(spool, START)
    outside = written(spool_of(home), START)
    assert runs.get(inside).box == "b"
    assert runs.get(outside).box == ""
    assert [run.id for run in runs.search("box = 'b'")] == [inside]


def test_a_box_adds_to_no_run_of_others(runs: Runs, spool: Path, home: Path) -> None:
    other = box_spool(home, "me", "other")
    tag: dict[str, object] = {"kind": "tags", "values": {"stolen": "yes"}}
    for place in (spool_of(home), other):
        run = written(place, START, {"kind": "end", "status": "succeeded"})
        runs.get(run)
        written(spool, tag, {"kind": "end", "status": "failed"}, run=run)
        found = runs.get(run)
        assert (found.tags, found.status) == ({}, "succeeded")


def test_a_run_that_goes_on_is_not_lost_by_another_box(runs: Runs, spool: Path, home: Path) -> None:
    run = Run(new_id(), spool_of(home))
    run.note("start", **{k: v for k, v in START.items() if k != "kind"})
    written(spool, {"kind": "tags", "values": {}}, run=run.id)
    assert runs.get(run.id).status == "running"
    run.close()


def test_parents_are_of_the_same_box(runs: Runs, spool: Path, home: Path) -> None:
    local = written(spool_of(home), START)
    mine = written(spool, START)
    runs.ingest.everything()
    for parent, expected in ((local, ""), (mine, mine), (new_id(), "")):
        child = written(spool, {**START, "parent": parent})
        assert runs.get(child).parent == expected
    assert runs.get(written(spool_of(home), {**START, "parent": mine})).parent == ""


def test_no_run_is_its_own_parent(runs: Runs, spool: Path) -> None:
    own = new_id()
    written(spool, {**START, "parent": own}, run=own)
    assert [run.id for run in runs.search(roots=True)] == [own]


def test_what_is_no_run_is_not_read(runs: Runs, spool: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.journal"
    secret.write_text(json.dumps(START) + "\n")
    names = [new_id() for _ in range(6)]
    (spool / names[0]).symlink_to(tmp_path)
    (spool / names[1]).write_text("a file")
    os.mkfifo(spool / names[2])
    for name in names[3:]:
        (spool / name).mkdir()
    (spool / names[3] / f"{new_id()}.journal").symlink_to(secret)
    os.mkfifo(spool / names[4] / f"{new_id()}.journal")
    (spool / names[5] / "..journal").write_text(json.dumps(START) + "\n")
    (spool / names[5] / os.fsdecode(b"\xff\xfe.journal")).write_text("x")
    assert runs.search() == ()
    assert secret.exists()
    assert runs.ingest.file(names[0], "secret.journal", "b") == b""
    (spool / names[3] / "output.log").symlink_to(secret)
    assert runs.ingest.file(names[3], "output.log", "b") == b""


def test_artifacts_are_of_the_run(runs: Runs, spool: Path, home: Path, tmp_path: Path) -> None:
    content = b"somebody else's"
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / digest).write_bytes(content)
    note: dict[str, object] = {
        "kind": "artifact", "path": "a", "size": len(content), "sha256": digest,
    }  # fmt: skip
    for name in ("artifacts", digest):
        run = written(spool, START, note)
        if name == "artifacts":
            (spool / run / name).symlink_to(tmp_path)
        else:
            (spool / run / "artifacts").mkdir()
            (spool / run / "artifacts" / name).symlink_to(tmp_path / digest)
        runs.get(run)
        assert (tmp_path / digest).read_bytes() == content
        assert not (home / "blobs" / digest[:2] / digest).exists()


def test_a_file_with_holes_fills_no_disk(runs: Runs, spool: Path, home: Path) -> None:
    size = 1 << 42
    note: dict[str, object] = {"kind": "artifact", "path": "a", "size": size, "sha256": "1" * 64}
    run = written(spool, START, note)
    (spool / run / "artifacts").mkdir()
    with (spool / run / "artifacts" / ("1" * 64)).open("wb") as file:
        file.truncate(size)
    found = runs.get(run)
    assert (found.artifacts, found.damaged) == ((), 1)


def test_a_run_that_is_over_leaves_the_spool_as_a_copy(runs: Runs, spool: Path, home: Path) -> None:
    run = written(spool, START)
    journal = next((spool / run).iterdir())
    os.link(journal, spool / "kept")
    journal.chmod(0o4777)
    assert runs.get(run).status == "lost"
    assert not (spool / run).exists()
    (old,) = (home / "runs").glob(f"*/{run}/*")
    assert old.stat().st_mode & 0o7777 == 0o600
    assert not old.samefile(spool / "kept")


def test_a_removed_boxs_spool_is_no_problem(runs: Runs, spool: Path, home: Path) -> None:
    spool.rmdir()
    spool.write_text("no folder")
    (home / "boxes" / "nounderscore").mkdir()
    assert runs.search() == ()


def test_what_a_box_says_of_anothers_run_is_kept_nowhere(
    runs: Runs, spool: Path, home: Path
) -> None:
    run = written(spool_of(home), START)
    runs.get(run)
    old = {file.name: file.read_bytes() for file in (home / "runs").glob(f"*/{run}/*")}
    written(spool, START, run=run)
    (spool / run / next(iter(old))).write_text("{}\n")
    (spool / run / "output.log").write_text("said by the box")
    assert runs.output(run) == b""
    assert {f.name: f.read_bytes() for f in (home / "runs").glob(f"*/{run}/*")} == old
    assert not (spool / run).exists()
