"""A run as the code in it sees it: what it logs goes into its journal at once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time_ns
from typing import Any

from devbox.journal import artifacts
from devbox.journal.checks import checked_key, checked_step, checked_text, checked_value
from devbox.journal.writer import Journal
from devbox.redact import redacted_value

SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"


class Run:
    """One run, open for logging; safe to use from several threads, and in children of a fork.

    ``id`` is its name for ever; ``folder`` is where its journals and artifacts are until the
    outside takes them in.
    """

    def __init__(self, run_id: str, spool: Path) -> None:
        self.id = run_id
        self.folder = spool / run_id
        self._journal = Journal(self.folder, run_id)
        self._write = self._journal.write
        self._series: dict[str, tuple[str, Iterator[int]]] = {}
        self._guard = threading.Lock()

    def log_metric(
        self, key: str, value: Any, step: int | None = None, *, time: float | None = None
    ) -> None:
        """Log one point of a metric: any number, NaN and infinities too.

        Without a ``step`` it is the number of points that this process has logged of the metric;
        ``time`` is in seconds since the epoch, now by default. Raises UsageError for what is no
        number or no name.
        """
        known = self._series.get(key) or self._new_series(key)
        if step is None:
            step = next(known[1])
        elif type(step) is not int or step.bit_length() > 63:
            step = checked_step(key, step)
        if type(value) is not float:
            value = checked_value(key, value)
        now = time_ns() if time is None else round(time * 1e9)
        self._write(f"m {now} {step} {value!r} {known[0]}\n".encode())

    def log_metrics(
        self, values: Mapping[str, Any], step: int | None = None, *, time: float | None = None
    ) -> None:
        """Log one point of several metrics, all with the same time: either all or none of them
        are kept."""
        now = time_ns() if time is None else round(time * 1e9)
        lines = []
        for key, value in values.items():
            suffix, steps = self._series.get(key) or self._new_series(key)
            number = checked_value(key, value)
            at = next(steps) if step is None else checked_step(key, step)
            lines.append(f"m {now} {at} {number!r} {suffix}\n")
        self._write("".join(lines).encode())

    def log_param(self, key: str, value: Any) -> None:
        """Log what the run was made with. A param that is logged again has its newest value."""
        self.log_params({key: value})

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Log several params; lists, tuples and dicts are kept as JSON. What looks like a secret
        is masked, see :mod:`devbox.redact`."""
        self._texts("params", values)

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag, by which runs are found."""
        self.set_tags({key: value})

    def set_tags(self, values: Mapping[str, Any]) -> None:
        """Set several tags."""
        self._texts("tags", values)

    def log_artifact(self, source: str | Path, path: str = "") -> None:
        """Keep a copy of a file or folder with the run, as ``path`` or under its own name.

        Raises UsageError for a path that leads out of the run, DevboxError where the file can't
        be read, or vanishes or changes meanwhile.
        """
        for kept in artifacts.keep(Path(source), path, self.folder):
            self.note("artifact", **kept)

    def log_text(self, text: str, path: str) -> None:
        """Keep a text as a file of the run."""
        self.note("artifact", **artifacts.keep_bytes(text.encode("utf-8"), path, self.folder))

    def log_figure(self, figure: Any, path: str) -> None:
        """Keep a plot: a matplotlib figure as what the path's ending says, a plotly one as
        HTML."""
        content = artifacts.drawn(figure, path)
        self.note("artifact", **artifacts.keep_bytes(content, path, self.folder))

    def log_input(self, name: str, *, version: str = "", digest: str = "", uri: str = "") -> None:
        """Note data that the run reads: a dataset version, or anything with a digest or a
        place."""
        fields = {"version": version, "digest": digest, "uri": uri}
        texts = {field: checked_text(field, value) for field, value in fields.items()}
        self.note("input", name=checked_key(name), **texts)

    def note(self, kind: str, **fields: Any) -> None:
        """Write down something else of the run, with the time."""
        self._journal.note(kind, time=time_ns(), **fields)

    def close(self) -> None:
        """Let go of the journal, without saying that the run is over."""
        self._journal.close()

    def _texts(self, kind: str, values: Mapping[str, Any]) -> None:
        texts = {
            checked_key(key): redacted_value(key, checked_text(key, value))
            for key, value in values.items()
        }
        # Each record stays well below what a reader takes for one.
        for some in _batches(texts):
            self.note(kind, values=some)

    def _new_series(self, key: object) -> tuple[str, Iterator[int]]:
        name = checked_key(key)
        with self._guard:
            return self._series.setdefault(name, (name, itertools.count()))


def _batches(texts: Mapping[str, str], size: int = 1 << 17) -> Iterator[dict[str, str]]:
    batch: dict[str, str] = {}
    room = size
    for key, text in texts.items():
        if batch and room < len(text):
            yield batch
            batch, room = {}, size
        batch[key] = text
        room -= len(key) + len(text)
    if batch:
        yield batch
