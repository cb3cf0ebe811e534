"""What every kind of storage location must do; run over folders, SSH hosts and buckets."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from devbox.errors import DevboxError
from devbox.state import State
from devbox.storage import Blobs
from devbox.storage.backend import Backend, connect
from devbox.storage.blobs import Damaged
from devbox.storage.data import Data
from devbox.storage.gc import collect
from devbox.storage.locations import Location
from devbox.storage.service import Storage

SIZE = 20 << 20  # more than two parts of an upload to a bucket
SENDER = """
import json, os, signal, sys
from pathlib import Path
from devbox.storage.backend import connect
from devbox.storage.locations import Location
sent = 0
def tell(count):
    global sent
    sent += count
    if sent >= 9 << 20:
        os.kill(os.getpid(), signal.SIGKILL)
connect(Location(**json.loads(sys.argv[1]))).send(sys.argv[2], Path(sys.argv[3]), tell)
"""


class Person:
    """Somebody with a state of their own, and what they refer to."""

    def __init__(self, home: Path, name: str) -> None:
        self.state = State(home, actor=name)
        self.blobs = Blobs(home / "blobs")
        self.kept: set[str] = set()
        self.storage = Storage(
            home,
            self.blobs,
            state=lambda: self.state,
            kept=lambda: self.kept | self.data.kept(),
            chosen=lambda: "",
        )
        self.data = Data(self.storage)

    def put(self, content: bytes) -> str:
        return self.blobs.put(io.BytesIO(content))


class StorageContract:
    """Subclasses have the fixture ``where``: an empty location; and may ``spoil`` in it."""

    @pytest.fixture
    def backend(self, where: Location) -> Iterator[Backend]:
        made = connect(where)
        yield made
        made.close()

    @pytest.fixture
    def persons(self, where: Location, tmp_path: Path) -> Iterator[Callable[[str], Person]]:
        made: list[Person] = []

        def make(name: str) -> Person:
            person = Person(tmp_path / name, name)
            made.append(person)
            person.storage.add("team", where.url, options=where.options)
            return person

        yield make
        for person in made:
            person.state.close()

    @pytest.fixture
    def large(self, tmp_path: Path) -> tuple[str, Path]:
        """A large file, as (key, path)."""
        file = tmp_path / "large"
        content = os.urandom(SIZE)
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        return f"{digest[:2]}/{digest}", file

    def spoil(self, where: Location, key: str) -> None:
        """Put other content of the same size at a key."""
        made = connect(where)
        item = made.stat(key)
        assert item is not None
        made.remove(key)
        made.write(key, b"x" * item.size)
        made.close()

    def test_small_things_come_and_go(self, backend: Backend) -> None:
        assert list(backend.ls("")) == []
        assert backend.stat("refs/one") is None
        with pytest.raises(FileNotFoundError):
            list(backend.read("refs/one"))
        backend.remove("refs/one")
        backend.write("refs/one", b"first")
        backend.write("refs/one", b"second")
        backend.write("other", b"")
        assert b"".join(backend.read("refs/one")) == b"second"
        found = backend.stat("refs/one")
        assert found is not None
        assert (found.key, found.size) == ("refs/one", 6)
        assert [item.key for item in backend.ls("refs/")] == ["refs/one"]
        assert sorted(item.key for item in backend.ls("")) == ["other", "refs/one"]
        assert list(backend.ls("none/")) == []
        backend.remove("refs/one")
        assert backend.stat("refs/one") is None

    def test_a_file_is_sent_and_read(
        self, backend: Backend, large: tuple[str, Path], tmp_path: Path
    ) -> None:
        key, file = large
        told: list[int] = []
        backend.send(key, file, told.append)
        assert sum(told) == SIZE
        found = backend.stat(key)
        assert found is not None
        assert found.size == SIZE
        assert hashlib.sha256(b"".join(backend.read(key))).hexdigest() == key[3:]
        empty = tmp_path / "empty"
        empty.write_bytes(b"")
        digest = hashlib.sha256(b"").hexdigest()
        backend.send(f"{digest[:2]}/{digest}", empty, told.append)
        assert list(backend.read(f"{digest[:2]}/{digest}")) == []

    def test_a_killed_upload_goes_on_where_it_stopped(
        self, backend: Backend, where: Location, large: tuple[str, Path]
    ) -> None:
        key, file = large
        said = json.dumps({**asdict(where), "options": dict(where.options)})
        killed = subprocess.run([sys.executable, "-c", SENDER, said, key, str(file)], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert backend.stat(key) is None
        assert [item.key for item in backend.ls("") if key[3:] in item.key] == []
        told: list[int] = []
        backend.send(key, file, told.append)
        # What was on its way when the sender died may have to be sent again.
        assert 0 < sum(told) < SIZE - (4 << 20)
        assert hashlib.sha256(b"".join(backend.read(key))).hexdigest() == key[3:]

    def test_what_an_unfinished_upload_left_is_not_trusted(
        self, backend: Backend, large: tuple[str, Path], tmp_path: Path
    ) -> None:
        key, file = large
        other = tmp_path / "other"
        other.write_bytes(os.urandom(SIZE))

        def stop(_: int) -> None:
            raise InterruptedError

        with pytest.raises((InterruptedError, DevboxError)):
            backend.send(key, other, stop)
        backend.send(key, file, lambda _: None)
        assert hashlib.sha256(b"".join(backend.read(key))).hexdigest() == key[3:]

    def test_unfinished_uploads_are_swept(self, backend: Backend, large: tuple[str, Path]) -> None:
        def stop(_: int) -> None:
            raise InterruptedError

        with pytest.raises((InterruptedError, DevboxError)):
            backend.send(large[0], large[1], stop)
        assert backend.sweep(0.0) == 0
        assert backend.sweep(4e9) == 1
        told: list[int] = []
        backend.send(large[0], large[1], told.append)
        assert sum(told) == SIZE

    def test_blobs_are_sent_once_and_come_back(
        self, where: Location, persons: Callable[[str], Person]
    ) -> None:
        anna, ben = persons("anna"), persons("ben")
        digests = {anna.put(b"one"), anna.put(b"two")}
        moved = anna.storage.push(digests)
        assert (set(moved.sent), moved.there, moved.size) == (digests, (), 6)
        again = anna.storage.push(digests)
        assert (again.sent, set(again.there)) == ((), digests)
        back = ben.storage.pull(digests)
        assert set(back.sent) == digests
        assert {ben.blobs.size(digest) for digest in digests} == {3}
        assert ben.storage.pull(digests).sent == ()
        (found,) = anna.storage.check("team", read=True)
        assert (found.count, found.missing, found.damaged) == (2, (), ())

    def test_damage_is_named_and_never_served(
        self, where: Location, persons: Callable[[str], Person]
    ) -> None:
        anna, ben = persons("anna"), persons("ben")
        digest, fine = anna.put(b"precious"), anna.put(b"fine")
        anna.storage.push({digest, fine})
        self.spoil(where, f"{digest[:2]}/{digest}")
        with pytest.raises(Damaged, match=digest):
            ben.storage.pull({digest})
        assert not ben.blobs.has(digest)
        (found,) = anna.storage.check("team", read=True)
        assert found.damaged == (digest,)
        connected = connect(where)
        connected.remove(f"{fine[:2]}/{fine}")
        connected.close()
        assert anna.storage.check("team")[0].missing == (fine,)

    def test_collecting_spares_what_others_refer_to(self, persons: Callable[[str], Person]) -> None:
        anna, ben = persons("anna"), persons("ben")
        mine, shared, gone = anna.put(b"mine"), anna.put(b"shared"), anna.put(b"gone")
        anna.storage.push({mine, shared, gone})
        ben.put(b"shared")
        ben.storage.push({shared})
        anna.kept = {mine}
        (plan,) = collect(anna.storage, ["team"], grace=-3600)
        assert (plan.digests, plan.done) == ((gone,), False)
        (told,) = collect(anna.storage, ["team"], delete=True, grace=3600)
        assert told.digests == ()
        (done,) = collect(anna.storage, ["team"], delete=True, grace=-3600)
        assert (done.digests, done.kept, done.done) == ((gone,), 2, True)
        (found,) = ben.storage.check("team", read=True)
        assert found.missing == ()
        # Ben refers to it no more.
        ben.kept = set()
        assert collect(ben.storage, ["team"], delete=True, grace=-3600)[0].digests == (shared,)

    def test_what_was_forgotten_and_added_again_is_not_garbage(
        self, where: Location, persons: Callable[[str], Person]
    ) -> None:
        anna, ben = persons("anna"), persons("ben")
        old, new = anna.put(b"old"), anna.put(b"new")
        anna.kept = {old, new}
        anna.storage.push({old})
        anna.storage.rm("team")
        anna.storage.add("team", where.url, options=where.options)
        anna.storage.push({new})
        assert collect(ben.storage, ["team"], delete=True, grace=-3600)[0].digests == ()
        assert collect(anna.storage, ["team"], delete=True, grace=-3600)[0].digests == ()

    def test_a_list_that_cannot_be_understood_stops_deleting(
        self, where: Location, persons: Callable[[str], Person]
    ) -> None:
        anna = persons("anna")
        anna.storage.push({anna.put(b"garbage")})
        made = connect(where)
        made.write("refs/" + "f" * 32, b'{"digests": ["../x"]}')
        made.close()
        with pytest.raises(DevboxError, match=r"refs/f+ of .* cannot be understood"):
            collect(anna.storage, ["team"], delete=True, grace=-3600)
        assert anna.storage.check("team")[0].count == 1

    def test_nothing_is_stored_while_somebody_collects(
        self, where: Location, persons: Callable[[str], Person]
    ) -> None:
        anna, ben = persons("anna"), persons("ben")
        digest = anna.put(b"content")
        with (
            ben.storage.open(ben.storage.get("team")) as shelf,
            shelf.collecting("b" * 32, "ben"),
            pytest.raises(DevboxError, match="collects garbage"),
        ):
            anna.storage.push({digest})
        anna.storage.push({digest})

    def test_a_dataset_goes_from_one_to_another(
        self, persons: Callable[[str], Person], tmp_path: Path
    ) -> None:
        anna, ben = persons("anna"), persons("ben")
        folder = tmp_path / "data"
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a.csv").write_text("x,y\n1,2\n")
        (folder / "b.txt").write_text("text")
        made = anna.data.add("survey", folder)
        anna.data.push("survey@1")
        ben.data.pull("survey")
        assert ben.data.get("survey@1").manifest == made.manifest
        written = ben.data.fetch("survey@1", tmp_path / "out")
        assert (written / "sub" / "a.csv").read_text() == "x,y\n1,2\n"
        # Another content under the same number is not overwritten.
        other = persons("carl")
        (folder / "b.txt").write_text("changed")
        other.data.add("survey", folder)
        with pytest.raises(DevboxError, match="Another survey@1"):
            other.data.push("survey@1")
