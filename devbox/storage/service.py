"""Storage locations, and moving blobs between them and this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report, silent
from devbox.state import lock
from devbox.storage.backend import connect
from devbox.storage.blobs import Blobs, Damaged, checked
from devbox.storage.locations import Location, location
from devbox.storage.records import HERE, Checked, Moved
from devbox.storage.shelf import Shelf
from devbox.storage.store import StorageStore

if TYPE_CHECKING:
    from devbox.state import State


class Storage:
    """Where blobs lie: on this machine and in locations.

    ``kept`` tells every blob that something refers to, ``chosen`` the location that the project
    around us names ("" for none), ``ca`` the certificates to trust beyond the usual ones.
    """

    def __init__(
        self,
        home: Path,
        blobs: Blobs,
        *,
        state: Callable[[], State],
        kept: Callable[[], set[str]],
        chosen: Callable[[], str],
        ca: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._home = home
        self.blobs = blobs
        self._state = state
        self.kept = kept
        self._chosen = chosen
        self._ca = ca

    # Locations

    def add(
        self,
        name: str,
        url: str,
        *,
        default: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> Location:
        """Add a location: a folder, ssh://... or s3://...; the first one is the default one.

        It is connected to once. Raises UsageError, or Unreachable where that fails.
        """
        if name == HERE:
            raise UsageError(f"{HERE} is this machine's own storage.", hint="Take another name.")
        made = location(name, url, options, default=default)
        with self.open(made) as shelf:
            shelf.sizes(["0" * 64])
        self.store.add(made)
        return self.get(name)

    def ls(self) -> tuple[Location, ...]:
        """Every location, the default one first."""
        return self.store.locations()

    def get(self, name: str = "") -> Location:
        """A location; without a name the project's, else the default one. Raises UsageError."""
        known = {each.name: each for each in self.ls()}
        asked = name or self._chosen()
        if not asked:
            asked = next((each.name for each in known.values() if each.default), "")
        if not asked:
            raise UsageError(
                "There is no storage location.", hint="`devbox storage add NAME URL` makes one."
            )
        if asked not in known:
            import difflib

            close = difflib.get_close_matches(asked, known, n=1)
            said = "" if name else ", which devbox.toml names"
            hint = f"Did you mean {close[0]}?" if close else "`devbox storage ls` lists them."
            raise UsageError(f"There is no storage location {asked[:60]}{said}.", hint=hint)
        return known[asked]

    def use(self, name: str) -> None:
        """Make a location the default one."""
        self.store.use(self.get(name).name)

    def rm(self, name: str) -> int:
        """Forget a location; what lies there stays. Returns how many blobs we know there."""
        found = self.get(name).name
        count = len(self.store.placed(found))
        self.store.remove(found)
        return count

    def open(self, where: Location) -> Shelf:
        """Connect to a location. Raises Unreachable."""
        return Shelf(where.name, connect(where, ca=self._ca()))

    # Moving

    def push(self, digests: Collection[str], to: str = "", report: Report = silent) -> Moved:
        """Have blobs in a location: what is there already is not sent again, what was sent in
        part is completed. Raises DevboxError naming a blob that is nowhere or damaged."""
        target = self.get(to)
        wanted = sorted(set(map(checked, digests)))
        store = self.store
        # Our own collection there would take what nothing refers to yet.
        collected = self.locks / f"gc-{target.name}.lock"
        with lock(collected, shared=True), self.open(target) as shelf, self.blobs.lease():
            # First, so that nobody there deletes what is found to be there already.
            known = shelf.referred_by(self.installation)
            shelf.refer(self.installation, self.who, {*known, *wanted})
            shelf.not_collecting()
            there = {
                digest: size
                for digest, size in shelf.sizes(wanted).items()
                # One that is cut off there is sent again.
                if not self.blobs.has(digest) or self.blobs.size(digest) == size
            }
            store.place(target.name, there)
            missing = [digest for digest in wanted if digest not in there]
            size = 0
            for number, digest in enumerate(missing, start=1):
                self.need(digest, report=report, but=target.name)
                size += self._send(shelf, digest, report, number, len(missing))
        return Moved(target.name, tuple(missing), tuple(there), size)

    def pull(self, digests: Collection[str], source: str = "", report: Report = silent) -> Moved:
        """Have blobs on this machine, from one location or wherever they are."""
        if source:
            self.get(source)
        wanted = sorted(set(map(checked, digests)))
        missing = [digest for digest in wanted if not self._whole(digest)]
        size = 0
        with self.blobs.lease(), ExitStack() as stack:
            shelves: dict[str, Shelf] = {}
            for number, digest in enumerate(missing, start=1):
                short = digest[:12]
                report(Progress("fetch", short, f"{number}/{len(missing)}", log=True))
                size += self._fetch(digest, self._order(digest, source), shelves, stack, report)
        there = [digest for digest in wanted if digest not in set(missing)]
        return Moved(HERE, tuple(missing), tuple(there), size)

    def need(self, digest: str, *, report: Report = silent, but: str = "") -> Path:
        """A blob's file on this machine, read through; fetched where it is not here or damaged.

        Raises DevboxError where no location has it.
        """
        if not self._whole(digest):
            with ExitStack() as stack:
                names = [name for name in self._order(digest, "") if name != but]
                self._fetch(digest, names, {}, stack, report)
        return self.blobs.path(digest)

    def check(
        self, name: str = "", *, read: bool = False, report: Report = silent
    ) -> tuple[Checked, ...]:
        """Whether what should lie in a location does; without a name in all of them and here.

        ``read`` reads every blob and compares its content with its name. A location that can't
        be reached is one of the answers.
        """
        if name == HERE:
            return (self._check_here(read=read),)
        if name:
            return (self._check(self.get(name), read=read, report=report),)
        found = [self._check_here(read=read)]
        for each in self.ls():
            try:
                found.append(self._check(each, read=read, report=report))
            except DevboxError as error:
                found.append(Checked(each.name, 0, 0, (), (), read, problem=error.message))
        return tuple(found)

    @property
    def installation(self) -> str:
        """What our state file is called in shared locations."""
        return self.store.installation()

    @cached_property
    def store(self) -> StorageStore:
        """The SQL."""
        return StorageStore(self._state())

    @property
    def who(self) -> str:
        """For whom we act."""
        return self._state().actor

    @property
    def locks(self) -> Path:
        """Where files are that one process at a time holds."""
        return self._home / "locks"

    def _whole(self, digest: str) -> bool:
        """Whether a blob is here, and what its name says."""
        if not self.blobs.renew(digest):
            return False
        try:
            self.blobs.open(digest).close()
        except Damaged:
            return False
        return True

    def _send(self, shelf: Shelf, digest: str, report: Report, number: int, total: int) -> int:
        size = self.blobs.size(digest)
        telling = _Telling(report, "send", digest, size)
        report(Progress("send", digest[:12], f"{number}/{total}", log=True))
        # Two of ours would write into the same unfinished upload.
        key = hashlib.sha256(f"{shelf.name} {digest}".encode()).hexdigest()[:16]
        with lock(self.locks / f"send-{key}.lock"):
            if shelf.sizes([digest]).get(digest) != size:
                shelf.send(digest, self.blobs.path(digest), telling)
        self.store.place(shelf.name, {digest: size})
        return size

    def _order(self, digest: str, source: str) -> Sequence[str]:
        """Where to look for a blob: where it is known to be, then everywhere."""
        if source:
            return [source]
        known = set(self.store.where(digest))
        names = [each.name for each in self.ls()]
        return sorted(names, key=lambda name: name not in known)

    def _fetch(
        self,
        digest: str,
        names: Sequence[str],
        shelves: dict[str, Shelf],
        stack: ExitStack,
        report: Report,
    ) -> int:
        damaged, problems = [], []
        for name in names:
            try:
                if name not in shelves:
                    shelves[name] = stack.enter_context(self.open(self.get(name)))
                telling = _Telling(report, "fetch", digest, 0)
                size = shelves[name].fetch(digest, self.blobs, telling)
                self.store.place(name, {digest: size})
                return size
            except FileNotFoundError:
                self.store.unplace(name, [digest])
            except Damaged:
                damaged.append(name)
            except DevboxError as error:
                problems.append(error)
        if damaged:
            raise Damaged(digest, " and ".join(damaged))
        if self.blobs.has(digest) and not problems:
            raise Damaged(digest, str(self.blobs.path(digest)))
        if len(problems) == 1 and len(names) == 1:
            raise problems[0]
        where = ", ".join(names) or "no storage location"
        raise DevboxError(
            f"The blob {digest} is not on this machine, and not in {where}."
            if names
            else f"The blob {digest} is not on this machine.",
            hint="Add the storage location that has it: `devbox storage add NAME URL`.",
            detail=tuple(error.message for error in problems),
        )

    def _check_here(self, *, read: bool) -> Checked:
        missing = [digest for digest in sorted(self.kept()) if not self.blobs.has(digest)]
        lost = tuple(digest for digest in missing if not self.store.where(digest))
        damaged = tuple(self.blobs.verify()) if read else ()
        usage = self.blobs.usage()
        return Checked(HERE, usage.count, usage.size, lost, damaged, read)

    def _check(self, where: Location, *, read: bool, report: Report) -> Checked:
        with self.open(where) as shelf:
            there = {digest: item.size for digest, item in shelf.ls()}
            placed = self.store.placed(where.name)
            missing = [digest for digest in placed if digest not in there]
            damaged = {d for d, size in placed.items() if there.get(d, size) != size}
            for number, digest in enumerate(sorted(there) if read else (), start=1):
                report(Progress("read", digest[:12], f"{number}/{len(there)}", log=True))
                if shelf.damaged(digest):
                    damaged.add(digest)
        self.store.unplace(where.name, [*missing, *damaged])
        size = sum(there.values())
        shown = tuple(sorted(damaged))
        return Checked(where.name, len(there), size, tuple(missing), shown, read)


class _Telling:
    """Tells how far a large blob is, seldom enough not to flood."""

    STEP = 16 << 20

    def __init__(self, report: Report, stage: str, digest: str, size: int) -> None:
        self._report, self._stage, self._digest, self._size = report, stage, digest, size
        self._done = self._told = 0

    def __call__(self, sent: int) -> None:
        self._done += sent
        if self._done - self._told >= self.STEP:
            self._told = self._done
            of = f" of {self._size >> 20}" if self._size else ""
            text = f"{self._digest[:12]}: {self._done >> 20}{of} MiB"
            self._report(Progress(self._stage, self._digest[:12], text, log=True))
