"""Garbage collection: deleting exactly what nothing refers to, here and in locations.

Here: a blob goes that no area keeps, and that was not put or renewed within the grace, nor since
the oldest lease that is held. In a location others may keep blobs too: each state file writes
down what it refers to there, and all of those lists are kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from devbox.errors import DevboxError
from devbox.state import lock
from devbox.storage.backend import Item
from devbox.storage.blobs import GRACE_SECONDS
from devbox.storage.records import HERE, Swept
from devbox.storage.service import Storage

UPLOAD_SECONDS = 7 * 86400.0
"""How long an upload that was not finished is kept, to be gone on with."""


def collect(
    storage: Storage,
    names: Iterable[str] = (HERE,),
    *,
    delete: bool = False,
    grace: float = GRACE_SECONDS,
) -> tuple[Swept, ...]:
    """Collect garbage on this machine (``here``) or in locations; without ``delete`` tell only
    what would go. ``grace`` is in seconds."""
    found = []
    for name in names:
        if name == HERE:
            found.append(_here(storage, delete=delete, grace=grace))
        else:
            found.append(_there(storage, name, delete=delete, grace=grace))
    return tuple(found)


def _here(storage: Storage, *, delete: bool, grace: float) -> Swept:
    # What is put from now on is new; what was referred to before is in what the areas keep.
    kept = storage.kept()
    gone = storage.blobs.gc(kept, dry_run=not delete, grace=grace)
    count = storage.blobs.usage().count - (0 if delete else len(gone.digests))
    return Swept(HERE, gone.digests, gone.size, count, 0, delete)


def _there(storage: Storage, name: str, *, delete: bool, grace: float) -> Swept:
    where, mine = storage.get(name), storage.installation
    before = time.time() - grace
    with storage.open(where) as shelf, lock(storage.locks / f"gc-{where.name}.lock"):
        if not delete:
            listed = list(shelf.ls())
            doomed = _doomed(listed, storage.kept() | shelf.referred(but=mine), before)
            size = sum(doomed.values())
            return Swept(name, tuple(doomed), size, len(listed) - len(doomed), 0, done=False)
        with shelf.collecting(mine, storage.who) as until:
            listed = list(shelf.ls())
            # What we refer to and lies there, whoever has put it there.
            own = storage.kept() & {digest for digest, _ in listed}
            shelf.refer(mine, storage.who, own)
            doomed = _doomed(listed, own | shelf.referred(but=mine), before)
            for digest in doomed:
                if time.time() > until:
                    raise DevboxError(
                        f"Collecting garbage in {name} takes too long; it was stopped.",
                        hint="Run it again: it goes on with the rest.",
                    )
                shelf.remove(digest)
            unfinished = shelf.sweep(time.time() - max(grace, UPLOAD_SECONDS))
        storage.store.unplace(name, doomed)
    size = sum(doomed.values())
    return Swept(name, tuple(doomed), size, len(listed) - len(doomed), unfinished, done=True)


def _doomed(listed: Iterable[tuple[str, Item]], kept: set[str], before: float) -> dict[str, int]:
    return {
        digest: item.size
        for digest, item in listed
        if digest not in kept and item.modified < before
    }
