"""Garbage collection against a model of it: what is referred to stays, and nothing else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devbox.storage import Blobs
from devbox.storage.blobs import GRACE_SECONDS, LARGE

CONTENTS = st.binary(max_size=2)
OLD = 2 * GRACE_SECONDS


class Collecting(RuleBasedStateMachine):
    """Random histories of what people do with blobs. ``age`` says when each was put last."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.blobs = Blobs(Path(self._folder.name))
        self.referred: set[str] = set()
        self.new: set[str] = set()
        self.old: set[str] = set()

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(content=CONTENTS, refer=st.booleans())
    def put(self, content: bytes, refer: bool) -> None:
        digest = self.blobs.put(io.BytesIO(content))
        self.new.add(digest)
        self.old.discard(digest)
        if refer:
            self.referred.add(digest)

    @rule(draw=st.randoms())
    def renew(self, draw: object) -> None:
        """Somebody is going to refer to what is there already."""
        for digest in sorted(self.new | self.old)[:1]:
            assert self.blobs.renew(digest)
            self.new.add(digest)
            self.old.discard(digest)

    @rule(draw=st.randoms(use_true_random=False))
    def unrefer(self, draw: object) -> None:
        if self.referred:
            self.referred.discard(draw.choice(sorted(self.referred)))  # type: ignore[attr-defined]

    @rule()
    def grow_old(self) -> None:
        for digest in self.new:
            path = self.blobs.path(digest)
            moment = path.stat().st_mtime - OLD
            os.utime(path, (moment, moment))
        self.old |= self.new
        self.new.clear()

    @rule(dry_run=st.booleans(), lease=st.booleans())
    def collect(self, dry_run: bool, lease: bool) -> None:
        garbage = self.old - self.referred
        if lease:
            with self.blobs.lease():
                found = self.blobs.gc(self.referred, dry_run=dry_run)
        else:
            found = self.blobs.gc(self.referred, dry_run=dry_run)
        assert set(found.digests) == garbage
        if not dry_run:
            self.old -= garbage

    @invariant()
    def exactly_what_should_be_there_is(self) -> None:
        assert set(self.blobs.digests()) == self.new | self.old
        assert self.referred <= self.new | self.old


Collecting.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCollecting = Collecting.TestCase


def test_a_lease_spares_what_is_put_while_it_is_held(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    before = blobs.put(io.BytesIO(b"before"))
    os.utime(blobs.path(before), (0, 0))
    with blobs.lease():
        during = blobs.put(io.BytesIO(b"during"))
        # Negative: as if an hour had gone by.
        assert blobs.gc([], grace=-3600).digests == (before,)
        assert blobs.has(during)
    assert blobs.gc([], grace=-3600).digests == (during,)


def test_the_lease_of_a_killed_process_ends(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from devbox.storage import Blobs\n"
        "with Blobs(Path(sys.argv[1])).lease(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    blobs = Blobs(tmp_path / "blobs")
    subprocess.run([sys.executable, "-c", code, str(blobs.root)], check=False)
    (left,) = (blobs.root / "leases").iterdir()
    os.utime(left, (0, 0))
    digest = blobs.put(io.BytesIO(b"x"))
    assert blobs.gc([], grace=-3600).digests == (digest,)
    assert not left.exists()


def test_a_large_file_is_found_again_by_its_looks(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    file = tmp_path / "large"
    content = bytearray(os.urandom(LARGE + 5))
    file.write_bytes(content)
    digest = blobs.put(file)
    inode = blobs.path(digest).stat().st_ino
    os.utime(blobs.path(digest), (0, 0))
    assert blobs.put(file) == digest
    assert blobs.path(digest).stat().st_ino == inode, "it was written again"
    assert blobs.path(digest).stat().st_mtime > 0
    # Alike from afar, and another file.
    content[LARGE // 2 + 12345] ^= 1
    file.write_bytes(content)
    other = blobs.put(file)
    assert other != digest
    assert blobs.path(other).read_bytes() == content
    # What is damaged is not taken for the file.
    blobs.path(other).chmod(0o644)
    with blobs.path(other).open("r+b") as damaged:
        damaged.write(b"damage")
    assert list(blobs.verify()) == [other]
    assert blobs.put(file) == other
    assert list(blobs.verify()) == []
    assert len(blobs.gc([], grace=-3600).digests) == 2
    assert list((blobs.root / "known").iterdir()) == []
