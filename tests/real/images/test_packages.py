"""Python packages of a box: what installs them, from which cache, and what the image is then."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devbox.compute.engine.build import BuildFailed
from devbox.compute.engine.docker import DockerEngine
from devbox.config.shipped import shipped
from devbox.errors import DevboxError
from tests.real.box import Person, until
from tests.real.images.workshop import Server, Workshop, wheel

UID, GID = 4711, 4712


@pytest.fixture
def person(engine: DockerEngine, workshop: Workshop, index: Server) -> Iterator[Person]:
    """Somebody who is not root, with the index in the settings."""
    Path(os.environ["DEVBOX_CONFIG"]).write_text(f'[network]\nindex = "{index.url}"\n')
    made = Person(workshop.project, os.environ["DEVBOX_USER"])
    yield made
    if engine.containers({"devbox.owner": made.owner}):
        made.run("rm", "--yes", "b")


def up(person: Person, workshop: Workshop) -> None:
    """Bring the box up, and have its own images removed in the end."""
    person.run("up", "--yes")
    container = workshop.engine.container(person.container)
    assert container is not None
    workshop.made += [workshop.labels(container.image)["devbox.parent"], container.image]


def box(person: Person, rest: str = "") -> None:
    person.toml(f'[box]\nname = "b"\nprofile = "python"\n{rest}\n')
    for file in (person.project, *person.project.iterdir()):
        os.chown(file, UID, GID)


def test_what_was_installed_by_hand_is_not_downloaded_again_and_the_other_way_round(
    person: Person, workshop: Workshop, index: Server
) -> None:
    by_pip, by_uv, first = (
        wheel(index.root / name, name) for name in ("tinypip", "tinyuv", "tinyfirst")
    )
    box(person, f'pip = ["{first}"]')
    up(person, workshop)
    assert index.downloads("tinyfirst") == 1
    person.sh(f"pip install --target /tmp/other {first} && ls /tmp/other/tinyfirst.py")
    assert index.downloads("tinyfirst") == 1

    person.sh(f"pip install {by_pip} && uv pip install {by_uv}")
    # uv asks for a part of a wheel first, to read only its metadata.
    names = ("tinypip", "tinyuv", "tinyfirst")
    before = [index.downloads(name) for name in names]
    assert all(before)
    (person.project / "pyproject.toml").write_text(
        f'[project]\nname = "itself"\nversion = "1"\ndependencies = ["{by_uv}"]\n'
    )
    box(person, f'pip = ["{by_pip}", "{first}"]')
    up(person, workshop)
    assert person.sh("python -c 'import tinypip, tinyfirst'; pip list").count("tiny") == 2
    box(person, 'requirements = ["pyproject.toml"]')
    up(person, workshop)
    assert person.sh("python -c 'import tinyuv'; pip list").count("tiny") == 1
    assert [index.downloads(name) for name in names] == before
    assert person.sh(f"find /cache/pip /cache/uv ! -user {UID} -o ! -group {GID}") == ""


def test_the_image_is_the_parents_with_the_packages_and_nothing_else(
    workshop: Workshop, index: Server
) -> None:
    package = wheel(index.root / "tinyplain", "tinyplain")
    (workshop.project / "requirements.txt").write_text(f"{package}\n")
    spec = workshop.spec(requirements=(workshop.project / "requirements.txt",))
    image = workshop.labels(workshop.build(spec, index=index.url))["devbox.parent"]
    parent = workshop.labels(image)["devbox.parent"]
    assert image.startswith("devbox/packages:")
    assert configuration(image) == configuration(parent)
    members = last_layer(image)
    assert {(member.uid, member.gid) for member in members} == {(0, 0)}
    outside = {member.name for member in members if not member.name.startswith("opt/venv/")}
    assert outside == {"opt", "opt/venv", "run", "run/devbox"}
    below = "opt/venv/lib/python3.11/site-packages/"
    files = [member for member in members if not member.isdir()]
    assert all(member.name.removeprefix(below).startswith("tinyplain") for member in files)
    assert all(member.mode & 0o666 == 0o666 for member in files)
    assert workshop.engine.containers({"devbox.kind": "packages"}) == ()


def configuration(image: str) -> dict[str, Any]:
    """The settings of an image, without what says which image it is."""
    done = subprocess.run(["docker", "inspect", image], capture_output=True, check=True)
    config: dict[str, Any] = json.loads(done.stdout)[0]["Config"]
    labels = {k: v for k, v in config["Labels"].items() if not k.startswith("devbox.")}
    return {key: value for key, value in config.items() if value} | {
        "Labels": labels,
        "ArgsEscaped": True,
    }


def last_layer(image: str) -> list[tarfile.TarInfo]:
    """The entries of the topmost layer of an image."""
    saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        layer = archive.extractfile(json.loads(manifest.read())[0]["Layers"][-1])
        assert layer is not None
        with tarfile.open(fileobj=layer) as opened:
            return list(opened)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_however_an_installation_is_ended_it_leaves_nothing_and_the_next_succeeds(
    person: Person, workshop: Workshop, index: Server, number: signal.Signals
) -> None:
    package = wheel(index.root / "tinyheld", "tinyheld")
    index.hold.add("tinyheld-")
    engine = workshop.engine
    box(person, f'pip = ["{package}"]')

    def working() -> list[str]:
        prefix = f"devbox-{person.owner}-packages-"
        found = engine.containers({"devbox.kind": "packages"})
        return [each.name for each in found if each.name.startswith(prefix)]

    build = person.start("image", "build")
    try:
        until(lambda: index.downloads("tinyheld") > 0, seconds=120)
        (container,) = working()
        build.send_signal(number)
    finally:
        build.send_signal(signal.SIGTERM)
        build.communicate(timeout=20)
    assert build.returncode != 0
    until(lambda: not working(), seconds=10)
    assert engine.image(f"devbox/packages:{container.rpartition('-')[2]}") is None
    index.release.set()
    up(person, workshop)
    assert person.sh("python -c 'import tinyheld as t; print(t.HELLO)'") == "hello"
    assert working() == []


def test_a_project_file_installs_what_it_depends_on_and_not_itself(
    workshop: Workshop, index: Server, tmp_path: Path
) -> None:
    package = wheel(tmp_path / "wheels", "tinydep")
    project = workshop.project / "pyproject.toml"
    project.write_text(
        f'[project]\nname = "itself"\nversion = "1"\ndependencies = ["{package}"]\n'
        '[build-system]\nrequires = ["nothing-like-it"]\n'
    )
    image = workshop.build(
        workshop.spec(requirements=(project,)), index=index.url, wheels=(tmp_path / "wheels",)
    )
    out = workshop.sh(image, "uv pip list")
    assert "tinydep" in out
    assert "itself" not in out


def test_a_lock_file_of_uv(workshop: Workshop, index: Server) -> None:
    package = wheel(index.root / "tinylocked", "tinylocked")
    name, _, version = package.partition("==")
    address = index.open_url
    file = next((index.root / "tinylocked").glob("*.whl"))
    (workshop.project / "pyproject.toml").write_text(
        f'[project]\nname = "itself"\nversion = "1"\nrequires-python = ">=3.11"\n'
        f'dependencies = ["{name}"]\n'
    )
    (workshop.project / "uv.lock").write_text(
        'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
        '[[package]]\nname = "itself"\nversion = "1"\nsource = { virtual = "." }\n'
        f'dependencies = [{{ name = "{name}" }}]\n'
        f'[package.metadata]\nrequires-dist = [{{ name = "{name}" }}]\n'
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        f'source = {{ registry = "{address}" }}\n'
        f'wheels = [{{ url = "{address}/tinylocked/{file.name}", '
        f'hash = "sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" }}]\n'
    )
    spec = workshop.spec(requirements=(workshop.project / "uv.lock",))
    image = workshop.build(spec, index=index.url)
    assert "tinylocked" in workshop.sh(image, "uv pip list")


def test_an_own_image_without_python(workshop: Workshop, base_image: str) -> None:
    with pytest.raises(DevboxError, match="has no Python to install packages for") as caught:
        workshop.build(workshop.spec(image=base_image, pip=("rich",)))
    assert "python3-venv" in caught.value.hint


def test_an_own_image_gets_an_environment(
    workshop: Workshop, base_image: str, index: Server, tmp_path: Path
) -> None:
    by_pip, by_uv = (wheel(tmp_path / "wheels", name) for name in ("tinyown", "tinytoo"))
    parent = workshop.build(workshop.spec(image=base_image, apt=("python3", "python3-venv")))
    # As an image has it that comes from somewhere else: with its own Python, and without uv.
    image = workshop.build(
        workshop.spec(image=parent, pip=(by_pip,)),
        index=index.url,
        wheels=(tmp_path / "wheels",),
    )
    hello = "python -c 'import tinyown as t; print(t.HELLO)'"
    assert workshop.sh(image, f"{hello}; command -v uv || :") == "hello"
    # Only uv reads a project file: it is there for that step.
    project = workshop.project / "pyproject.toml"
    project.write_text(f'[project]\nname = "x"\nversion = "1"\ndependencies = ["{by_uv}"]\n')
    uv = wheel_of_uv(tmp_path / "wheels")
    image = workshop.build(
        workshop.spec(image=image, pip=(by_pip,), requirements=(project,)),
        index=index.url,
        wheels=(uv.parent,),
    )
    assert workshop.sh(image, f"{hello}; python -c 'import tinytoo'; command -v uv || :") == "hello"
    with pytest.raises(DevboxError, match=r"the image has no Python 3\.6"):
        workshop.build(workshop.spec(image=parent, python="3.6"), index=index.url)


def wheel_of_uv(folder: Path) -> Path:
    """The wheel of uv that images take, so that the test's index needs none."""
    script = (shipped("images") / "build" / "prelude.sh").read_text()
    version = script.partition("uv_version=")[2].split()[0]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command, f"uv=={version}"], check=True)
    return next(folder.glob("uv-*.whl"))


@pytest.mark.parametrize("name", ["x<<EOF", "x'$(id)'", "x\\", "x && id", "${BASE}", "a # b"])
def test_no_name_of_a_package_is_more_than_a_name(workshop: Workshop, name: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        workshop.build(workshop.spec(pip=(name,)))
    assert "RUN pip_install" in caught.value.step
    assert "uid=" not in "\n".join(caught.value.detail)
