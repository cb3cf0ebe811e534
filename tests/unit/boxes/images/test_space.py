"""What takes space, and what a prune would delete."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbox.boxes.images import Images
from devbox.boxes.images.space import entries, plan_prune, prune, usage
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.faults import Conflict
from devbox.config.spec import Settings
from tests.unit.boxes.images.conftest import MakeSpec

MIB = 1 << 20


def have(engine: FakeEngine, ref: str, kind: str, parent: str = "", size: int = 0) -> str:
    labels = {"devbox.kind": kind, "devbox.hash": ref.partition(":")[2], "devbox.parent": parent}
    engine.add_image(ref, labels, size * MIB)
    return ref


@pytest.fixture
def engine() -> FakeEngine:
    """debian <- base <- python <- two boxes; an old base; a made base; images of others."""
    made = FakeEngine()
    made.add_image("debian:bookworm-slim", {}, 80 * MIB)
    base = have(made, "devbox/base:b", "base", "debian:bookworm-slim", 200)
    python = have(made, "devbox/python:p", "profile", base, 250)
    have(made, "devbox/box:1", "box", python, 251)
    have(made, "devbox/box:2", "box", python, 260)
    have(made, "devbox/base:old", "base", "debian:bookworm-slim", 190)
    made.add_image(
        "devbox/debian:bookworm-slim", {"devbox.kind": "bootstrap", "devbox.hash": "x"}, 80 * MIB
    )
    made.add_image("postgres:16", {}, 400 * MIB)
    made.add_image(
        "company/app:1", {"devbox.kind": "box", "devbox.hash": "1", "devbox.parent": python}, 300
    )
    return made


def run(engine: FakeEngine, image: str, folder: Path) -> None:
    """A container of an image."""
    file = folder / "compose.yaml"
    file.write_text(f"name: x\nservices:\n  box:\n    image: {image}\n")
    engine.compose_up("x", file)


def test_images_are_counted_by_what_they_add(engine: FakeEngine) -> None:
    adds = {entry.ref: entry.adds // MIB for entry in entries(engine)}
    assert adds == {
        "devbox/base:b": 120,
        "devbox/python:p": 50,
        "devbox/box:1": 1,
        "devbox/box:2": 10,
        "devbox/base:old": 110,
        "devbox/debian:bookworm-slim": 80,
    }


def test_what_a_box_rests_on_stays(engine: FakeEngine, tmp_path: Path) -> None:
    run(engine, "devbox/box:1", tmp_path)
    plan = plan_prune(engine)
    assert {image.ref for image in plan.images} == {"devbox/box:2", "devbox/base:old"}
    assert plan.size == 120 * MIB


def test_what_is_kept_by_name_stays_with_its_parents(engine: FakeEngine) -> None:
    plan = plan_prune(engine, ["devbox/box:2"])
    assert {image.ref for image in plan.images} == {"devbox/box:1", "devbox/base:old"}


def test_children_go_before_parents_and_a_made_base_only_with_all(engine: FakeEngine) -> None:
    refs = [image.ref for image in plan_prune(engine).images]
    assert refs.index("devbox/box:1") < refs.index("devbox/python:p") < refs.index("devbox/base:b")
    assert "devbox/debian:bookworm-slim" not in refs
    every = [image.ref for image in plan_prune(engine, everything=True).images]
    assert "devbox/debian:bookworm-slim" in every


def test_only_devboxs_own_are_ever_deleted(engine: FakeEngine) -> None:
    prune(engine, plan_prune(engine, everything=True))
    left = {tag for image in engine.images({}) for tag in image.tags}
    assert left == {"debian:bookworm-slim", "postgres:16", "company/app:1"}


def test_an_image_that_a_newer_one_replaced_goes_by_its_id(engine: FakeEngine) -> None:
    old = engine.image("devbox/base:b")
    assert old is not None
    have(engine, "devbox/base:b", "base", "debian:bookworm-slim", 201)
    refs = {image.ref for image in plan_prune(engine, ["devbox/box:1", "devbox/box:2"]).images}
    assert refs == {old.id, "devbox/base:old"}


def test_what_came_into_use_meanwhile_stays(engine: FakeEngine) -> None:
    plan = plan_prune(engine, ["devbox/box:2"])
    engine.fail("remove_image", Conflict("in use"))
    assert prune(engine, plan) == plan.size - plan.images[0].adds


def test_usage_of_engine_and_folder(engine: FakeEngine, home: Path, tmp_path: Path) -> None:
    run(engine, "devbox/box:1", tmp_path)
    engine.create_volume("devbox-me-box-home", {"devbox.owner": "me", "devbox.box": "box"})
    engine.create_volume("devbox-me-cache-0", {"devbox.owner": "me"})
    engine.create_volume("theirs", {})
    (home / "blobs").mkdir(parents=True)
    (home / "blobs" / "x").write_bytes(b"12345")
    (home / "state.db").write_bytes(b"123")
    found = usage(engine, home)
    parts = {part.kind: part for part in found.parts}
    assert parts["images"].count == 6
    assert parts["images"].size == 371 * MIB
    assert parts["images"].reclaimable == 200 * MIB
    assert parts["home volumes"].count == parts["cache volumes"].count == 1
    assert (parts["blobs"].count, parts["blobs"].size) == (1, 5)
    assert (parts["state"].count, parts["state"].size) == (1, 3)
    assert found.size == 371 * MIB + 8


def test_the_shipped_images_of_this_version_stay(home: Path, images: Path, spec: MakeSpec) -> None:
    engine = FakeEngine()
    engine.add_image("debian:bookworm-slim")
    service = Images(engine, Settings("me"), home)
    service.folder = images
    with_packages = service.recipe(spec(pip=("rich",)))
    service.ensure(with_packages)
    added = [step.tag for step in reversed(with_packages.steps[-2:])]
    assert [image.ref for image in service.plan_prune().images] == added
    assert not service.plan_prune([with_packages]).images
    assert len(service.plan_prune(everything=True).images) == 5
