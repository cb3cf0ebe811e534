"""Locked chains: tags of their own that follow every package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devbox.boxes.images.recipe import Recipe, recipe
from devbox.boxes.lock.chain import (
    CHECK,
    OtherChain,
    base_reference,
    locked_recipe,
    packages_of,
    repository,
)
from devbox.boxes.lock.records import Base, Deb, LockedBox, LockedImage, Wheel
from devbox.config.spec import BoxSpec, Build, Settings
from tests.unit.boxes.images.conftest import write_images
from tests.unit.boxes.lock.conftest import HASH, LIBC, RICH, TREE, locked_box

CHAIN = (
    LockedImage("base"),
    LockedImage("python", python=(Wheel("pip", "26.3", HASH, 5, "pip-26.3-py3-none-any.whl"),)),
    LockedImage("system", apt=(TREE,)),
    LockedImage("packages", python=(RICH,)),
    LockedImage("box"),
)


@pytest.fixture
def plain(tmp_path: Path) -> Recipe:
    spec = BoxSpec("main", tmp_path, "p", profile_image="base", apt=("tree",), pip=("rich",))
    return recipe(spec, Settings("me"), write_images(tmp_path / "images"))


def test_every_image_has_a_tag_of_its_own_and_the_locked_parent(plain: Recipe) -> None:
    box = locked_box(images=CHAIN)
    made = locked_recipe(plain, box)
    assert [step.name for step in made.steps] == [step.name for step in plain.steps]
    assert not {step.tag for step in made.steps} & {step.tag for step in plain.steps}
    assert [step.parent for step in made.steps[1:]] == [step.tag for step in made.steps[:-1]]
    assert all(step.args["BASE"] == step.parent for step in made.steps)
    assert made.external == made.steps[0].parent == base_reference(box.base)
    assert made.locked is box
    assert [CHECK in step.dockerfile for step in made.steps] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (locked_box(images=CHAIN), 5),
        (locked_box(images=(*CHAIN[:3], LockedImage("packages"), CHAIN[4])), 3),
        (locked_box(images=(*CHAIN[:2], LockedImage("system"), *CHAIN[3:])), 2),
        (locked_box(images=CHAIN, base=Base("x", release="bookworm")), 0),
        (locked_box(images=CHAIN, uv=None), 0),
    ],
)
def test_a_package_changes_the_images_from_there_on(
    plain: Recipe, changed: LockedBox, same: int
) -> None:
    tags = [step.tag for step in locked_recipe(plain, locked_box(images=CHAIN)).steps]
    others = [step.tag for step in locked_recipe(plain, changed).steps]
    assert [one == other for one, other in zip(tags, others, strict=True)] == (
        [True] * same + [False] * (5 - same)
    )


def test_python_packages_are_installed_by_their_hashes_alone(plain: Recipe) -> None:
    step = locked_recipe(plain, locked_box(images=CHAIN)).steps[3]
    assert step.files == {"locked.txt": f"Rich==13.9.4 --hash=sha256:{HASH}\n".encode()}
    (command,) = step.install
    assert {"--no-deps", "--require-hashes", "--no-index"} <= set(command)
    source = replace(RICH, file="rich-13.9.4.tar.gz")
    built = (*CHAIN[:3], LockedImage("packages", python=(source,)), CHAIN[4])
    (command,) = locked_recipe(plain, locked_box(images=built)).steps[3].install
    assert "--no-index" not in command
    assert "--require-hashes" in command
    nothing = (*CHAIN[:3], LockedImage("packages"), CHAIN[4])
    assert locked_recipe(plain, locked_box(images=nothing)).steps[3].install == (("true",),)


def test_what_an_image_holds_is_followed_through_the_chain(plain: Recipe) -> None:
    newer = replace(LIBC, version="2.36-10")
    vim = Deb("vim", "9", "amd64", HASH, 5, "vim.deb")
    images = (
        LockedImage("base", apt=(vim,)),
        CHAIN[1],
        LockedImage("system", apt=(newer, TREE), removed=("vim",)),
        *CHAIN[3:],
    )
    box = locked_box(images=images)
    steps = [step.locked for step in locked_recipe(plain, box).steps]
    assert steps[0] is not None
    assert steps[0].expected == ("deb libc6 2.36-9 amd64", "deb vim 9 amd64")
    assert packages_of(box) == (
        "deb libc6 2.36-10 amd64",
        "deb tree 2.1.0-1 amd64",
        "python pip 26.3",
        "python rich 13.9.4",
    )


def test_other_images_than_the_locks(plain: Recipe) -> None:
    with pytest.raises(OtherChain, match="images: base, box -> base, python, system"):
        locked_recipe(plain, locked_box(images=(LockedImage("base"), LockedImage("box"))))


def test_a_projects_own_dockerfile_starts_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:bookworm\n")
    spec = BoxSpec("main", tmp_path, "", build=Build(tmp_path))
    plain = recipe(spec, Settings("me"), write_images(tmp_path / "images"))
    images = (LockedImage("own", apt=(Deb("a1", "1", "all"),)), LockedImage("box"))
    made = locked_recipe(plain, locked_box(base=Base(""), images=images))
    assert (made.external, made.steps[0].parent) == ("", "")
    assert "BASE" not in made.steps[0].args
    assert made.steps[1].parent == made.steps[0].tag


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("debian:bookworm-slim", "debian"),
        ("localhost:5000/team/py:1.2", "localhost:5000/team/py"),
        ("localhost:5000/py", "localhost:5000/py"),
        (f"debian@sha256:{HASH}", "debian"),
    ],
)
def test_a_base_by_its_digest(reference: str, name: str) -> None:
    assert repository(reference) == name
    digest = f"sha256:{HASH}"
    assert base_reference(Base(reference, digest=digest)) == f"{name}@{digest}"
