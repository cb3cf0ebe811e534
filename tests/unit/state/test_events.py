from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devbox.state import Event, State


@pytest.fixture
def state(home: Path) -> Iterator[State]:
    with State(home, actor="ada") as opened:
        yield opened


def test_an_event_comes_back_as_it_was_written(state: State) -> None:
    before = time.time()
    number = state.events.append("box/ada/api", "box.started", image="base", subject="in data")
    [event] = state.events.ls()
    assert event == Event(
        number,
        event.time,
        "ada",
        "box/ada/api",
        "box.started",
        {"image": "base", "subject": "in data"},
    )
    assert before <= event.time <= time.time()


def test_the_actor_is_the_person_unless_given(state: State) -> None:
    state.events.append("a", "k", actor="daemon")
    assert state.events.ls()[0].actor == "daemon"
    with State(state.home, actor="grace") as other:
        other.events.append("a", "k")
    assert state.events.ls()[1].actor == "grace"


def test_filters(state: State) -> None:
    for number in range(6):
        state.events.append(f"box/ada/{number % 2}", f"box.{'up' if number < 3 else 'down'}")
    ids = [event.id for event in state.events.ls()]
    assert ids == sorted(ids)

    def kept(**filters: object) -> list[int]:
        return [ids.index(event.id) for event in state.events.ls(**filters)]  # type: ignore[arg-type]

    assert kept(subject="box/ada/1") == [1, 3, 5]
    assert kept(subject="box/*/0", kind="box.down") == [4]
    assert kept(subject="box/ada/%") == []
    assert kept(after=ids[3]) == [4, 5]
    assert kept(limit=2) == [0, 1]
    assert kept(last=2) == [4, 5]
    assert kept(last=0) == []
    assert kept(since=time.time() + 60) == []
    assert kept(since=0.0) == [0, 1, 2, 3, 4, 5]


def test_the_last_id(state: State) -> None:
    assert state.events.last_id() == 0
    number = state.events.append("a", "k")
    assert state.events.last_id() == number


def test_values_that_json_lacks_are_text(state: State) -> None:
    state.events.append("a", "k", path=Path("/x"), error=ValueError("no"))
    assert state.events.ls()[0].data == {"path": "/x", "error": "no"}


def test_an_event_in_a_failed_transaction_never_happened(state: State) -> None:
    with pytest.raises(ZeroDivisionError), state.transaction():
        assert state.events.append("a", "k") / 0
    assert state.events.ls() == []


def test_following_sees_own_and_other_writers_in_order(state: State) -> None:
    first = state.events.append("a", "before")
    stop = threading.Event()
    follower = state.events.follow(after=0, stop=stop, poll=0.001)
    assert next(follower).id == first

    def write() -> None:
        with State(state.home, actor="ada") as other:
            other.events.append("b", "elsewhere")

    writer = threading.Thread(target=write)
    writer.start()
    assert next(follower).kind == "elsewhere"
    writer.join()
    state.events.append("c", "here")
    assert next(follower).kind == "here"
    stop.set()
    assert list(follower) == []


def test_following_begins_with_what_comes_next(state: State) -> None:
    state.events.append("a", "old")
    stop = threading.Event()
    found: list[str] = []
    ready = threading.Event()

    def read() -> None:
        position = state.events.last_id()
        ready.set()
        for event in state.events.follow(after=position, kind="new*", stop=stop, poll=0.001):
            found.append(event.kind)
            stop.set()

    reader = threading.Thread(target=read)
    reader.start()
    ready.wait()
    state.events.append("a", "other")
    state.events.append("a", "new")
    reader.join()
    assert found == ["new"]


def test_a_stopped_follower_ends_at_once(state: State) -> None:
    stop = threading.Event()
    stop.set()
    assert list(state.events.follow(stop=stop)) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    with State(tmp_path_factory.mktemp("roundtrip"), actor="ada") as opened:
        yield opened


@settings(max_examples=50, deadline=None)
@given(subject=st.text(), data=st.dictionaries(st.text(), json_values))
def test_any_data_roundtrips(shared: State, subject: str, data: dict[str, object]) -> None:
    data.pop("actor", None)
    number = shared.events.append(subject, "k", **data)  # type: ignore[arg-type]
    [event] = shared.events.ls(after=number - 1)
    assert (event.subject, event.data) == (subject, data)


def test_bytes_of_a_path_that_are_no_text_are_kept(state: State) -> None:
    state.events.append("a", "k", path="/\udcff")
    assert state.events.ls()[0].data == {"path": "/\udcff"}
