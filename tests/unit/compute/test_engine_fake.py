"""The fake engine does what the real one does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.fakeexec import Executed
from devbox.compute.engine.faults import EngineError
from devbox.compute.engine.types import Container, Engine, ExecResult
from tests.contract_engine import EngineContract


def script(argv: Sequence[str], data: bytes) -> ExecResult:
    if argv[0] == "sh":
        return ExecResult(7, b"out\n", b"err\n")
    if argv[0] == "nosuch":
        return ExecResult(127, b"", b"nosuch: not found\n")
    return ExecResult(0, data, b"")


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine(script)
    made.add_image("debian:bookworm-slim")
    return made


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def image(self) -> str:
        return "debian:bookworm-slim"

    @pytest.fixture
    def project(self) -> str:
        return "devbox-tester-contract"

    @pytest.fixture
    def port(self) -> int:
        return 18999

    def pause(self, engine: Engine, container: Container) -> None:
        assert isinstance(engine, FakeEngine)
        engine.set(container.id, state="paused")

    def test_what_was_executed_and_how(self, engine: FakeEngine, running: Container) -> None:
        engine.call(running.id, ["true"], user="1:2", cwd="/x", env={"A": "b"}, timeout=1)
        engine.exec(running.id, ["sh"], tty=True).close()
        assert engine.executed == [
            Executed(running.name, ("true",), "1:2", "/x", {"A": "b"}, tty=False),
            Executed(running.name, ("sh",), "", "", {}, tty=True),
        ]

    def test_a_command_that_takes_too_long(self, engine: FakeEngine, running: Container) -> None:
        def hang(argv: Sequence[str], data: bytes) -> ExecResult:
            raise TimeoutError

        engine.script = hang
        assert engine.call(running.id, ["true"], timeout=1).code == 137
        with pytest.raises(TimeoutError):
            engine.call(running.id, ["true"])


def test_failures_are_injected_in_turn(engine: FakeEngine) -> None:
    engine.fail("ping", EngineError("one"))
    engine.fail("ping", EngineError("two"))
    for message in ("one", "two"):
        with pytest.raises(EngineError, match=message):
            engine.ping()
    engine.ping()
    assert engine.calls.count("ping") == 3
