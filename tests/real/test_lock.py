"""A lock and what is built from it: the same packages, wherever and whenever, or a refusal."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from devbox.api import Devbox
from devbox.boxes.images import Images, Recipe
from devbox.boxes.lock.file import load
from devbox.compute.engine import endpoint
from devbox.compute.engine.docker import DockerEngine
from devbox.config import load_settings
from devbox.config.spec import BoxSpec
from devbox.errors import DevboxError
from tests.real.box import Person, until
from tests.real.images.workshop import PASSWORDS, Server, serving, wheel
from tests.real.registry import Registry, registry

LIST = (
    "dpkg-query -W -f='${db:Status-Status} ${Package} ${Version} ${Architecture}\\n' | sort;"
    "[ ! -x /opt/venv/bin/python ] || uv pip list --python /opt/venv/bin/python"
)


@pytest.fixture
def person(home: Path, tmp_path: Path) -> Person:
    project = tmp_path / "locked"
    project.mkdir()
    return Person(project, os.environ["DEVBOX_USER"])


@pytest.fixture
def index(tmp_path: Path, engine: DockerEngine) -> Iterator[Server]:
    """A package index that wants a password, named in the person's settings."""
    root = tmp_path / "index"
    root.mkdir()
    with serving(engine, Server(root, PASSWORDS[0])) as server:
        Path(os.environ["DEVBOX_CONFIG"]).write_text(f'[network]\nindex = "{server.url}"\n')
        yield server


@pytest.fixture
def team(engine: DockerEngine, base_image: str, home: Path, tmp_path: Path) -> Iterator[Registry]:
    """A registry that has an image with Python as team/py:1, and no engine that has it."""
    images = Images(engine, load_settings(), home)
    spec = BoxSpec("x", tmp_path, "python", profile_image="python")
    images.ensure(images.recipe(spec))
    python = next(s.tag for s in images.recipe(spec).steps if s.name == "python")
    own = f"devbox-test-{uuid.uuid4().hex[:8]}"
    dockerfile = f"FROM {python}\nLABEL test={own}\n"
    subprocess.run(
        ["docker", "build", "-q", "-t", own, "-"],
        input=dockerfile.encode(),
        check=True,
        capture_output=True,
    )
    folder = tmp_path / "registry"
    folder.mkdir()
    with registry(folder) as made:
        made.take(own, "1")
        engine.remove_image(own)
        yield made
    for image in engine.images({"test": own}):
        for reference in (*image.tags, *image.digests):
            if reference.startswith(made.host) and engine.image(reference):
                engine.remove_image(reference)


def packages_in(image: str) -> str:
    """All packages of an image, a line each."""
    command = ["docker", "run", "--rm", "--entrypoint", "sh", image, "-c", LIST]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def both_chains(person: Person) -> Iterator[tuple[Recipe, Recipe]]:
    """The unlocked and the locked chain of the person's box; their images are gone afterwards."""
    with Devbox() as door:
        spec = door.project(person.project).box().spec
        chains = door.images.unlocked(spec), door.images.recipe(spec)
        try:
            yield chains
        finally:
            for chain in chains:
                forget(door.images.engine, chain)


def forget(engine: object, chain: Recipe) -> None:
    """Remove the images of a chain, but not the shipped ones, which are everybody's."""
    assert isinstance(engine, DockerEngine)
    for step in reversed(chain.steps):
        shared = chain.locked is None and step.kind in {"base", "profile"}
        if not shared and engine.image(step.tag):
            engine.remove_image(step.tag)
    if chain.locked and engine.image(chain.external):
        engine.remove_image(chain.external)


def test_a_box_on_a_registrys_image_is_the_same_wherever_it_is_built(
    person: Person, engine: DockerEngine, team: Registry, index: Server, tmp_path: Path
) -> None:
    package = wheel(index.root / "tinylock", "tinylock")
    name, _, version = package.partition("==")
    person.toml(
        f'[box]\nname = "locked"\nimage = "{team.name}:1"\napt = ["tree"]\npip = ["{name}"]\n'
    )
    person.run("lock", "--check", code=4)
    person.run("lock")
    lock = load(person.project)
    assert lock is not None
    (box,) = lock.boxes
    assert f"sha256:{team.tags['1'].removeprefix('sha256:')}" == box.base.digest
    added = {image.name: image for image in box.images}
    assert [deb.name for deb in added["system"].apt] == ["tree"]
    assert added["system"].apt[0].sha256
    assert [(w.name, w.version, bool(w.sha256)) for w in added["packages"].python] == [
        (name, version, True)
    ]
    assert PASSWORDS[0] not in (person.project / "devbox.lock").read_text()

    with both_chains(person) as (plain, locked):
        before = packages_in(plain.tag)
        assert f"{name} " in before
        assert "installed tree " in before

        # Time passes: the tag moves on, the package is withdrawn, the images are gone.
        team.tags.clear()
        shutil.rmtree(index.root / "tinylock")
        forget(engine, plain)

        other = {"DEVBOX_HOME": str(tmp_path / "other")}
        refused = person.run("up", "--locked", code=4, env=other)
        assert f"{name} {version} is locked and cannot be had" in refused.stderr
        assert PASSWORDS[0] not in refused.stderr
        assert engine.containers({"devbox.owner": person.owner}) == ()

        # Another machine, with the storage of the first.
        blobs = Path(os.environ["DEVBOX_HOME"]) / "blobs"
        shutil.copytree(blobs, tmp_path / "other" / "blobs", dirs_exist_ok=True)
        person.run("up", "--locked", env=other)
        assert person.sh(LIST) == before
        assert packages_in(locked.tag) == before
        assert "up to date" in person.run("up", "--dry-run", env=other).stdout
        person.run("rm", "--volumes", "--yes", env=other)


def test_what_an_own_dockerfile_installs_is_checked(
    person: Person, engine: DockerEngine, base_image: str
) -> None:
    person.toml('[box]\nname = "locked"\nbuild = { context = "." }\n')
    (person.project / ".dockerignore").write_text("*\n!made\n")
    (person.project / "made").write_text("1")
    recorded = "/var/lib/dpkg/status"
    entry = "Package: extra\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n"
    (person.project / "Dockerfile").write_text(
        f"FROM {base_image}\nCOPY made /made\n"
        f'RUN [ "$(cat /made)" = 1 ] || printf "\\n{entry}" >>{recorded}\n'
    )
    person.run("lock")
    with both_chains(person):
        person.run("up", "--locked")
        person.run("rm", "--volumes", "--yes")
    # The same Dockerfile, and another day.
    (person.project / "made").write_text("2")
    with both_chains(person):
        refused = person.run("up", "--locked", code=4)
        assert "not the packages of the lock: extra 1 is not in the lock" in refused.stderr
        assert engine.containers({"devbox.owner": person.owner}) == ()


@contextmanager
def empty_engine(engine: DockerEngine, scratch: Path) -> Iterator[DockerEngine]:
    """Another engine that has nothing, in a network of its own that leads nowhere."""
    running = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "dockerd"]
    if os.geteuid() != 0 or not running or not shutil.which("unshare"):
        pytest.skip("needs root, and the program of an engine on this machine")
    folder = Path(engine.info().root_dir).parent / f"devbox-test-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    socket = f"unix://{scratch}/d.sock"
    start = (
        "ip link set lo up 2>/dev/null;"
        f" exec '{running[0].exe()}' --data-root {folder}/data --exec-root {folder}/exec"
        f" --pidfile {folder}/pid -H {socket} >{folder}/log 2>&1"
    )
    process = subprocess.Popen(
        ["unshare", "--net", "--mount", "sh", "-c", start], env=running[0].environ()
    )
    made = DockerEngine(endpoint.find({"DOCKER_HOST": socket}, scratch))

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        try:
            made.ping()
        except DevboxError:
            return False
        return True

    try:
        until(answers, seconds=60)
        yield made
    finally:
        process.terminate()
        process.wait(60)
        subprocess.run(["umount", "--recursive", str(folder)], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_lock_is_rebuilt_in_an_empty_engine_without_any_network(
    person: Person,
    engine: DockerEngine,
    base_image: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not shutil.which("debootstrap"):
        pytest.skip("needs debootstrap")
    assert base_image.startswith("devbox/") or not engine.image(base_image).digests  # type: ignore[union-attr]
    person.toml(
        '[box]\nname = "locked"\nprofile = "base"\napt = ["tree"]\npip = ["rich", "markupsafe"]\n'
    )
    person.run("lock")
    with both_chains(person):
        person.run("up", "--locked")
        before = person.sh(LIST)
        assert "installed tree " in before
        assert "rich " in before
        person.run("rm", "--volumes", "--yes")
    copied = tmp_path / "o"
    shutil.copytree(home / "blobs", copied / "blobs")
    with empty_engine(engine, tmp_path) as empty:
        assert empty.images({}) == ()
        there = {"DOCKER_HOST": f"unix://{tmp_path}/d.sock", "DEVBOX_HOME": str(copied)}
        dead = '[network]\napt_mirror = "http://127.0.0.1:9/debian"\nindex = "http://127.0.0.1:9"\n'
        Path(os.environ["DEVBOX_CONFIG"]).write_text(dead)
        person.run("up", "--locked", env=there)
        for variable, value in there.items():
            monkeypatch.setenv(variable, value)
        assert person.sh(LIST) == before
        person.run("rm", "--volumes", "--yes")
