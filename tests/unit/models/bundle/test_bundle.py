"""Out of one machine and into another."""

from __future__ import annotations

import gzip
import math
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import devbox
from devbox.api import Devbox
from devbox.errors import DevboxError, Refused, UsageError
from tests.unit.models.bundle.conftest import POINTS


def test_everything_arrives(one: Devbox, two: Devbox, exported: Path) -> None:
    done = two.bundles.take_in(exported)
    before, after = one.models.get("churn"), two.models.get("churn")
    assert (done.new, done.ref, done.was) == (True, "churn@1", "churn@1")
    assert len(done.runs) == 2
    assert repr(after.slots) == repr(before.slots)  # NaN is not equal to itself
    assert (after.files, after.tags, after.params) == (before.files, before.tags, before.params)
    assert (after.id, after.created, after.user) == (before.id, before.created, before.user)
    assert after.description == "The first one."
    assert math.isnan(after.metrics["odd"])
    assert after.aliases == ()
    assert two.models.verify("churn").ok
    assert repr(two.runs.get(before.run)) == repr(one.runs.get(before.run))
    points, others = (door.runs.metric(before.run, "loss") for door in (one, two))
    assert repr(list(points)) == repr(list(others))
    assert repr([point.value for point in others]) == repr(POINTS)
    assert two.runs.experiment("fraud").runs == 1
    nodes = [node.kind for node in two.models.lineage("churn").nodes]
    assert nodes.count("run") == 2


def test_the_same_version_gives_the_same_bytes(one: Devbox, two: Devbox, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.tar", "b.tar", "a.tar.gz", "b.tgz")]
    for file in files:
        one.bundles.export("churn@1", file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[2].read_bytes() == files[3].read_bytes()
    assert gzip.decompress(files[2].read_bytes()) == files[0].read_bytes()
    two.bundles.take_in(files[2])
    again = tmp_path / "again.tar"
    two.bundles.export("churn@1", again)
    with tarfile.open(files[0]) as first, tarfile.open(again) as second:
        assert first.getnames() == second.getnames()
        assert first.getnames()[0] == "manifest.json"


def test_importing_twice_says_so(two: Devbox, exported: Path) -> None:
    two.bundles.take_in(exported)
    run = two.models.get("churn").run
    again = two.bundles.take_in(exported, name="other")
    assert (again.new, again.ref, again.runs) == (False, "churn@1", ())
    assert len(two.models.versions("churn")) == 1
    assert len(two.runs.metric(run, "loss")) == len(POINTS)


def test_importing_again_mends_what_is_gone_or_damaged(two: Devbox, exported: Path) -> None:
    two.bundles.take_in(exported)
    blobs = two.storage.blobs
    gone, damaged = list(blobs.digests())[:2]
    blobs.path(gone).unlink()
    blobs.path(damaged).chmod(0o644)
    blobs.path(damaged).write_bytes(b"other")
    assert two.bundles.take_in(exported, dry_run=True).mended == 0
    assert not blobs.has(gone)
    done = two.bundles.take_in(exported)
    assert (done.new, done.mended) == (False, 2)
    assert list(blobs.verify()) == []
    assert two.models.verify("churn").ok
    assert two.bundles.take_in(exported).mended == 0


def test_it_gets_the_next_number(two: Devbox, exported: Path) -> None:
    two.models.register("churn")
    two.models.register("churn")
    done = two.bundles.take_in(exported)
    assert (done.ref, done.was) == ("churn@3", "churn@1")


def test_another_name(two: Devbox, exported: Path) -> None:
    assert two.bundles.take_in(exported, name="churn-eu").ref == "churn-eu@1"
    with pytest.raises(UsageError):
        two.bundles.take_in(exported, name="../x")


def test_a_dry_run_keeps_nothing(two: Devbox, exported: Path) -> None:
    found = two.bundles.take_in(exported, dry_run=True)
    assert (found.new, found.ref, found.was) == (True, "", "churn@1")
    assert two.models.models() == ()
    assert two.runs.search() == ()
    assert list(two.blobs.digests()) == []


def test_what_was_removed_comes_back(one: Devbox, exported: Path) -> None:
    run = one.models.get("churn").run
    one.models.rm("churn", force=True)
    one.runs.remove(one.runs.plan_removal([one.runs.get(run).parent]))
    assert len(one.bundles.take_in(exported).runs) == 2
    assert len(one.runs.metric(run, "loss")) == len(POINTS)


def test_a_run_that_is_here_is_left_as_it_is(one: Devbox, exported: Path) -> None:
    run = one.models.get("churn").run
    one.models.rm("churn", force=True)
    done = one.bundles.take_in(exported)
    # A number is not given again as long as the model is there; it was removed as a whole.
    assert (done.ref, done.runs) == ("churn@1", ())
    assert len(one.runs.metric(run, "loss")) == len(POINTS)


def test_a_version_that_grows_is_not_exported(one: Devbox, tmp_path: Path) -> None:
    with devbox.start_run(sample_every=None) as run:
        one.models.register("growing", run=run.id)
        with pytest.raises(DevboxError, match="goes on"):
            one.bundles.export("growing", tmp_path / "growing.tar")
    assert not (tmp_path / "growing.tar").exists()


def test_a_file_is_not_written_over(one: Devbox, exported: Path) -> None:
    before = exported.read_bytes()
    exported.write_bytes(b"mine")
    with pytest.raises(Refused):
        one.bundles.export("churn@1", exported)
    one.bundles.export("churn@1", exported, force=True)
    assert exported.read_bytes() == before
    with pytest.raises(UsageError, match="what to write"):
        one.bundles.export("churn@1", exported.with_suffix(".zip"))


def test_missing_content_leaves_no_file(one: Devbox, tmp_path: Path) -> None:
    digest = one.models.get("churn").files[0].digest
    one.blobs.path(digest).unlink()
    file = tmp_path / "x" / "churn.tar"
    file.parent.mkdir()
    with pytest.raises(DevboxError, match=digest):
        one.bundles.export("churn@1", file)
    assert list(file.parent.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from devbox.api import Devbox

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

file, act = Path(sys.argv[1]), sys.argv[2]
with Devbox() as door:
    if act == "export":
        from devbox.models.bundle.tar import Writer
        Writer.end = killed
        door.bundles.export("churn@1", file)
    else:
        from devbox.models.bundle.store import BundleStore
        BundleStore.add = killed
        door.bundles.take_in(file)
"""


def _killed(home: Path, file: Path, act: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(file), act],
        env={**os.environ, "DEVBOX_HOME": str(home)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


def test_a_killed_export_leaves_no_file(one: Devbox, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    _killed(one.home, folder / "churn.tar", "export")
    assert list(folder.iterdir()) == []


def test_a_killed_import_leaves_nothing_half_made(two: Devbox, exported: Path) -> None:
    _killed(two.home, exported, "import")
    assert two.runs.search() == ()
    assert two.models.models() == ()
    assert two.bundles.take_in(exported).new
    assert len(two.runs.search()) == 2


def test_data_goes_along(one: Devbox, two: Devbox, tmp_path: Path) -> None:
    table = tmp_path / "sales.csv"
    table.write_text("a,b\n1,2\n")
    made = one.data.add("sales", table)
    told = {"name": "sales", "version": "1", "digest": made.manifest}
    one.models.register("sold", slots={"data": {"inputs": [told]}})
    without, file = tmp_path / "without.tar", tmp_path / "sold.tar"
    assert one.bundles.export("sold", without).left_out == ("sales@1",)
    assert one.bundles.export("sold", file, with_data=True).data == ("sales@1",)
    other = tmp_path / "other.csv"
    other.write_text("another one\n")
    two.data.add("sales", other)
    # Its number is another one's there.
    assert two.bundles.take_in(file).data == ("sales@2",)
    (entry,) = two.data.manifest("sales@2").entries
    with two.blobs.open(entry.digest) as content:
        assert content.read() == b"a,b\n1,2\n"


def test_a_lost_run_is_lost_there_too(one: Devbox, two: Devbox, tmp_path: Path) -> None:
    script = "import os, devbox; r = devbox.start_run(sample_every=None); r.log_metric('m', 1);"
    script += " print(r.id, flush=True); os.kill(os.getpid(), 9)"
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False
    )
    one.models.register("lost", run=done.stdout.strip())
    one.bundles.export("lost", tmp_path / "lost.tar")
    two.bundles.take_in(tmp_path / "lost.tar")
    before, after = (door.runs.get(done.stdout.strip()) for door in (one, two))
    assert after.status == "lost"
    assert after == before
