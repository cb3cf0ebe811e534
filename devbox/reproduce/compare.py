"""Whether what came out is what was recorded. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from devbox.models.content import SYSTEM
from devbox.reproduce.records import EXACT, GONE, OFF, WITHIN, Row
from devbox.runs.records import RunRecord

TOLERANCE = 1e-6
"""By how much of its size a metric may differ."""


def rows(
    recorded: Mapping[str, float],
    now: Mapping[str, float],
    tolerance: float = TOLERANCE,
    ignored: Sequence[str] = (),
) -> tuple[Row, ...]:
    """Each recorded metric beside what it is now; those of the machine and the ``ignored`` ones
    (patterns such as ``time/*``) are left out."""
    return tuple(
        row(key, value, now.get(key), tolerance)
        for key, value in sorted(recorded.items())
        if not key.startswith(SYSTEM) and not any(fnmatchcase(key, each) for each in ignored)
    )


def row(key: str, recorded: float, now: float | None, tolerance: float) -> Row:
    """One metric. NaN is NaN, and an infinity only itself."""
    if now is None:
        return Row(key, recorded, None, None, GONE)
    if recorded == now or (math.isnan(recorded) and math.isnan(now)):
        return Row(key, recorded, now, 0.0, EXACT)
    if not (math.isfinite(recorded) and math.isfinite(now)):
        return Row(key, recorded, now, None, OFF)
    # Halves, since the difference of two large numbers may have no float.
    largest = max(abs(recorded), abs(now))
    difference = abs(recorded / 2 - now / 2) / (largest / 2) if largest / 2 else 0.0
    return Row(key, recorded, now, difference, WITHIN if difference <= tolerance else OFF)


def counterpart(
    original: RunRecord | None, tree: Sequence[RunRecord], registered: Sequence[str]
) -> RunRecord:
    """Of a run and those below it, the one that stands for the original: what ``registered`` the
    model, else the one of the same name and params, else the uppermost."""
    for run in reversed(tree):
        if run.id in registered:
            return run
    for run in tree:
        if original and (run.name, run.params) == (original.name, original.params):
            return run
    return tree[0]
