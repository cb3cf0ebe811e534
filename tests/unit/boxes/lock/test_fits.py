"""Whether a lock is still that of a devbox.toml, and what it says where not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from devbox.boxes.images.recipe import recipe
from devbox.boxes.lock.fits import differences, inputs, platform_of, unfit
from devbox.boxes.lock.records import Lock
from devbox.config.spec import BoxSpec, Build, Gpu, Resources, Settings
from devbox.errors import ConfigError
from tests.unit.boxes.images.conftest import write_images
from tests.unit.boxes.lock.conftest import locked_box

SETTINGS = Settings("me")
AMD = "linux/amd64"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images")


@pytest.fixture
def spec(tmp_path: Path) -> BoxSpec:
    return BoxSpec("main", tmp_path, "base", profile_image="base", apt=("tree",), pip=("rich",))


def why(lock: Lock | None, spec: BoxSpec, images: Path, platform: str = AMD) -> tuple[str, ...]:
    return unfit(lock, spec, recipe(spec, SETTINGS, images), platform)


def test_only_what_decides_about_packages_counts(lock: Lock, spec: BoxSpec, images: Path) -> None:
    assert why(lock, spec, images) == ()
    other = replace(spec, env={"A": "1"}, resources=Resources(cpus=2), profile="mine")
    assert why(lock, other, images) == ()
    settings = replace(SETTINGS, base_image="registry.example/debian:12")
    (images / "base" / "Dockerfile").write_text("FROM x\nRUN other\n")
    assert unfit(lock, spec, recipe(spec, settings, images), AMD) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pip": ("rich", "numpy")}, "pip: numpy added"),
        ({"pip": ()}, "pip: rich removed"),
        ({"apt": ("less",)}, "apt: less added, tree removed"),
        ({"python": "3.12"}, "python: unset -> 3.12"),
        ({"profile_image": "python"}, "profile: base -> python"),
        ({"name": "train"}, "it does not have the box train"),
    ],
)
def test_what_changed_is_named(
    lock: Lock, spec: BoxSpec, images: Path, changed: Mapping[str, object], said: str
) -> None:
    assert why(lock, replace(spec, **changed), images) == (said,)  # type: ignore[arg-type]


def test_a_changed_file_of_requirements(spec: BoxSpec, images: Path) -> None:
    file = spec.project / "requirements.txt"
    file.write_text("rich\n")
    spec = replace(spec, requirements=(file,))
    made = inputs(spec, recipe(spec, SETTINGS, images))
    lock = Lock((locked_box(inputs=made),))
    assert why(lock, spec, images) == ()
    file.write_text("rich<14\n")
    assert why(lock, spec, images) == ("requirements: requirements.txt changed",)


def test_a_changed_dockerfile(spec: BoxSpec, images: Path) -> None:
    dockerfile = spec.project / "Dockerfile"
    dockerfile.write_text("FROM debian:bookworm\n")
    spec = replace(spec, profile_image="", build=Build(spec.project))
    lock = Lock((locked_box(inputs=inputs(spec, recipe(spec, SETTINGS, images))),))
    (spec.project / "code.py").write_text("changed")
    assert why(lock, spec, images) == ()
    dockerfile.write_text("FROM debian:trixie\n")
    assert why(lock, spec, images) == ("build: the Dockerfile or its arguments changed",)
    made = recipe(spec, SETTINGS, images)
    dockerfile.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        inputs(spec, made)


def test_a_gpu_counts_where_an_image_asks_for_it(lock: Lock, spec: BoxSpec, images: Path) -> None:
    with_gpu = replace(spec, resources=Resources(gpus=Gpu.ALL))
    assert why(lock, with_gpu, images) == ()
    (images / "base" / "Dockerfile").write_text("ARG COMPUTE=\nFROM x\n")
    assert why(lock, spec, images) == ()
    assert why(lock, with_gpu, images) == ("compute: unset -> cuda",)


def test_another_platform_and_no_lock(lock: Lock, spec: BoxSpec, images: Path) -> None:
    (said,) = why(lock, spec, images, "linux/arm64")
    assert said == "it is for linux/amd64, and this box is for linux/arm64"
    assert why(None, spec, images) == ("there is no devbox.lock",)
    assert platform_of(spec, "aarch64") == "linux/arm64"
    assert platform_of(spec, "x86_64") == AMD
    assert platform_of(replace(spec, platform="linux/arm/v7"), "x86_64") == "linux/arm/v7"


def test_order_counts_too() -> None:
    assert list(differences({"pip": ("a", "b")}, {"pip": ("b", "a")})) == ["pip: another order"]
