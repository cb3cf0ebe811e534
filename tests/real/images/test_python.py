"""Another Python than the distribution's: uv gets it, from where the settings say."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from devbox.errors import DevboxError
from tests.real.box import Person
from tests.real.images.workshop import Server, Workshop, serving, wheel

VERSION = platform.python_version()
ARCHIVE = "python.tar.gz"


@pytest.fixture
def builds(engine: DockerEngine, tmp_path: Path) -> Iterator[Server]:
    """A place of Python builds."""
    root = tmp_path / "builds"
    root.mkdir()
    with serving(engine, Server(root)) as server:
        yield server


def pack(archive: Path, scratch: Path) -> None:
    """Pack the interpreter that runs the tests as uv expects one: with all that it needs below
    a folder "python", wherever that is unpacked. It is no copy of a build that uv knows."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    root = scratch / "python"
    library = root / "lib" / stdlib.name
    unneeded = shutil.ignore_patterns(
        *("site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "*.a")
    )
    shutil.copytree(stdlib, library, ignore=unneeded)
    (library / "site-packages").mkdir()
    program = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    (root / "bin").mkdir()
    place = root / "bin" / stdlib.name
    content = program.read_bytes()
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        home = str(sysconfig.get_config_var("LIBDIR"))
        # The one place that it looks for its library in becomes one beside itself.
        beside = b"$ORIGIN/../lib"
        assert len(beside) <= len(home)
        content = content.replace(home.encode(), beside.ljust(len(home), b"\0"))
        shutil.copy2(Path(home) / str(sysconfig.get_config_var("INSTSONAME")), root / "lib")
    place.write_bytes(content)
    place.chmod(0o755)
    for name in ("python", "python3"):
        (root / "bin" / name).symlink_to(stdlib.name)
    with tarfile.open(archive, "w:gz", compresslevel=1) as made:
        made.add(root, "python")


def listing(server: Server) -> str:
    """Write uv's list of builds with the one that is there; returns its address."""
    major, minor, patch = map(int, VERSION.split("."))
    build = {
        "name": "cpython",
        "arch": {"family": platform.machine(), "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": f"{server.open_url}/{ARCHIVE}",
        "sha256": hashlib.sha256((server.root / ARCHIVE).read_bytes()).hexdigest(),
        "variant": None,
        "build": "20260101",
    }
    key = f"cpython-{VERSION}-linux-{platform.machine()}-gnu"
    (server.root / "list.json").write_text(json.dumps({key: build}))
    return f"{server.open_url}/list.json"


def test_a_python_from_an_own_list_of_builds(
    workshop: Workshop, builds: Server, tmp_path: Path
) -> None:
    pack(builds.root / ARCHIVE, tmp_path / "scratch")
    package = wheel(tmp_path / "wheels", "tinyversion")
    Path(os.environ["DEVBOX_CONFIG"]).write_text(
        f'[network]\npython_downloads = "{listing(builds)}"\n'
    )
    person = Person(workshop.project, os.environ["DEVBOX_USER"])
    person.toml(
        f'[box]\nname = "b"\nprofile = "python"\npython = "{VERSION}"\npip = ["{package}"]\n'
    )
    wheels = f"{os.environ.get('PIP_FIND_LINKS', '')} {tmp_path / 'wheels'}"
    person.run("up", env={"PIP_FIND_LINKS": wheels})
    workshop.made += chain(workshop, person.container)
    where = "import sys, tinyversion; print(sys.version.split()[0], sys.base_prefix)"
    version, prefix = person.sh(f"python -c '{where}'").split()
    assert version == VERSION
    assert prefix.startswith("/opt/python/")
    assert {"/list.json", f"/{ARCHIVE}"} <= set(builds.asked)
    person.run("rm", "--yes", "b")


def chain(workshop: Workshop, container: str) -> list[str]:
    """The images of a box down to the first one that others share, in the order of making."""
    found = workshop.engine.container(container)
    assert found is not None
    tags: list[str] = []
    tag = found.image
    while workshop.labels(tag)["devbox.kind"] != "base":
        tags.insert(0, tag)
        tag = workshop.labels(tag)["devbox.parent"]
    return tags


def test_a_mirror_is_asked_for_the_build_and_its_refusal_is_told(
    workshop: Workshop, builds: Server
) -> None:
    with pytest.raises(DevboxError, match=r"Python 3\.12 cannot be downloaded") as caught:
        workshop.build(workshop.spec(python="3.12"), python_mirror=f"{builds.open_url}/mirror")
    assert "network.python_mirror" in caught.value.hint
    asked = [path for path in builds.asked if path.startswith("/mirror/")]
    assert asked
    assert all("/cpython-3.12." in path for path in asked)
