"""The packages step, on an engine in memory."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devbox import redact
from devbox.boxes import clock
from devbox.boxes.identity import User
from devbox.boxes.images import Images, Recipe, Step, packages
from devbox.cli.output import telling
from devbox.compute.engine.build import BuildFailed
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.reports import HeldRequest
from devbox.compute.engine.types import ExecResult
from devbox.config.spec import Network, Settings
from devbox.errors import DevboxError
from devbox.progress import Progress, silent
from tests.unit.boxes.images.conftest import MakeSpec

PASSWORD = "s3cret"
USER = User(4711, 4712)


class Shell:
    """What commands in the container do: what they were given, and how the installation ends."""

    def __init__(self) -> None:
        self.given: dict[str, tarfile.TarInfo] = {}
        self.result = ExecResult(0, b"Collecting rich\nok", b"")

    def __call__(self, argv: Sequence[str], data: bytes) -> ExecResult:
        if data:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                self.given = {member.name: member for member in archive}
        if "pip_install" in argv:
            return self.result
        return ExecResult(0, b"", b"")


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def engine(shell: Shell) -> FakeEngine:
    return FakeEngine(shell)


@pytest.fixture
def service(engine: FakeEngine, home: Path, images: Path, tmp_path: Path) -> Images:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    network = Network(
        index=f"https://me:{PASSWORD}@index.example/simple",
        https_proxy=f"http://me:{PASSWORD}@proxy.example:3128",
        no_proxy="localhost",
        wheels=(wheels,),
    )
    made = Images(engine, Settings("me", network), home)
    made.folder = images
    return made


@pytest.fixture
def step(engine: FakeEngine, service: Images, spec: MakeSpec) -> Step:
    """The packages step of a box whose other images are there."""
    project = spec().project
    (project / "requirements.txt").write_text("rich\n")
    made = service.recipe(
        spec(pip=("numpy",), requirements=(project / "requirements.txt",), platform="linux/amd64")
    )
    (found,) = [step for step in made.steps if step.kind == "packages"]
    engine.add_image(found.parent, {"devbox.kind": "profile", "title": "python"})
    return found


def make(service: Images, step: Step, said: list[Progress] | None = None) -> None:
    report = silent if said is None else said.append
    service.ensure(Recipe("", (step,), step.platform), report, user=USER)


def test_packages_are_installed_as_the_person_with_the_cache_of_the_boxes(
    engine: FakeEngine, service: Images, step: Step
) -> None:
    said: list[Progress] = []
    make(service, step, said)
    (request,) = engine.held
    assert request.name == f"devbox-me-packages-{step.hash}"
    assert (request.image, request.platform) == (step.parent, "linux/amd64")
    assert [(mount.source, mount.target) for mount in request.mounts if mount.volume] == [
        ("devbox-me-cache-4711", "/cache")
    ]
    (volume,) = engine.volumes({"devbox.owner": "me"})
    assert volume.name == "devbox-me-cache-4711"
    (installed,) = [each for each in engine.executed if "pip_install" in each.argv]
    assert installed.argv[-3:] == ("-r", "requirements.txt", "numpy")
    assert (installed.user, installed.cwd) == ("4711:4712", "/run/devbox/project")
    assert installed.env["PIP_CACHE_DIR"] == "/cache/pip"
    assert installed.env["UV_CACHE_DIR"] == "/cache/uv"
    assert installed.env["no_proxy"] == "localhost"
    others = [each for each in engine.executed if each is not installed]
    assert {each.user for each in others} == {"0:0"}
    assert [each.argv[4:] for each in others][1:] == [
        ("prepare_cache", "4711:4712"),
        ("open_environment",),
    ]
    assert [line.text for line in said if line.log] == ["Collecting rich", "ok"]


def test_the_image_is_the_parents_with_the_labels_of_its_step(
    engine: FakeEngine, service: Images, step: Step
) -> None:
    make(service, step)
    image = engine.image(step.tag)
    assert image is not None
    assert image.labels == {
        "devbox.kind": "packages",
        "devbox.hash": step.hash,
        "devbox.parent": step.parent,
        "title": "python",
    }
    assert engine.containers({}) == ()


def test_what_is_secret_is_only_in_files_of_the_person(
    engine: FakeEngine, service: Images, shell: Shell, step: Step
) -> None:
    make(service, step)
    assert PASSWORD not in repr(engine.held)
    assert PASSWORD not in repr(engine.executed)
    assert set(shell.given) == {
        *("pip.conf", "uv.toml", "env", "prelude.sh", "project/requirements.txt")
    }
    assert {member.mode for member in shell.given.values()} == {0o400}
    assert {(member.uid, member.gid) for member in shell.given.values()} == {(4711, 4712)}


def test_no_progress_shows_a_known_password(
    service: Images,
    shell: Shell,
    step: Step,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(redact, "_known", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)
    redact.remember([PASSWORD])
    shell.result = ExecResult(0, f"Looking in https://me:{PASSWORD}@index.example".encode(), b"")
    said: list[Progress] = []
    make(service, step, said)
    assert "Looking in https://me:***@index.example" in [each.text for each in said]
    with telling(verbose=True) as report:
        make(service, step, said)
        service.ensure(Recipe("", (step,), step.platform), report, no_cache=True, user=USER)
    shown = capsys.readouterr().err
    assert "https://me:***@index.example" in shown
    assert PASSWORD not in shown


def test_a_long_silent_installation_is_said_to_be_running(
    service: Images, shell: Shell, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "SILENT", 0.02)
    told = threading.Event()

    def report(progress: Progress) -> None:
        if progress.text.startswith("still running after"):
            assert (progress.stage, progress.subject, progress.log) == ("build", step.tag, False)
            told.set()

    def slow(_: object) -> Iterator[str]:
        assert told.wait(20)
        return iter(())

    monkeypatch.setattr(packages, "lines", slow)
    service.ensure(Recipe("", (step,), step.platform), report, user=USER)
    assert told.is_set()


def test_a_failed_installation_makes_no_image_and_says_why(
    engine: FakeEngine, service: Images, shell: Shell, step: Step
) -> None:
    shell.result = ExecResult(1, b"Collecting numpy\n", b"ERROR: no such thing\n")
    with pytest.raises(BuildFailed) as caught:
        make(service, step)
    assert caught.value.step == "RUN pip_install -r requirements.txt numpy"
    assert caught.value.detail == ("Collecting numpy", "ERROR: no such thing")
    assert engine.image(step.tag) is None
    assert engine.containers({}) == ()
    shell.result = ExecResult(1, b"devbox: no Python | Add it.\n", b"")
    with pytest.raises(DevboxError, match=r"^no Python\.$") as said:
        make(service, step)
    assert said.value.hint == "Add it."
    shell.result = ExecResult(1, b"", b"OSError: [Errno 28] No space left on device\n")
    with pytest.raises(BuildFailed, match="disk is full"):
        make(service, step)


def test_an_interrupted_installation_leaves_nothing(
    engine: FakeEngine, service: Images, step: Step
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.log:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.ensure(Recipe("", (step,)), interrupt, user=USER)
    assert engine.containers({}) == ()
    assert engine.image(step.tag) is None


def test_what_an_earlier_try_left_is_removed(
    engine: FakeEngine, service: Images, step: Step
) -> None:
    labels = {"devbox.kind": "packages"}
    same = engine.hold(HeldRequest(f"devbox-me-packages-{step.hash}", step.parent, labels))
    left = {}
    for name, owner in (("old", "me"), ("fresh", "me"), ("old", "you")):
        held = engine.hold(HeldRequest(f"devbox-{owner}-packages-{name}", step.parent, labels))
        made = time.time() - (3600 if name == "old" else 1)
        engine.set(held.id, state="created", created=made)
        left[name, owner] = held.id
    make(service, step)
    assert engine.container(same.id) is None
    there = {key for key, ref in left.items() if engine.container(ref) is not None}
    assert there == {("fresh", "me"), ("old", "you")}


def test_again_installs_again(engine: FakeEngine, service: Images, step: Step) -> None:
    make(service, step)
    make(service, step)
    assert len(engine.held) == 1
    service.ensure(Recipe("", (step,)), no_cache=True, user=USER)
    assert len(engine.held) == 2
