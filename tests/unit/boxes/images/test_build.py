"""Building what is missing, on an engine in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbox.boxes.images import Images
from devbox.boxes.images.builder import explained, gather_wheels, readable
from devbox.compute.engine.build import BuildFailed
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.faults import PullFailed
from devbox.config.spec import Build, Network, Settings
from devbox.errors import DevboxError
from devbox.progress import Progress
from tests.unit.boxes.images.conftest import MakeSpec

BASE = "debian:bookworm-slim"
MADE = "devbox/debian:bookworm-slim"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def service(engine: FakeEngine, home: Path, images: Path) -> Images:
    made = Images(engine, Settings("me"), home)
    made.folder = images
    return made


def test_everything_is_built_once_base_first(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    engine.add_image(BASE)
    recipe = service.recipe(spec())
    assert service.missing(recipe) == recipe.steps
    assert service.ensure(recipe) == recipe.tag
    assert [request.tag for request in engine.built] == [step.tag for step in recipe.steps]
    assert engine.calls.count("pull") == 0
    labels = engine.built[-1].labels
    assert labels["devbox.kind"] == "box"
    assert labels["devbox.hash"] == recipe.hash

    engine.calls.clear()
    assert service.missing(recipe) == ()
    service.ensure(recipe)
    assert engine.calls == ["image", "image"]


def test_only_what_is_missing_is_built(engine: FakeEngine, service: Images, spec: MakeSpec) -> None:
    recipe = service.recipe(spec())
    engine.add_image(recipe.steps[1].tag)
    assert service.missing(recipe) == recipe.steps[2:]
    service.ensure(recipe)
    assert len(engine.built) == 2
    assert "pull" not in engine.calls  # the base is not even looked at


def test_an_image_that_another_built_meanwhile_is_taken(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    engine.add_image(BASE)
    recipe = service.recipe(spec())

    def other_is_faster(progress: Progress) -> None:
        if progress.stage == "image" and engine.image(progress.subject) is None:
            engine.add_image(progress.subject)

    service.ensure(recipe, other_is_faster)
    assert not engine.built


def test_again_builds_all_and_removes_nothing_before(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    engine.add_image(BASE)
    engine.registry.add(BASE)
    recipe = service.recipe(spec(profile_image="base"))
    service.ensure(recipe)
    service.ensure(recipe, no_cache=True)
    assert [request.no_cache for request in engine.built] == [False, False, True, True]
    service.ensure(recipe, pull=True)
    assert engine.calls.count("pull") == 1
    assert "remove_image" not in engine.calls


def test_the_base_is_pulled_where_it_is_not_there(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    engine.registry.add(BASE)
    service.ensure(service.recipe(spec(profile_image="base")))
    assert engine.built[0].args["BASE"] == BASE


def test_a_made_base_takes_the_place_of_one_that_cannot_be_pulled(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    engine.add_image(MADE)
    recipe = service.recipe(spec())
    assert service.ensure(recipe) == recipe.tag
    assert engine.built[0].args["BASE"] == MADE
    assert engine.built[0].labels["devbox.parent"] == MADE
    assert engine.built[1].args["BASE"] == recipe.steps[0].tag


def test_making_a_base_is_offered_and_can_be_declined(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(PullFailed) as caught:
        service.ensure(service.recipe(spec()), offer=no)
    assert "Make a Debian bookworm base image" in asked[0]
    assert "devbox image base" in caught.value.hint
    assert not engine.built


def test_making_a_base_is_done_where_it_is_accepted(
    engine: FakeEngine, service: Images, spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bootstrap(engine: FakeEngine, network: Network, *, release: str, **_: object) -> str:
        engine.add_image(f"devbox/debian:{release}-slim")
        return f"devbox/debian:{release}-slim"

    monkeypatch.setattr("devbox.boxes.images.bootstrap.bootstrap", bootstrap)
    service.ensure(service.recipe(spec()), offer=lambda _: True)
    assert engine.built[0].args["BASE"] == MADE


def test_nothing_takes_the_place_of_an_image_that_the_registry_denies(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    engine.add_image(MADE)
    denied = PullFailed("The registry has no such image.", ref=BASE, unreachable=False)
    engine.fail("pull", denied)
    with pytest.raises(PullFailed):
        service.ensure(service.recipe(spec()), offer=lambda _: True)


def test_nothing_takes_the_place_of_an_image_that_is_not_debian(
    engine: FakeEngine, service: Images, spec: MakeSpec
) -> None:
    with pytest.raises(PullFailed, match=r"alpine:3\.20"):
        service.ensure(service.recipe(spec(image="alpine:3.20")), offer=lambda _: True)


def test_registry_mirrors_go_first(engine: FakeEngine, home: Path, spec: MakeSpec) -> None:
    mirrors = ("https://down.example", "mirror.example:5000/")
    engine.registry.add(f"mirror.example:5000/library/{BASE}")
    images = Images(engine, Settings("me", Network(registry_mirrors=mirrors)), home)
    images.ensure(images.recipe(spec(profile_image="base")))
    assert engine.image(BASE) is not None
    assert engine.built[0].args["BASE"] == BASE


def test_the_base_of_an_own_dockerfile_is_obtained_when_buildkit_cannot(
    engine: FakeEngine, service: Images, spec: MakeSpec, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
    engine.add_image(MADE)
    engine.fail("build", BuildFailed("no", image=f"docker.io/library/{BASE}", unreachable=True))
    service.ensure(service.recipe(spec(build=Build(context))))
    assert engine.built[0].contexts[BASE] == f"docker-image://{MADE}"


def test_what_a_step_said_becomes_the_error() -> None:
    failed = BuildFailed(
        "Building x failed",
        step="[2/3] RUN x",
        detail=["a line", "devbox: Python 3.12 cannot be downloaded | Set network.python_mirror."],
    )
    error = explained(failed)
    assert error.message == "Python 3.12 cannot be downloaded."
    assert error.hint == "Set network.python_mirror."
    assert error.detail[0] == "a line"


def test_a_step_is_named_without_its_wiring() -> None:
    step = "[2/3] RUN --mount=type=secret,id=x     . /run/build/prelude.sh && apt_install gcc"
    assert readable(step) == "[2/3] RUN apt_install gcc"
    error = explained(BuildFailed(f"Building x failed at {step}", step=step, detail=["E: no gcc"]))
    assert isinstance(error, BuildFailed)
    assert error.step == "[2/3] RUN apt_install gcc"
    assert error.message == "Building x failed at [2/3] RUN apt_install gcc"


def test_a_certificate_file_that_is_gone_is_said_before_anything_is_built(
    engine: FakeEngine, home: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    engine.add_image(BASE)
    images = Images(engine, Settings("me", Network(ca=tmp_path / "gone.pem")), home)
    with pytest.raises(DevboxError, match="certificate file"):
        images.ensure(images.recipe(spec()))
    assert not engine.built


def test_wheels_of_several_folders_become_one(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "both.whl").write_text(str(number))
        (folder / f"only{number}.whl").write_text("x")
        (folder / "notes.txt").write_text("x")
    found = gather_wheels([tmp_path / "1", tmp_path / "2"], tmp_path / "into")
    assert sorted(file.name for file in found.iterdir()) == ["both.whl", "only1.whl", "only2.whl"]
    assert (found / "both.whl").read_text() == "1"
    assert gather_wheels([tmp_path / "1"], tmp_path / "unused") == tmp_path / "1"
    assert not list(gather_wheels([], tmp_path / "empty").iterdir())
