"""Runs from elsewhere are runs like any other."""

from __future__ import annotations

import io
import math
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbox.errors import DevboxError
from devbox.journal.ids import new_id
from devbox.runs.bring import bring_in, checked_journal, journal_of, nanoseconds
from devbox.runs.records import Artifact, Input, RunRecord
from devbox.runs.series import Series
from devbox.runs.store import RunStore
from devbox.state import State

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30)
_KEY = _TEXT.filter(lambda text: text.isprintable() and text.strip() == text != "")
_TIME = st.integers(0, 1 << 61).map(lambda value: value / 1e9)
_POINTS = st.lists(
    st.tuples(st.integers(0, 1 << 60), st.integers(-(1 << 63) + 1, (1 << 63) - 1), st.floats()),
    min_size=1,
    max_size=20,
).map(lambda points: sorted(points, key=lambda point: point[0]))
_DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64)
_RUN = st.builds(
    RunRecord,
    id=st.builds(new_id),
    parent=st.just("") | st.builds(new_id),
    experiment=_KEY,
    name=_TEXT,
    status=st.sampled_from(["succeeded", "failed", "cancelled"]),
    started=_TIME,
    ended=_TIME,
    user=_TEXT,
    host=_TEXT,
    box=st.just(""),
    error=_TEXT,
    command=st.lists(_TEXT, max_size=3).map(tuple),
    folder=_TEXT,
    code=st.dictionaries(st.sampled_from(["commit", "dirty", "root"]), _TEXT | st.booleans()),
    environment=st.dictionaries(
        st.sampled_from(["python", "packages"]), _TEXT | st.dictionaries(_KEY, _TEXT, max_size=3)
    ),
    params=st.dictionaries(_KEY, _TEXT, max_size=3),
    tags=st.dictionaries(_KEY, _TEXT, max_size=3),
    artifacts=st.lists(
        st.builds(
            Artifact,
            st.sampled_from(["a", "b/c.png", "d e"]),
            _DIGEST,
            st.integers(0, 1 << 62),
        ),
        max_size=2,
        unique_by=lambda each: each.path,
    ).map(lambda some: tuple(sorted(some, key=lambda each: each.path))),
    inputs=st.lists(st.builds(Input, _KEY, _TEXT, _TEXT, _TEXT), max_size=1).map(tuple),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(State(tmp_path_factory.mktemp("home"), actor="tester"))


def series(key: str, points: Sequence[tuple[int, int, float]]) -> Series:
    times, steps, values = zip(*points, strict=True)
    return Series(key, array("q", times), array("q", steps), array("d", values))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(_RUN, st.dictionaries(_KEY, _POINTS, max_size=2))
def test_a_run_comes_back(
    store: RunStore, run: RunRecord, metrics: dict[str, list[tuple[int, int, float]]]
) -> None:
    """All of it, and the same bytes again."""
    columns = [series(key, points) for key, points in sorted(metrics.items())]
    written = b"".join(journal_of(run, columns))
    digests = [each.digest for each in run.artifacts]
    checked_journal(run.id, io.BytesIO(written), digests)
    assert bring_in(store, run.id, io.BytesIO(written))
    assert not bring_in(store, run.id, io.BytesIO(written))
    found = store.get(run.id)
    assert found
    for key, value in found.metrics.items():
        # Of points at the same time any may be the last. The sign of a zero is kept in the points.
        newest = max(time for time, _, _ in metrics[key])
        last = [point for time, _, point in metrics[key] if time == newest]
        assert value in last or (math.isnan(value) and any(map(math.isnan, last)))
    kept = [store.series(run.id, key) for key in sorted(metrics)]
    assert b"".join(journal_of(found, [each for each in kept if each])) == written


@given(st.integers(0, 1 << 62))
def test_times_come_back(value: int) -> None:
    seconds = value / 1e9
    assert nanoseconds(seconds) / 1e9 == seconds


def test_a_lost_run(store: RunStore) -> None:
    run = new_id()
    journal = b'{"kind":"journal","run":"%s"}\nm 1 1 nan loss\n' % run.encode()
    assert bring_in(store, run, io.BytesIO(journal), lost=5.0)
    found = store.get(run)
    assert found
    assert (found.status, found.ended) == ("lost", 5.0)
    assert math.isnan(found.metrics["loss"])


def test_a_removed_run_comes_back(store: RunStore) -> None:
    run = new_id()
    journal = b'{"kind":"journal","run":"%s"}\n' % run.encode()
    assert bring_in(store, run, io.BytesIO(journal))
    assert store.remove([run]) == [run]
    assert bring_in(store, run, io.BytesIO(journal))
    assert store.get(run)


def test_damage_keeps_nothing(tmp_path: Path) -> None:
    run = new_id()
    journal = b'{"kind":"journal","run":"%s"}\n' % run.encode() + b"m 1 1 1.0 x\n" * 400_000
    with State(tmp_path / "other", actor="tester") as state:
        store = RunStore(state)
        with pytest.raises(DevboxError, match="damaged"), state.transaction():
            bring_in(store, run, io.BytesIO(journal + b"m x\n"))
        assert store.get(run) is None
