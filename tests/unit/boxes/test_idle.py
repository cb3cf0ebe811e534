"""What a box that stops by itself says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.idle import Idle, keep, parse, with_idle
from devbox.boxes.view import BoxView, by_box, view
from devbox.cli.output import duration
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import Container, ExecResult
from devbox.errors import DevboxError
from tests.contract_engine import tar

LABELS = {"devbox.owner": "o", "devbox.box": "b", "devbox.role": "box"}
LINE = "idle\t100\t400\t290\t\n"


def test_a_line_of_each_kind() -> None:
    assert parse(LINE) == Idle("idle", 100, 400, 290, "")
    assert parse("busy\t100\t\t300\tpython a\tb\n") == Idle("busy", 100, None, 300, "python a?b")


@given(st.text())
def test_any_other_text_is_nothing_or_harmless(text: str) -> None:
    found = parse(text)
    assert found is None or found.reason.isprintable()


class Engine(FakeEngine):
    """Its one container has a line for us."""

    def __init__(self, folder: Path, labels: dict[str, str]) -> None:
        super().__init__()
        self.line = LINE
        self.add_image("i:1")
        file = folder / "compose.yaml"
        pairs = ", ".join(f'"{name}": "{value}"' for name, value in labels.items())
        file.write_text(f'{{"services": {{"box": {{"image": "i:1", "labels": {{{pairs}}}}}}}}}')
        self.compose_up("p", file)
        self.calls.clear()

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        self._asked("get")
        return iter([tar({"idle": self.line.encode()})])


def boxes(containers: tuple[Container, ...]) -> list[BoxView]:
    return [view(box, found, None) for box, found in by_box(containers).items()]


def test_only_boxes_that_stop_are_asked(tmp_path: Path) -> None:
    engine = Engine(tmp_path, LABELS)
    containers = engine.containers({})
    (box,) = with_idle(engine, boxes(containers), containers)
    assert box.idle is None
    assert "get" not in engine.calls


def test_what_it_says_fits_its_state(tmp_path: Path) -> None:
    engine = Engine(tmp_path, LABELS | {"devbox.stop_after": "300"})
    (container,) = engine.containers({})

    def told(state: str) -> Idle | None:
        found = (replace(container, state=state),)
        return with_idle(engine, boxes(found), found)[0].idle

    assert told("running") == parse(LINE)
    assert told("exited") is None  # a person stopped it
    engine.line = "stopped\t1\t1\t0\tidle for 300 s\n"
    assert told("exited") == parse(engine.line)
    assert told("running") is None  # it was started a moment ago
    engine.line = "nonsense"
    assert told("running") is None


def test_keep_is_for_boxes_that_stop(tmp_path: Path) -> None:
    engine = Engine(tmp_path, LABELS)
    with pytest.raises(DevboxError, match="does not stop by itself"):
        keep(engine, engine.containers({})[0], 60)
    engine = Engine(tmp_path, LABELS | {"devbox.stop_after": "300"})
    keep(engine, engine.containers({})[0], 0.5)
    assert engine.executed[-1].argv[1:] == ("keep", "1")
    engine.script = lambda argv, _: ExecResult(1, b"", b"no disk\n")
    with pytest.raises(DevboxError) as failed:
        keep(engine, engine.containers({})[0], 60)
    assert failed.value.detail == ("no disk",)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 m"), (3599, "59 m"), (7260, "2 h 1 m")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
