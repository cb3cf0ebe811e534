"""What `up` and `lock` do with a lock: keep to it, say why not, or refuse."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from devbox import cli
from devbox.api import Devbox
from devbox.boxes.images import Images
from devbox.boxes.lock.file import place, save
from devbox.boxes.lock.fits import inputs
from devbox.boxes.lock.records import Base, Deb, Lock, LockedBox, LockedImage, Wheel
from devbox.compute.engine.fake import FakeEngine
from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError, Refused
from devbox.progress import silent
from devbox.storage.blobs import Blobs
from tests.unit.boxes.lock.conftest import HASH

TOML = '[box]\nname = "main"\nprofile = "python"\napt = ["tree"]\npip = ["rich"]\n'
DIGEST = f"sha256:{HASH}"


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine()
    made.registry.add(f"debian@{DIGEST}")
    return made


@pytest.fixture
def door(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Devbox:
    project = tmp_path / "main"
    project.mkdir()
    (project / "devbox.toml").write_text(TOML)
    monkeypatch.chdir(project)
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    return Devbox(home, engine=engine)


@pytest.fixture
def spec(door: Devbox) -> BoxSpec:
    return door.project().box().spec


def stored(blobs: Blobs, folder: Path, name: str) -> tuple[str, int]:
    """A file in storage that passes for uv's wheel; its hash and size."""
    file = folder / name
    with zipfile.ZipFile(file, "w") as archive:
        for program in ("uv", "uvx"):
            archive.writestr(f"uv-1.data/scripts/{program}", program)
    return blobs.put(file), file.stat().st_size


def lock_of(door: Devbox, spec: BoxSpec, tmp_path: Path) -> LockedBox:
    """Lock a box by hand; its files are in storage."""
    blobs = door.blobs
    uv = Wheel("uv", "1", *stored(blobs, tmp_path, "uv.whl"), "uv-1-py3-none-any.whl")
    rich = Wheel("rich", "13", *stored(blobs, tmp_path, "r.whl"), "rich-13-py3-none-any.whl")
    tree = Deb("tree", "1:2", "amd64", *stored(blobs, tmp_path, "t.deb"), "pool/tree.deb")
    names = [step.name for step in door.images.unlocked(spec).steps]
    added = {"system": {"apt": (tree,)}, "packages": {"python": (rich,)}}
    box = LockedBox(
        name="main",
        platform="linux/amd64",
        inputs=inputs(spec, door.images.unlocked(spec)),
        base=Base("debian:bookworm-slim", digest=DIGEST, apt=(Deb("libc6", "2", "amd64"),)),
        images=tuple(LockedImage(name, **added.get(name, {})) for name in names),  # type: ignore[arg-type]
        uv=uv,
    )
    save(Lock((box,)), spec.project)
    return box


def test_a_lock_that_fits_is_kept_to(door: Devbox, spec: BoxSpec, tmp_path: Path) -> None:
    plain = door.images.recipe(spec)
    assert plain.locked is None
    lock_of(door, spec, tmp_path)
    kept = door.images.kept(spec)
    assert (kept.why, kept.note) == ((), "")
    assert door.images.recipe(spec) == kept.recipe == kept.required("main")
    assert kept.recipe.tag != plain.tag
    assert door.boxes.plan(spec).desired.recipes[0] == kept.recipe


def test_one_that_does_not_is_left_alone_and_told(
    door: Devbox, spec: BoxSpec, tmp_path: Path
) -> None:
    lock_of(door, spec, tmp_path)
    other = replace(spec, pip=("rich", "numpy"))
    kept = door.images.kept(other)
    assert kept.recipe == door.images.unlocked(other)
    assert kept.note == (
        "devbox.lock does not fit: pip: numpy added. Built from devbox.toml;"
        " `devbox lock` writes it anew."
    )
    with pytest.raises(Refused, match="Box main cannot be built as it is locked: pip: numpy"):
        kept.required("main")
    plan = door.boxes.plan(other)
    assert kept.note in door.boxes._workshop.here.notes(plan.desired)


def test_a_locked_build_gets_what_is_locked_and_no_way_to_anything_else(
    door: Devbox, engine: FakeEngine, spec: BoxSpec, tmp_path: Path
) -> None:
    lock_of(door, spec, tmp_path)
    network = replace(door.settings.network, apt_mirror="http://mirror.example", index="http://i")
    settings = replace(door.settings, network=network)
    images = Images(engine, settings, door.home)
    seen: dict[str, tuple[set[str], dict[str, bytes], list[str]]] = {}
    build = engine.build

    def look(request: object, report: object = silent) -> None:
        contexts = request.contexts  # type: ignore[attr-defined]
        locked = Path(contexts["devbox-build"]) / "locked"
        debs = [path.name for path in (locked / "debs").iterdir()]
        packages = (locked / "packages").read_text().splitlines()
        name = request.tag.partition(":")[0].removeprefix("devbox/")  # type: ignore[attr-defined]
        seen[name] = (set(contexts), dict(request.secrets), [*debs, *packages])  # type: ignore[attr-defined]
        assert (Path(contexts["devbox-build"]) / "prelude.sh").is_file()
        assert list(Path(contexts["devbox-wheels"]).iterdir()) == []
        if "uv" in contexts:
            assert (Path(contexts["uv"]) / "uv/bin/uvx").read_text() == "uvx"
        build(request, report)  # type: ignore[arg-type]

    engine.build = look  # type: ignore[method-assign]
    recipe = images.recipe(spec)
    assert images.ensure(recipe) == recipe.tag
    assert list(seen) == ["base", "python", "system", "box"]
    assert ["uv" in contexts for contexts, _, _ in seen.values()] == [True, False, False, False]
    for _, secrets, _ in seen.values():
        assert "devbox-apt" not in secrets
        assert b"no-index = true" in secrets["devbox-pip"]
        assert b"no-index = true" in secrets["devbox-uv"]
        assert b"http://i" not in b"".join(secrets.values())
    assert seen["system"][2][0] == "tree_1%3a2_amd64.deb"
    assert seen["box"][2] == ["deb libc6 2 amd64", "deb tree 1:2 amd64", "python rich 13"]
    packages = engine.image(recipe.steps[3].tag)
    assert packages is not None
    assert packages.labels["devbox.lock"] == "1"
    wheels = next(m for m in engine.held[-1].mounts if "wheels" in m.target)
    assert wheels.read_only


def test_a_base_that_is_gone_is_named(
    door: Devbox, engine: FakeEngine, spec: BoxSpec, tmp_path: Path
) -> None:
    lock_of(door, spec, tmp_path)
    engine.registry.clear()
    with pytest.raises(Refused, match=f"debian@{DIGEST} is locked and cannot be had"):
        door.images.ensure(door.images.recipe(spec))


def test_the_persons_own_registry_may_have_the_base(
    door: Devbox, engine: FakeEngine, spec: BoxSpec, tmp_path: Path
) -> None:
    lock_of(door, spec, tmp_path)
    engine.registry.clear()
    engine.registry.add(f"own.example/debian@{DIGEST}")
    settings = replace(door.settings, base_image="own.example/debian:12")
    images = Images(engine, settings, door.home)
    recipe = images.recipe(spec)
    assert images.ensure(recipe) == recipe.tag
    assert engine.built[0].args["BASE"] == f"own.example/debian@{DIGEST}"


def test_the_commands(
    door: Devbox,
    spec: BoxSpec,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["up", "--locked", "--dry-run"]) == 4
    assert "there is no devbox.lock" in capsys.readouterr().err
    assert cli.run(["lock", "--check"]) == 4
    lock_of(door, spec, tmp_path)
    assert cli.run(["lock", "--check", "--json"]) == 0
    fits = {"name": "main", "fits": True, "reasons": []}
    assert json.loads(capsys.readouterr().out) == [fits]
    before = place(spec.project).read_bytes()
    assert cli.run(["lock", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["written"], told["debian"], told["python"], told["changes"]) == (False, 2, 1, [])
    assert place(spec.project).read_bytes() == before
    assert cli.run(["up", "--locked", "--dry-run"]) == 0
    (spec.project / "devbox.toml").write_text(TOML.replace('"tree"', '"less"'))
    capsys.readouterr()
    assert cli.run(["up", "--locked", "--dry-run"]) == 4
    said = capsys.readouterr().err
    assert "apt: less added, tree removed" in said
    assert "devbox lock" in said


def test_a_check_names_every_box_and_what_does_not_fit(
    door: Devbox, spec: BoxSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def checked(*options: str, code: int) -> str:
        capsys.readouterr()
        assert cli.run(["lock", "--check", *options]) == code
        said = capsys.readouterr()
        return said.out or said.err

    assert checked(code=4) == "Box main: there is no devbox.lock.\n`devbox lock` writes one.\n"
    lock_of(door, spec, tmp_path)
    assert checked(code=0) == "Box main: devbox.lock fits.\n"
    table = TOML.partition('name = "main"\n')[2]
    (spec.project / "devbox.toml").write_text(
        f'[boxes.main]\n{table}[boxes.other]\nprofile = "base"\n'
    )
    missing = "it does not have the box other"
    assert checked(code=4) == (
        f"Box main: devbox.lock fits.\nBox other: devbox.lock does not fit: {missing}.\n"
        "`devbox lock` writes it anew.\n"
    )
    assert json.loads(checked("--json", code=4)) == [
        {"name": "main", "fits": True, "reasons": []},
        {"name": "other", "fits": False, "reasons": [missing]},
    ]


def test_the_plan_says_whether_a_lock_is_kept(
    door: Devbox, spec: BoxSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def planned() -> tuple[object, list[str]]:
        capsys.readouterr()
        assert cli.run(["up", "--dry-run", "--json"]) == 0
        (plan,) = json.loads(capsys.readouterr().out)
        assert cli.run(["up", "--dry-run"]) == 0
        lines = capsys.readouterr().out.splitlines()
        return plan["lock"], [line for line in lines if line.startswith("  lock")]

    assert planned() == (None, [])
    lock_of(door, spec, tmp_path)
    assert planned() == ({"fits": True, "reasons": []}, ["  lock: kept"])
    (spec.project / "devbox.toml").write_text(TOML.replace('"rich"', '"rich", "six"'))
    assert planned() == (
        {"fits": False, "reasons": ["pip: six added"]},
        ["  lock: does not fit devbox.toml (pip: six added); built without it"],
    )


@pytest.mark.parametrize("command", [["up", "--dry-run"], ["lock", "--check"], ["image", "build"]])
def test_a_broken_lock_is_told(
    door: Devbox, spec: BoxSpec, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place(spec.project).write_text("version = 1\n<<<<<<< HEAD\n")
    assert cli.run(command) == 2
    assert "devbox.lock:2: the lock holds the marks of a merge conflict" in capsys.readouterr().err
    place(spec.project).write_text("version = 9\n")
    with pytest.raises(ConfigError, match="newer devbox"):
        door.boxes.lock(spec, ["main"])


def test_a_box_that_must_be_locked(
    door: Devbox,
    engine: FakeEngine,
    spec: BoxSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What decides is the reading of the lock that the images come from: there is no other."""
    lock_of(door, spec, tmp_path)
    readings: list[BoxSpec] = []
    read = door.images.kept

    def counted(asked: BoxSpec) -> object:
        readings.append(asked)
        return read(asked)

    monkeypatch.setattr(door.images, "kept", counted)
    plan = door.boxes.check(spec, locked=True)
    door.boxes._workshop.here.notes(plan.desired)
    assert len(readings) == 1
    other = replace(spec, pip=("rich", "numpy"))
    for act in (door.boxes.plan, door.boxes.check, door.boxes.up):
        with pytest.raises(Refused, match="Box main cannot be built as it is locked: pip: numpy"):
            act(other, locked=True)
    assert engine.built == []
    assert door.boxes.plan(other).desired.lock_note.startswith("devbox.lock does not fit")


def test_every_box_of_a_project_is_locked_before_one_is_touched(
    door: Devbox, engine: FakeEngine, spec: BoxSpec, tmp_path: Path
) -> None:
    lock_of(door, spec, tmp_path)
    table = TOML.partition('name = "main"\n')[2]
    (spec.project / "devbox.toml").write_text(
        f'[boxes.main]\n{table}[boxes.other]\nprofile = "base"\n'
    )
    assert cli.run(["up", "--locked"]) == 4
    assert engine.built == []
    assert engine.containers({}) == ()
