"""Runs from elsewhere: a run as one journal, and such a journal taken in.

What was brought in is a run like any other: the same journal, read by the same reader.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from devbox.errors import DevboxError
from devbox.journal.reader import LONGEST_LINE, Batch, parse
from devbox.journal.writer import SUFFIX, VERSION
from devbox.runs import notes
from devbox.runs.records import ENDS, QUEUED, RUNNING, RunRecord
from devbox.runs.series import Series
from devbox.runs.store import RunStore
from devbox.storage.blobs import Readable

PORTION = 4 << 20
"""Bytes that are read at a time."""
POINTS = 4096
"""Points that are written at a time."""
KINDS = frozenset(
    {"journal", "start", "code", "environment", "params", "tags", "artifact", "input", "end"}
)
"""The notes of a run that comes from elsewhere: it registers no models by itself."""


def journal_of(run: RunRecord, series: Iterable[Series]) -> Iterator[bytes]:
    """A run that is over, with all points of its metrics, as the lines of one journal. The same
    run always gives the same bytes."""
    begin = nanoseconds(run.started)
    yield _line("journal", version=VERSION, run=run.id)
    yield _line(
        "start",
        time=begin,
        parent=run.parent,
        name=run.name,
        experiment=run.experiment,
        user=run.user,
        host=run.host,
        command=list(run.command),
        folder=run.folder,
    )
    for kind, facts in (("code", run.code), ("environment", run.environment)):
        if facts:
            yield _line(kind, **facts)
    for kind, pairs in (("params", run.params), ("tags", run.tags)):
        for key, value in sorted(pairs.items()):
            yield _line(kind, values={key: value})
    for each in run.inputs:
        told = {"version": each.version, "digest": each.digest, "uri": each.uri}
        yield _line("input", name=each.name, **told)
    for file in run.artifacts:
        yield _line("artifact", time=begin, path=file.path, size=file.size, sha256=file.digest)
    for one in series:
        yield from _points(one)
    if run.status in ENDS:
        yield _line("end", time=nanoseconds(run.ended or 0.0), status=run.status, error=run.error)


def batches(stream: Readable) -> Iterator[tuple[int, Batch]]:
    """What a journal from elsewhere says, as (the byte where it begins, what is there).

    Raises DevboxError for what is none: a line that can't be read, or a note of another kind.
    """
    start, rest, ended = 0, b"", False
    while not ended:
        data = stream.read(PORTION)
        ended = not data
        rest += data
        batch = parse(rest, ended=ended)
        strange = {note["kind"] for note in batch.notes} - KINDS
        if batch.damaged or strange:
            told = [f"a note that does not belong there: {kind[:60]!r}" for kind in strange]
            raise _damaged("The record of a run is damaged.", told)
        if batch.consumed:
            yield start, batch
        start += batch.consumed
        rest = rest[batch.consumed :]
        assert len(rest) <= LONGEST_LINE


def bring_in(store: RunStore, run: str, stream: Readable, lost: float = 0.0) -> bool:
    """Take in a run from elsewhere, in a transaction of the caller's; False where it is here
    already, and then it is left as it is. One that was removed here comes back.

    ``lost`` is when one was lost that never said how it ended. What its artifacts hold is stored
    before.
    """
    if store.get(run) is not None:
        return False
    store.readmit(run)
    # Of one name wherever it comes from: its bytes are taken in once.
    journal = hashlib.sha256(f"brought in {run}".encode()).hexdigest()[:32] + SUFFIX
    for start, batch in batches(stream):
        if not store.take(run, journal, start, batch):
            raise DevboxError(f"Run {run} was taken in by somebody else meanwhile.")
    store.lose(run, lost)
    return True


def checked_journal(run: str, stream: Readable, digests: Collection[str]) -> None:
    """Read a journal from elsewhere to its end. Raises DevboxError where it is not that of ``run``,
    or names files whose content is not among ``digests``."""
    first = True
    for _, batch in batches(stream):
        for note in batch.notes:
            if first and (note["kind"] != "journal" or note.get("run") != run):
                raise _damaged(f"What should be run {run} is another one.")
            first = False
            if note["kind"] == "artifact":
                file = notes.artifact(note)
                if file is None or file.digest not in digests:
                    raise _damaged(f"Run {run} names a file that is not there.")
    if first:
        raise _damaged(f"Of run {run} nothing is there.")


def _damaged(message: str, detail: Sequence[str] = ()) -> DevboxError:
    return DevboxError(message, hint="Export or copy the file again.", detail=detail)


def is_over(run: RunRecord) -> bool:
    """Whether a run is over."""
    return run.status not in {QUEUED, RUNNING}


def nanoseconds(seconds: float) -> int:
    """A time as journals tell it, such that it is read as the very same number."""
    near = round(seconds * 1e9)
    for some in (0, 64, -64, 128, -128, 256, -256):
        if (near + some) / 1e9 == seconds:
            return near + some
    return near


def _points(series: Series) -> Iterator[bytes]:
    key = f" {series.key}\n"
    columns = zip(series.times, series.steps, series.values, strict=True)
    lines: list[str] = []
    for time, step, value in columns:
        lines.append(f"m {time} {step} {value!r}{key}")
        if len(lines) >= POINTS:
            yield "".join(lines).encode()
            lines.clear()
    if lines:
        yield "".join(lines).encode()


def _line(kind: str, **fields: Any) -> bytes:
    written = {"kind": kind, **fields}
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
