"""`add` on a scripted engine: installed first, then written."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devbox import cli
from devbox.api import Devbox
from devbox.boxes import clock, hooks
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress
from tests.unit.boxes import test_boxes as life

TOML = life.TOML + 'pip = ["numpy>=2"] # ours\n'


class Engine(life.Engine):
    """Notes what is installed; ``code`` is how that ends."""

    def __init__(self) -> None:
        super().__init__()
        self.installed: list[list[str]] = []
        self.code = 0

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        for manager in ("pip_install", "apt_install"):
            if manager in argv:
                self.installed.append(list(argv[argv.index(manager) :]))
                return ExecResult(self.code, b"no such package\n", b"")
        return super()._answer(argv, data)


@pytest.fixture
def engine() -> Engine:
    made = Engine()
    made.registry.add("debian:bookworm-slim")
    return made


@pytest.fixture
def door(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devbox:
    project = tmp_path / "churn"
    project.mkdir()
    monkeypatch.chdir(project)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    made = Devbox(engine=engine)
    life.up(made, TOML.replace("pip", "# pip"))
    Path("devbox.toml").write_text(TOML)
    engine.installed.clear()
    return made


def test_installed_then_written(door: Devbox, engine: Engine) -> None:
    done = door.boxes.add(door.project(), None, "pip", ["six", "numpy<3"])
    assert engine.installed == [["pip_install", "six", "numpy<3"]]
    assert Path("devbox.toml").read_text() == TOML.replace('"numpy>=2"', '"numpy<3", "six"')
    assert done.installed
    assert '+pip = ["numpy<3", "six"] # ours' in done.diff


def test_debian_packages_as_root(door: Devbox, engine: Engine) -> None:
    door.boxes.add(door.project(), "churn", "apt", ["jq"])
    assert engine.installed == [["apt_install", "jq"]]
    (run,) = [each for each in engine.executed if "apt_install" in each.argv]
    assert run.user == "0:0"
    assert Path("devbox.toml").read_text() == TOML + 'apt = ["jq"]\n'


def test_a_failed_installation_changes_nothing(door: Devbox, engine: Engine) -> None:
    engine.code = 1
    told: list[Progress] = []
    with pytest.raises(DevboxError, match="pip could not install six") as failed:
        door.boxes.add(door.project(), None, "pip", ["six"], report=told.append)
    assert failed.value.detail == ("no such package",)
    assert told == [
        Progress("add", "pip", "six"),
        Progress("add", "pip", "no such package", log=True),
    ]
    assert Path("devbox.toml").read_text() == TOML


def test_a_failed_installation_is_told_once(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    engine.code = 1
    assert cli.run(["add", "six"]) == 1
    assert capsys.readouterr().err.count("no such package") == 1


def test_a_long_installation_is_no_hook(
    door: Devbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []
    go_on = threading.Event()

    def report(progress: Progress) -> None:
        told.append(progress)
        if "still running" in progress.text:
            go_on.set()

    def slow(*_: object) -> Iterator[str]:
        assert go_on.wait(20)
        return iter(())

    monkeypatch.setattr(clock, "SILENT", 0.02)
    monkeypatch.setattr(hooks, "lines", slow)
    door.boxes.add(door.project(), None, "apt", ["jq"], report=report)
    assert {(each.stage, each.subject) for each in told} == {("add", "apt")}
    assert told[-1].text.startswith("done after")


def test_which_of_several_boxes(door: Devbox) -> None:
    Path("devbox.toml").write_text("[boxes.b]\n[boxes.a]\n")
    with pytest.raises(UsageError) as several:
        door.boxes.add(door.project(), None, "pip", ["six"])
    assert several.value.hint == "Name one with --box NAME: a, b."


def test_a_dry_run_installs_nothing(door: Devbox, engine: Engine) -> None:
    done = door.boxes.add(door.project(), None, "pip", ["six"], dry_run=True)
    assert not done.installed
    assert '+pip = ["numpy>=2", "six"] # ours' in done.diff
    assert engine.installed == []
    assert Path("devbox.toml").read_text() == TOML


def test_what_can_not_be_written_is_not_installed(door: Devbox, engine: Engine) -> None:
    Path("devbox.toml").chmod(0o444)
    with pytest.raises(DevboxError, match="read-only"):
        door.boxes.add(door.project(), None, "pip", ["six"])
    assert engine.installed == []


def test_a_box_without_python_says_what_to_do(door: Devbox, engine: Engine) -> None:
    engine.codes["/opt/venv/bin/python"] = 1
    with pytest.raises(DevboxError, match="no Python environment") as refused:
        door.boxes.add(door.project(), None, "pip", ["six"])
    assert 'pip = ["six"]' in refused.value.hint
    assert engine.installed == []


@pytest.mark.parametrize(
    ("manager", "package"),
    [("pip", "--index-url=x"), ("pip", "./folder"), ("apt", "-o=x"), ("apt", "$(id)"), ("pip", "")],
)
def test_what_is_no_package(door: Devbox, engine: Engine, manager: str, package: str) -> None:
    with pytest.raises(UsageError):
        door.boxes.add(door.project(), None, manager, [package])
    assert engine.installed == []


def test_a_stopped_box(door: Devbox, engine: Engine) -> None:
    door.boxes.stop("churn")
    with pytest.raises(DevboxError, match="Box churn is stopped"):
        door.boxes.add(door.project(), None, "pip", ["six"])
