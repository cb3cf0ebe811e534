"""Waiting for services and for the box itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from devbox.boxes.ready import READY, SETTLED, wait_healthy, wait_ready
from devbox.boxes.status import limits_of
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import Container, ExecResult
from devbox.errors import DevboxError
from devbox.progress import Progress, silent

TEST = {"test": ["CMD-SHELL", "pg_isready"], "interval": "10ms", "timeout": "1.5s", "retries": 2}


class Slow(FakeEngine):
    """Its commands answer in turn; None is one that hangs. Notes how long each may take."""

    def __init__(self, *answers: int | None) -> None:
        super().__init__(self._answer)
        self.answers = list(answers)
        self.timeouts: list[float | None] = []

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        del argv, data
        code = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if code is None:
            raise TimeoutError
        return ExecResult(code, b"", b"")

    def call(self, ref: str, argv: Sequence[str], **options: Any) -> ExecResult:
        self.timeouts.append(options.get("timeout"))
        return super().call(ref, argv, **options)


def running(engine: FakeEngine, folder: Path, **more: Any) -> Container:
    engine.add_image("debian:1")
    file = folder / "compose.yaml"
    service = {"image": "debian:1", "labels": {"devbox.box": "churn"}, **more}
    file.write_text(json.dumps({"services": {"db": service}}))
    engine.compose_up("p", file)
    found = engine.container("p-db-1")
    assert found is not None
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that passes only while something sleeps: what it slept."""
    slept: list[float] = []
    monkeypatch.setattr("devbox.boxes.ready.time.sleep", slept.append)
    monkeypatch.setattr("devbox.boxes.ready.time.monotonic", lambda: sum(slept))
    return slept


def test_a_check_is_tried_until_it_succeeds(tmp_path: Path, clock: list[float]) -> None:
    engine = Slow(1, None, 0)
    told: list[Progress] = []
    wait_healthy(engine, "db", running(engine, tmp_path, healthcheck=TEST), told.append)
    assert engine.timeouts == [1.5, 1.5, 1.5]
    assert len(clock) == 2
    assert [each.text for each in told] == ["waiting until it is healthy"]


def test_a_check_that_hangs_ends(tmp_path: Path, clock: list[float]) -> None:
    engine = Slow(None)
    service = running(engine, tmp_path, healthcheck={"test": "hang", "interval": "20s"})
    engine.say(service.id, "its last line")
    with pytest.raises(DevboxError, match="Service db is not healthy after 60 s") as caught:
        wait_healthy(engine, "db", service, silent)
    assert caught.value.detail == ("its last line",)
    assert set(engine.timeouts) == {30.0}
    assert sum(clock) > 60


@pytest.mark.parametrize("check", [None, {"test": ["NONE"]}, {"disable": True}])
def test_without_a_check_it_need_only_stay_up(
    tmp_path: Path, clock: list[float], check: Mapping[str, Any] | None
) -> None:
    engine = Slow(1)
    service = running(engine, tmp_path, **({"healthcheck": check} if check else {}))
    wait_healthy(engine, "db", service, silent)
    assert engine.timeouts == []
    assert SETTLED <= sum(clock) < 2 * SETTLED
    engine.stop(service.id)
    with pytest.raises(DevboxError, match="Service db stopped while it was starting"):
        wait_healthy(engine, "db", service, silent)


def test_the_box_says_when_it_is_ready(tmp_path: Path) -> None:
    engine = FakeEngine()
    box = running(engine, tmp_path)
    engine.say(box.id, READY)
    told: list[Progress] = []
    wait_ready(engine, box, told.append)
    assert told == [Progress("start", "churn", "preparing the home folder")]


def test_a_box_that_ends_instead(tmp_path: Path) -> None:
    engine = FakeEngine()
    box = running(engine, tmp_path)
    for number in range(30):
        engine.say(box.id, f"line {number}")
    engine.stop(box.id)
    with pytest.raises(DevboxError, match=r"exit code 137") as caught:
        wait_ready(engine, box, silent)
    assert caught.value.detail == tuple(f"line {number}" for number in range(10, 30))


def test_limits_as_the_engine_tells_them(tmp_path: Path) -> None:
    gpu = {"capabilities": ["gpu"], "driver": "cdi", "device_ids": ["a", "b"]}
    limits = limits_of(
        running(
            FakeEngine(),
            tmp_path,
            cpus=1.5,
            mem_limit=1 << 30,
            shm_size=2 << 30,
            deploy={"resources": {"reservations": {"devices": [gpu]}}},
        )
    )
    assert (limits.cpus, limits.memory, limits.shm_size) == (1.5, 1 << 30, 2 << 30)
    assert limits.gpus == ("a,b",)
    none = limits_of(running(FakeEngine(), tmp_path))
    assert (none.cpus, none.memory, none.gpus) == (None, None, ())
