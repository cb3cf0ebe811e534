"""What a box is given at its starts, and while it is up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from devbox import redact
from devbox.api import Devbox
from devbox.boxes.ready import READY
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import ExecResult
from devbox.errors import UsageError
from devbox.progress import Progress
from devbox.state import Locked, lock

TOML = '[box]\nname = "churn"\nprofile = "base"\n'


class Engine(FakeEngine):
    """Notes the archives that boxes are given, and says that something in them differed."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.given: list[bytes] = []
        self.differs = b""
        self.registry.add("debian:bookworm-slim")

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        if argv[-1] == "give":
            self.given.append(data)
            return ExecResult(0, self.differs, b"")
        return ExecResult(0, b"planted-value of a hook\n", b"")

    def compose_up(self, project: str, file: Path, **options: object) -> None:
        super().compose_up(project, file)
        for container in self.containers({}):
            self.say(container.id, READY)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(redact, "_known", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)
    return Engine()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "churn"
    made.mkdir()
    monkeypatch.chdir(made)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return made


def up(engine: Engine, text: str, told: list[str] | None = None) -> tuple[str, ...]:
    Path("devbox.toml").write_text(text)
    report = told if told is not None else []

    def tell(progress: Progress) -> None:
        report.append(progress.text)

    with Devbox(engine=engine) as door:
        return door.boxes.up(door.project().box().spec, report=tell).notes


@pytest.mark.usefixtures("project")
def test_a_box_without_secrets_is_asked_nothing_when_it_is_up(engine: Engine) -> None:
    up(engine, TOML)
    assert len(engine.given) == 1
    assert up(engine, TOML) == ()
    assert len(engine.given) == 1


@pytest.mark.usefixtures("project")
def test_a_change_of_the_network_reaches_a_box_that_is_up(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://one.example/simple")
    up(engine, TOML)
    monkeypatch.setenv("PIP_INDEX_URL", "https://two.example/simple")
    engine.differs = b"pip.conf\nuv.toml\n"
    (note,) = up(engine, TOML)
    assert note.startswith("Updated in the box: package indexes.")
    assert b"two.example" in engine.given[-1]
    assert up(engine, TOML) == ()
    assert len(engine.given) == 2


@pytest.mark.usefixtures("project")
def test_secrets_are_compared_in_the_box_each_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    text = TOML + 'secrets = ["TOKEN"]\n[box.hooks]\non_start = "make data"\n'
    monkeypatch.setenv("TOKEN", "planted-value")
    told: list[str] = []
    up(engine, text, told)
    assert b"export TOKEN=planted-value\n" in engine.given[-1]
    assert told[-2:] == ["make data", "*** of a hook"]
    assert up(engine, text) == ()
    assert len(engine.given) == 2
    engine.differs = b"env\n"
    (note,) = up(engine, text)
    assert note.startswith("Updated in the box: secrets.")
    (folder,) = (home / "boxes").iterdir()
    assert (folder / "given").read_text() == ""
    assert "planted" not in repr(engine.executed)


@pytest.mark.usefixtures("project")
def test_a_secret_without_a_value_stops_a_start_before_it_begins(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TOML + 'secrets = ["TOKEN"]\n'
    with pytest.raises(UsageError, match="TOKEN has no value"):
        up(engine, text)
    assert engine.built == []
    monkeypatch.setenv("TOKEN", "planted-value")
    up(engine, text)
    monkeypatch.delenv("TOKEN")
    with Devbox(engine=engine) as door:
        door.boxes.stop("churn")
        engine.calls.clear()
        for act in (door.boxes.start, door.boxes.restart):
            with pytest.raises(UsageError, match="TOKEN has no value"):
                act("churn")
        assert not {"start", "stop"} & set(engine.calls)
        events = str(door.state.events.ls())
    assert "planted-value" not in events


@pytest.mark.usefixtures("project")
def test_only_one_gives_a_box_that_is_up_its_secrets(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """The box's lock is held when they are read, so that an older value is never given later."""
    monkeypatch.setenv("TOKEN", "planted-value")
    text = TOML + 'secrets = ["TOKEN"]\n'
    up(engine, text)
    (file,) = (home / "locks").glob("*_churn.lock")
    held: list[bool] = []
    answer = engine._answer

    def look(argv: Sequence[str], data: bytes) -> ExecResult:
        if argv[-1] == "give":
            with pytest.raises(Locked), lock(file, wait=False):
                pass
            held.append(True)
        return answer(argv, data)

    monkeypatch.setattr(engine, "script", look)
    assert up(engine, text) == ()
    assert held == [True]


@pytest.mark.usefixtures("project")
def test_nobody_waits_for_a_box_that_is_up_and_has_all(engine: Engine, home: Path) -> None:
    up(engine, TOML)
    (file,) = (home / "locks").glob("*_churn.lock")
    engine.calls.clear()
    with lock(file):
        assert up(engine, TOML) == ()
    assert len(engine.calls) <= 4
