"""The fake engine does what the real one does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.faults import EngineError
from devbox.compute.engine.types import ExecResult
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


def test_failures_are_injected_in_turn(engine: FakeEngine) -> None:
    engine.fail("ping", EngineError("one"))
    engine.fail("ping", EngineError("two"))
    for message in ("one", "two"):
        with pytest.raises(EngineError, match=message):
            engine.ping()
    engine.ping()
    assert engine.calls.count("ping") == 3
