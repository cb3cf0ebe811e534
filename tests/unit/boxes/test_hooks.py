from __future__ import annotations

import threading
from typing import cast

import pytest

from devbox.boxes import clock as clocks
from devbox.boxes.clock import Clock
from devbox.boxes.start import hooks_of
from devbox.compute.engine.types import Container, Exec
from devbox.config.spec import Hooks


class Command:
    """A command that ends when it is told to."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.told = 0

    def tell(self) -> None:
        self.told += 1
        if self.told == 3:
            self.over.set()

    def abort(self) -> None:
        self.over.set()

    def read(self) -> None:
        assert self.over.wait(20)
        raise ConnectionResetError

    def watch(self, clock: Clock) -> None:
        with clock.watching(cast("Exec", self), self.tell, self.over.set):
            assert self.over.wait(20)


def test_the_time_is_up() -> None:
    clock = Clock(0.05)
    Command().watch(clock)
    assert clock.overdue


def test_what_cannot_be_killed_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "KILLED_BY_NOW", 0.05)
    clock = Clock(0.05)
    with clock.watching(cast("Exec", command := Command()), command.tell, lambda: None):
        command.read()
    assert clock.overdue


def test_a_broken_connection_is_told_unless_we_broke_it() -> None:
    command = Command()
    clock = Clock(0)
    watching = clock.watching(cast("Exec", command), command.tell, command.abort)
    with pytest.raises(ConnectionResetError), watching:
        raise ConnectionResetError
    assert clock.overdue is False


def test_without_a_limit_it_is_said_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "SILENT", 0.02)
    monkeypatch.setattr(clocks, "AGAIN", 0.02)
    clock = Clock(0)
    Command().watch(clock)
    assert (clock.told, clock.overdue) == (True, False)


def stored(spec: str) -> Container:
    labels = {"devbox.spec": spec}
    return Container("1", "b", "i", "i", "running", "Up", labels, 0.0)


def test_the_hooks_that_a_box_was_made_with() -> None:
    made = '{"hooks": {"on_start": ["a", "b"], "timeout": 90.0}}'
    assert hooks_of(stored(made)) == Hooks(on_start=("a", "b"), timeout=90.0)
    assert hooks_of(stored('{"hooks": {"on_start": ["a"]}}')).timeout == 3600
    for broken in ("", "[]", "{", '{"hooks": 3}', '{"hooks": {"no_such": ["a"]}}'):
        assert hooks_of(stored(broken)) == Hooks()
