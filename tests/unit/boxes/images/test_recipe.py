"""Chains and their tags: the same content gives the same tag, any other content another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from devbox.boxes.images.recipe import Recipe, recipe, service_recipe, shipped_recipe, suite
from devbox.config.shipped import shipped
from devbox.config.spec import BoxSpec, Build, Gpu, Network, Resources, Service, Settings
from devbox.errors import ConfigError
from tests.unit.boxes.images.conftest import MakeSpec, write_images

SETTINGS = Settings("me")


def names(made: Recipe) -> list[str]:
    return [step.name for step in made.steps]


def test_a_profile_is_built_on_what_its_dockerfile_names(images: Path, spec: MakeSpec) -> None:
    made = recipe(spec(), SETTINGS, images)
    assert names(made) == ["base", "python", "datascience", "box"]
    assert made.external == made.steps[0].parent == "debian:bookworm-slim"
    assert [step.parent for step in made.steps[1:]] == [step.tag for step in made.steps[:-1]]
    assert made.tag == f"devbox/box:{made.hash}"
    assert [step.kind for step in made.steps] == ["base", "profile", "profile", "box"]


def test_the_shipped_images_form_chains(spec: MakeSpec) -> None:
    made = recipe(spec(), SETTINGS, shipped("images"))
    assert names(made) == ["base", "python", "datascience", "box"]
    assert names(recipe(spec(profile_image="base"), SETTINGS, shipped("images"))) == ["base", "box"]


@pytest.mark.parametrize("values", [{"pip": ("rich",)}, {"python": "3.12"}])
def test_python_comes_with_what_needs_it(
    images: Path, spec: MakeSpec, values: dict[str, object]
) -> None:
    made = recipe(spec(profile_image="base", **values), SETTINGS, images)
    assert [name for name in names(made) if name != "packages"] == ["base", "python", "box"]
    assert ("packages" in names(made)) is ("pip" in values)


def test_debian_packages_come_first_and_devboxs_programs_last(images: Path, spec: MakeSpec) -> None:
    made = recipe(spec(profile_image="python", pip=("rich",), apt=("gcc",)), SETTINGS, images)
    assert names(made) == ["base", "python", "system", "packages", "box"]
    packages = made.steps[3]
    assert packages.tag == f"devbox/packages:{packages.hash}"
    assert (packages.install, packages.dockerfile) == ((("pip_install", "rich"),), "")
    (images / "box" / "init").write_text("new")
    after = recipe(spec(profile_image="python", pip=("rich",), apt=("gcc",)), SETTINGS, images)
    assert after.steps[:4] == made.steps[:4]
    assert after.tag != made.tag


def test_another_python_is_an_argument_of_the_image_that_makes_the_environment(
    images: Path, spec: MakeSpec
) -> None:
    usual = recipe(spec(), SETTINGS, images)
    same = recipe(spec(python="3.11"), SETTINGS, images)
    other = recipe(spec(python="3.12"), SETTINGS, images)
    assert same == usual
    assert other.steps[0] == usual.steps[0]
    assert other.steps[1].args["PYTHON"] == "3.12"
    assert all(a.tag != b.tag for a, b in zip(other.steps[1:], usual.steps[1:], strict=True))
    assert "3.12" not in other.steps[3].dockerfile


def test_the_distributions_python_depends_on_its_release(images: Path, spec: MakeSpec) -> None:
    trixie = Settings("me", base_image="debian:trixie-slim")
    assert "PYTHON" not in recipe(spec(python="3.13"), trixie, images).steps[1].args
    assert "PYTHON" in recipe(spec(python="3.11"), trixie, images).steps[1].args


@pytest.mark.parametrize(
    ("reference", "release"),
    [
        ("debian:bookworm-slim", "bookworm"),
        ("debian:12.5-slim", "bookworm"),
        ("docker.io/library/debian:trixie", "trixie"),
        ("debian:bookworm-20240101-slim", "bookworm"),
        ("devbox/debian:bookworm-slim", "bookworm"),
        ("debian:latest", ""),
        ("ubuntu:24.04", ""),
        ("registry.example/notdebian:bookworm", ""),
    ],
)
def test_suite(reference: str, release: str) -> None:
    assert suite(reference) == release


def test_the_place_of_files_does_not_count(tmp_path: Path, images: Path) -> None:
    project = tmp_path / "one" / "project"
    project.mkdir(parents=True)
    (project / "requirements.txt").write_text("rich\n")
    first = BoxSpec(
        "a", project, "p", profile_image="python", requirements=(project / "requirements.txt",)
    )
    copy = tmp_path / "elsewhere"
    shutil.copytree(project, copy)
    os.utime(copy / "requirements.txt", (0, 0))
    second = BoxSpec(
        "b", copy, "q", profile_image="python", requirements=(copy / "requirements.txt",)
    )
    other_images = write_images(tmp_path / "other" / "images")
    (other_images / "box" / "init").chmod(0o755)
    tags = [step.tag for step in recipe(first, SETTINGS, images).steps]
    assert tags == [step.tag for step in recipe(second, SETTINGS, other_images).steps]


def test_the_way_to_the_network_does_not_count(images: Path, spec: MakeSpec) -> None:
    proxied = Settings(
        "you", Network(https_proxy="http://u:p@proxy.example:3128", index="https://i.example/")
    )
    assert recipe(spec(), proxied, images) == recipe(spec(), SETTINGS, images)


@pytest.mark.parametrize(
    ("file", "first_changed"),
    [
        ("base/setup.sh", 0),
        ("base/Dockerfile", 0),
        ("build/prelude.sh", 0),
        ("python/Dockerfile", 1),
        ("datascience/requirements.txt", 2),
        ("box/init", 3),
    ],
)
def test_one_changed_byte_gives_other_tags_from_there_on(
    images: Path, spec: MakeSpec, file: str, first_changed: int
) -> None:
    before = [step.tag for step in recipe(spec(), SETTINGS, images).steps]
    with (images / file).open("a") as stream:
        stream.write("#")
    after = [step.tag for step in recipe(spec(), SETTINGS, images).steps]
    changed = [a != b for a, b in zip(before, after, strict=True)]
    assert changed == [index >= first_changed for index in range(4)]


@pytest.mark.parametrize(
    "values",
    [
        {"pip": ("rich",)},
        {"apt": ("gcc",)},
        {"platform": "linux/arm64"},
        {"profile_image": "python"},
    ],
)
def test_what_a_box_asks_for_counts(
    images: Path, spec: MakeSpec, values: dict[str, object]
) -> None:
    assert recipe(spec(**values), SETTINGS, images).tag != recipe(spec(), SETTINGS, images).tag


def test_what_does_not_concern_the_image_does_not_count(images: Path, spec: MakeSpec) -> None:
    other = spec(name="other", env={"A": "b"}, secrets=("TOKEN",))
    assert recipe(other, SETTINGS, images) == recipe(spec(), SETTINGS, images)


def test_an_own_image_gets_what_the_box_adds_only(images: Path, spec: MakeSpec) -> None:
    made = recipe(spec(image="alpine:3.20", pip=("rich",)), SETTINGS, images)
    assert names(made) == ["system", "packages", "box"]
    assert made.external == made.steps[0].parent == "alpine:3.20"
    assert "own_environment" in made.steps[0].dockerfile
    assert names(recipe(spec(image="alpine:3.20"), SETTINGS, images)) == ["box"]
    other = recipe(spec(image="alpine:3.21", pip=("rich",)), SETTINGS, images)
    assert other.tag != made.tag


def test_an_own_dockerfile_is_a_step_of_its_own(
    images: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM debian\nCOPY . /x\n")
    (context / ".dockerignore").write_text("*.log\n")
    build = Build(context, args={"A": "1"}, target="t")
    made = recipe(spec(build=build), SETTINGS, images)
    assert [(step.name, step.kind) for step in made.steps] == [("own", "build"), ("box", "box")]
    assert made.external == made.steps[0].parent == ""
    assert made.steps[0].args == {"A": "1"}
    assert made.steps[0].target == "t"

    (context / "noise.log").write_text("x")
    assert recipe(spec(build=build), SETTINGS, images) == made
    (context / "data.txt").write_text("x")
    assert recipe(spec(build=build), SETTINGS, images).tag != made.tag
    service = service_recipe(Service("db", build=build), SETTINGS, images)
    assert service is not None
    assert service.steps[0].kind == "build"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_own_dockerfile_that_cannot_be_read(
    images: Path, spec: MakeSpec, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "Dockerfile").write_bytes(content)
    with pytest.raises(ConfigError, match="The Dockerfile cannot be read"):
        recipe(spec(build=Build(tmp_path)), SETTINGS, images)


def test_a_profile_image_that_does_not_exist(images: Path, spec: MakeSpec) -> None:
    with pytest.raises(ConfigError, match="no image 'nonsense'") as caught:
        recipe(spec(profile_image="nonsense"), SETTINGS, images)
    assert "base, datascience, python" in caught.value.hint


def test_images_that_build_on_each_other_in_a_circle(images: Path, spec: MakeSpec) -> None:
    (images / "base" / "Dockerfile").write_text("ARG BASE=devbox/datascience\nFROM ${BASE}\n")
    with pytest.raises(ConfigError):
        recipe(spec(), SETTINGS, images)


@pytest.mark.parametrize(
    ("gpus", "args"),
    [
        (Gpu.NONE, {}),
        (Gpu.OPTIONAL, {}),  # decided before, where the machine is known
        (Gpu.COUNT, {"COMPUTE": "cuda"}),
        (Gpu.ALL, {"COMPUTE": "cuda"}),
    ],
)
def test_an_image_that_can_is_built_for_the_gpus_that_the_box_asks_for(
    images: Path, spec: MakeSpec, gpus: Gpu, args: dict[str, str]
) -> None:
    (images / "pytorch").mkdir()
    (images / "pytorch" / "Dockerfile").write_text(
        "ARG BASE=devbox/datascience\nFROM ${BASE}\nARG COMPUTE=cpu\n"
    )
    usual = recipe(spec(profile_image="pytorch"), SETTINGS, images)
    made = recipe(spec(profile_image="pytorch", resources=Resources(gpus=gpus)), SETTINGS, images)
    step = next(step for step in made.steps if step.name == "pytorch")
    assert {key: value for key, value in step.args.items() if key != "BASE"} == args
    assert (made.tag == usual.tag) == (not args)
    assert made.steps[:3] == usual.steps[:3]


def test_a_service_may_run_an_image_of_devbox(images: Path) -> None:
    def made(image: str) -> Recipe | None:
        return service_recipe(Service("db", image=image), SETTINGS, images)

    own = made("devbox/python")
    assert own is not None
    assert own.steps == shipped_recipe("python", SETTINGS, images).steps
    assert names(own) == ["base", "python"]
    assert own.external == SETTINGS.base_image
    for pulled in ("postgres:16", "devbox/python:1", "example.com/devbox/python", "mydevbox/x"):
        assert made(pulled) is None
    with pytest.raises(ConfigError, match="no image 'pyton' in devbox"):
        made("devbox/pyton")


def test_the_shipped_services_and_profiles_have_chains(spec: MakeSpec) -> None:
    folder = shipped("images")
    assert names(shipped_recipe("postgres", SETTINGS, folder)) == ["base", "postgres"]
    torch = recipe(
        spec(profile_image="pytorch", resources=Resources(gpus=Gpu.ALL)), SETTINGS, folder
    )
    assert names(torch) == ["base", "python", "datascience", "pytorch", "box"]
    assert torch.steps[3].args["COMPUTE"] == "cuda"
