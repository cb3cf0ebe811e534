"""The last value of a metric of a run that goes on, from its journals."""

from __future__ import annotations

from pathlib import Path

from devbox.journal.reader import parse
from devbox.journal.writer import SUFFIX

PORTION = 4 << 20


def last_value(folder: Path, key: str) -> float | None:
    """The value with the newest time, of all processes that have logged it; None without one."""
    newest: tuple[int, float] | None = None
    for journal in sorted(folder.glob(f"*{SUFFIX}")):
        with journal.open("rb") as file:
            rest = b""
            while data := file.read(PORTION):
                data = rest + data
                batch = parse(data)
                rest = data[batch.consumed :]
                points = batch.points.get(key)
                for time, value in zip(points.times, points.values) if points else ():  # noqa: B905
                    if newest is None or time >= newest[0]:
                        newest = time, value
    return newest[1] if newest else None
