"""`add` on a scripted engine: installed first, then written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError, UsageError
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
    with pytest.raises(DevboxError, match="pip could not install six") as failed:
        door.boxes.add(door.project(), None, "pip", ["six"])
    assert failed.value.detail == ("no such package",)
    assert Path("devbox.toml").read_text() == TOML


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
