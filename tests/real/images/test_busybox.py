"""An own image that is no Debian: a POSIX shell and the small tools of busybox, nothing else."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person, until
from tests.real.images.workshop import Workshop

LINKS = ("bin", "sbin", "usr/bin", "usr/sbin")


@pytest.fixture
def image(
    engine: DockerEngine, workshop: Workshop, base_image: str, tmp_path: Path
) -> Iterator[str]:
    """As Alpine is: busybox for everything, /etc/passwd with root and nobody else."""
    source = workshop.build(workshop.spec(image=base_image, apt=("busybox-static",)))
    program = subprocess.run(
        ["docker", "run", "--rm", "--entrypoint", "cat", source, "/bin/busybox"],
        capture_output=True,
        check=True,
    ).stdout
    applets = workshop.sh(source, "busybox --list-full").split()
    archive = tmp_path / "root.tar"
    with tarfile.open(archive, "w") as made:

        def add(name: str, content: bytes = b"", mode: int = 0o644, kind: bytes = b"0") -> None:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.type = len(content), mode, kind
            made.addfile(entry, io.BytesIO(content))

        for folder in ("bin", "sbin", "usr", "usr/bin", "usr/sbin", "etc", "root", "var"):
            add(folder, mode=0o755, kind=tarfile.DIRTYPE)
        add("tmp", mode=0o1777, kind=tarfile.DIRTYPE)
        add("bin/busybox", program, 0o755)
        add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        add("etc/group", b"root:x:0:\n")
        for applet in applets:
            if applet.startswith(LINKS) and applet != "bin/busybox":
                link = tarfile.TarInfo(applet)
                link.type, link.linkname = tarfile.SYMTYPE, "/bin/busybox"
                made.addfile(link)
    tag = f"tiny/busybox:{uuid.uuid4().hex[:8]}"
    engine.import_image(archive, tag, ['CMD ["/bin/sh"]'])
    yield tag
    engine.remove_image(tag)


@pytest.fixture
def person(engine: DockerEngine, workshop: Workshop, image: str) -> Iterator[Person]:
    made = Person(workshop.project, os.environ["DEVBOX_USER"])
    made.toml(f'[box]\nname = "b"\nimage = "{image}"\n')
    os.chown(made.project, 4711, 4712)
    made.run("up")
    (box,) = made.json("ps")
    yield made
    made.run("rm", "--yes", "b")
    engine.remove_image(box["image"])


def test_a_box_of_busybox_works(person: Person, tmp_path: Path) -> None:
    assert person.sh("id -u; id -g; id -un; pwd; echo $HOME") == (
        "4711\n4712\ndev\n/workspace\n/home/dev"
    )
    person.sh("echo kept > ~/file; echo here > new")
    assert (person.project / "new").stat().st_uid == 4711
    assert person.run("exec", "--", "sh", "-c", "exit 7", code=7)
    assert "no command 'bash'" in person.run("exec", "--", "bash", code=127).stderr
    assert person.run("shell", input="echo in-$((40+2)); exit 3\n", code=3).stdout == "in-42\n"
    assert "devbox: ready" in person.run("logs").stdout

    (tmp_path / "given.txt").write_text("given")
    person.run("cp", str(tmp_path / "given.txt"), ":/tmp/")
    assert person.sh("cat /tmp/given.txt; stat -c %u /tmp/given.txt") == "given4711"
    person.run("cp", ":/tmp/given.txt", str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_text() == "given"

    person.run("stop")
    assert person.json("ps")[0]["state"] == "stopped"
    person.run("start")
    assert person.sh("cat ~/file") == "kept"
    assert person.json("up")[0]["plan"]["act"] == "nothing"
    person.run("stats", "b")


def test_an_interrupted_command_ends_in_it(person: Person, engine: DockerEngine) -> None:
    running = person.start("exec", "--", "sh", "-c", "sleep 4711 & sleep 4712")
    command = "ps -o args | grep -c '^sleep 471' || :"
    until(lambda: person.sh(command) == "2")
    running.kill()
    running.communicate()
    until(lambda: person.sh(command) == "0")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ('apt = ["tree"]', "apt packages need an image based on Debian or Ubuntu"),
        ('pip = ["rich"]', "the image has no Python to install packages for"),
        ('python = "3.12"', "the image has no Python 3.12"),
    ],
)
def test_what_it_cannot_have_is_refused_in_a_sentence(
    workshop: Workshop, image: str, keys: str, sentence: str
) -> None:
    person = Person(workshop.project, os.environ["DEVBOX_USER"])
    person.toml(f'[box]\nname = "b"\nimage = "{image}"\n{keys}\n')
    error = person.run("up", code=1).stderr
    assert f"error: {sentence}." in error
    assert "hint:" in error
