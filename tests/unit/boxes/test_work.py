"""What counts as running work, from what the program in the box says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.work import KINDS, Ending, Work, keep_work, parse, running_work
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import Container, ExecResult
from devbox.errors import Refused


def test_lines_become_work_in_order() -> None:
    lines = b"process\t9\tnohup.py\ntask\t12\tpython train.py --name a\tb\nkernel\t3\tx.ipynb\n"
    assert parse(lines) == (
        Work("task", 12, "python train.py --name a?b"),
        Work("kernel", 3, "x.ipynb"),
        Work("process", 9, "nohup.py"),
    )


def test_hooks_and_what_is_no_line_are_left_out() -> None:
    assert parse(b"hook\t4\tmake data\nsh: awk: not found\ntask\tx\ty\ntask 1 2\n\n") == ()


@given(st.binary())
def test_nothing_that_a_box_says_breaks_a_terminal(data: bytes) -> None:
    for work in parse(b"task\t1\t" + data):
        assert work.kind in KINDS
        assert work.detail.isprintable()
        assert len(work.detail) <= 203


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    made = FakeEngine(lambda argv, _: ExecResult(0, b"task\t5\tsleep 9\n", b""))
    made.add_image("i:1")
    file = tmp_path / "compose.yaml"
    file.write_text('{"services": {"box": {"image": "i:1"}}}')
    made.compose_up("p", file)
    return made


def own(engine: FakeEngine) -> Container:
    return engine.containers({})[0]


def test_a_running_box_is_asked_as_root(engine: FakeEngine) -> None:
    assert running_work(engine, own(engine)) == (Work("task", 5, "sleep 9"),)
    assert engine.executed[-1].user == "0:0"


def test_what_does_not_run_has_no_work(engine: FakeEngine) -> None:
    container = own(engine)
    assert running_work(engine, replace(container, state="exited")) == ()
    engine.stop(container.id)  # between the listing and the question
    assert running_work(engine, container) == ()


def test_a_box_that_cannot_be_looked_into_counts_as_work(engine: FakeEngine) -> None:
    container = own(engine)
    (paused,) = running_work(engine, replace(container, state="paused"))
    engine.script = lambda argv, _: ExecResult(127, b"", b"not found")
    (broken,) = running_work(engine, container)

    def hangs(argv: object, _: bytes) -> ExecResult:
        raise TimeoutError

    engine.script = hangs
    (hung,) = running_work(engine, container)
    for work in (paused, broken, hung):
        assert (work.kind, work.pid) == ("process", 0)
        assert "can't be told" in str(work)


def test_without_anybody_to_ask_work_stays() -> None:
    keep_work(Ending("b", "stop", ()))
    with pytest.raises(Refused) as refused:
        keep_work(Ending("b", "stop", (Work("task", 5, "sleep 9"),)))
    assert refused.value.detail == ("task 5: sleep 9",)
    assert "--yes" in refused.value.hint
