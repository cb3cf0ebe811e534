"""Images as a real engine builds them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devbox import cli
from devbox.boxes.images import Images
from devbox.boxes.images.bootstrap import PREFIX, clear_abandoned
from devbox.boxes.images.sources import system_mirror
from devbox.compute.engine.build import BuildFailed
from devbox.compute.engine.docker import DockerEngine
from devbox.config import load_settings
from devbox.config.shipped import shipped
from devbox.config.spec import BoxSpec, Build, Settings
from devbox.errors import DevboxError
from devbox.progress import Progress
from tests.real.box import until

PASSWORDS = ("index-s3cret", "proxy-s3cret", "mirror-s3cret")


@dataclass
class Workshop:
    """Makes images for boxes of one project, and removes what it made."""

    engine: DockerEngine
    home: Path
    project: Path
    settings: Settings
    made: list[str] = field(default_factory=list)
    said: list[Progress] = field(default_factory=list)

    def spec(self, **values: Any) -> BoxSpec:
        if not {"image", "build", "profile_image"} & values.keys():
            values["profile_image"] = "python"
        return BoxSpec(**{"name": "box", "project": self.project, "profile": "p", **values})

    def build(self, spec: BoxSpec, **network: Any) -> str:
        """Build a box's image; ``network`` are settings that differ from this machine's."""
        given = dataclasses.replace(self.settings.network, **network)
        images = Images(self.engine, dataclasses.replace(self.settings, network=given), self.home)
        recipe = images.recipe(spec)
        # The plain images of profiles are everybody's.
        if spec.pip or spec.apt or spec.requirements or not spec.profile_image:
            self.made += [step.tag for step in recipe.steps if step.kind in {"box", "build"}]
        self.said.clear()
        return images.ensure(recipe, self.said.append)

    def sh(self, image: str, script: str, *arguments: str) -> str:
        """What a shell script prints in a container of an image."""
        command = ["docker", "run", "--rm", "--label", "devbox.test=1", *arguments, image]
        done = subprocess.run(
            [*command, "sh", "-ec", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def workshop(
    engine: DockerEngine, base_image: str, home: Path, tmp_path: Path
) -> Iterator[Workshop]:
    project = tmp_path / "project"
    project.mkdir()
    made = Workshop(engine, home, project, load_settings())
    yield made
    for tag in made.made:
        engine.remove_image(tag)


def wheel(folder: Path, name: str) -> str:
    """Write a wheel with one module that says hello; returns what to install."""
    version = f"1.0+{uuid.uuid4().hex[:8]}"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "HELLO = 'hello'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}=={version}"


@pytest.fixture
def index(tmp_path: Path, engine: DockerEngine) -> Iterator[str]:
    """A package index that wants a password, at an address that builds can reach."""
    networks = engine.http.json("GET", "/networks/bridge")
    gateway = networks["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
    root = tmp_path / "index"
    root.mkdir()
    wanted = "Basic " + base64.b64encode(f"me:{PASSWORDS[0]}".encode()).decode()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(root))

        def do_GET(self) -> None:
            if self.headers.get("Authorization") == wanted:
                super().do_GET()
                return
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://me:{PASSWORDS[0]}@{gateway}:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def everything_in(image: str) -> Iterator[tuple[str, bytes]]:
    """Every file of an image as it is saved: its configuration, and what is in its layers."""
    with (
        subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as saved,
    ):
        for entry in saved:
            content = saved.extractfile(entry)
            if content is None:
                continue
            data = content.read()
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                    for member in layer:
                        yield f"{entry.name}:{member.name}", member.name.encode()
                        file = layer.extractfile(member) if member.isfile() else None
                        if file is not None:
                            yield f"{entry.name}:{member.name}", file.read()
            except tarfile.ReadError:
                yield entry.name, data


def test_a_base_is_what_a_developer_expects(workshop: Workshop) -> None:
    image = workshop.build(workshop.spec(profile_image="base"))
    out = workshop.sh(
        image,
        "for p in git sshd ssh vim tmux curl less ps sudo uv uvx xz; do command -v $p; done;"
        "ls /etc/ssh; test ! -e /usr/bin/python3; sudo -u dev sudo id -u; locale;"
        "stat -c '%U %n' /home/dev /workspace /cache; ls /usr/local/lib/devbox /run/secrets || :",
    )
    assert "ssh_host_" not in out
    assert "dev /home/dev\ndev /workspace\ndev /cache" in out
    assert "LANG=C.UTF-8" in out
    assert "init" in out
    labels = engine_labels(workshop, image)
    assert labels["devbox.kind"] == "box"
    assert labels["org.opencontainers.image.title"] == "devbox base"


def engine_labels(workshop: Workshop, image: str) -> dict[str, str]:
    found = workshop.engine.image(image)
    assert found is not None
    return dict(found.labels)


def test_python_is_first_everywhere_and_any_user_may_change_it(workshop: Workshop) -> None:
    image = workshop.build(workshop.spec())
    where = "python -c 'import sys; print(sys.prefix)'"
    assert workshop.sh(image, f'{where}; env -i sh -lc "{where}"') == "/opt/venv\n/opt/venv"
    assert workshop.sh(image, "grep PATH= /etc/environment").startswith("PATH=/opt/venv/bin:")
    out = workshop.sh(
        image,
        "find /opt/venv ! -type l ! -perm -0666; cd /opt/venv/lib/python3*/site-packages;"
        f"touch x.py; {where}; pip --version",
        "--user=4711:4711",
    )
    assert out.startswith("/opt/venv\npip ")
    assert len(out.splitlines()) == 2


def test_the_second_time_nothing_is_done(workshop: Workshop) -> None:
    spec = workshop.spec()
    image = workshop.build(spec)
    before = workshop.engine.image(image)
    assert workshop.build(spec) == image
    assert not workshop.said
    assert workshop.engine.image(image) == before


def test_nothing_of_the_way_to_the_network_is_in_the_image(
    workshop: Workshop, index: str, tmp_path: Path
) -> None:
    package = wheel(tmp_path / "index" / "tinyindexed", "tinyindexed")
    authority = tmp_path / "ca.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=planted"]
    request += ["-keyout", str(tmp_path / "key.pem"), "-out", str(authority)]
    subprocess.run(request, check=True, capture_output=True)
    proxy = f"http://me:{PASSWORDS[1]}@proxy.invalid:3128"
    # An archive without TLS asks for no password, and takes one.
    mirror = system_mirror("bookworm")
    mirror = mirror.replace("http://", f"http://me:{PASSWORDS[2]}@") if "http:" in mirror else ""
    image = workshop.build(
        workshop.spec(pip=(package,), apt=("tree",)),
        apt_mirror=mirror,
        index=index,
        ca=authority,
        https_proxy=proxy,
        no_proxy=index.rpartition("@")[2].partition(":")[0],
    )
    assert workshop.sh(image, "python -c 'import tinyindexed as t; print(t.HELLO)'") == "hello"

    planted = [word.encode() for word in PASSWORDS]
    planted += [b"proxy.invalid", index.rpartition("@")[2].encode()]
    planted.append(authority.read_bytes().splitlines()[5])
    seen = 0
    for name, data in everything_in(image):
        seen += 1
        found = [word for word in planted if word in data]
        # What pip records of a package's origin names the index, never the password.
        if name.endswith(("direct_url.json", "uv_cache.json")):
            found = [word for word in found if word in planted[: len(PASSWORDS)]]
        assert not found, name
        assert not name.endswith(("/run/secrets", "devbox-ca", "devbox-pip"))
    assert seen > 5000
    history = subprocess.run(
        ["docker", "history", "--no-trunc", image], capture_output=True, check=True
    ).stdout
    assert not [word for word in planted if word in history]


def test_a_folder_of_wheels_reaches_the_build(
    workshop: Workshop, index: str, tmp_path: Path
) -> None:
    package = wheel(tmp_path / "wheels", "tinylocal")
    other = wheel(tmp_path / "more", "tinyother")
    (workshop.project / "requirements.txt").write_text(f"{other}\n")
    spec = workshop.spec(pip=(package,), requirements=(workshop.project / "requirements.txt",))
    folders = (tmp_path / "wheels", tmp_path / "more")
    image = workshop.build(spec, index=index, wheels=folders)
    out = workshop.sh(image, "python -c 'import tinylocal as t, tinyother; print(t.HELLO)'")
    assert out == "hello"


def test_a_project_file_installs_what_it_depends_on_and_not_itself(
    workshop: Workshop, index: str, tmp_path: Path
) -> None:
    package = wheel(tmp_path / "wheels", "tinydep")
    project = workshop.project / "pyproject.toml"
    project.write_text(
        f'[project]\nname = "itself"\nversion = "1"\ndependencies = ["{package}"]\n'
        '[build-system]\nrequires = ["nothing-like-it"]\n'
    )
    image = workshop.build(
        workshop.spec(requirements=(project,)), index=index, wheels=(tmp_path / "wheels",)
    )
    out = workshop.sh(image, "uv pip list")
    assert "tinydep" in out
    assert "itself" not in out


def test_a_lock_file_of_uv(workshop: Workshop, index: str, tmp_path: Path) -> None:
    package = wheel(tmp_path / "index" / "tinylocked", "tinylocked")
    name, _, version = package.partition("==")
    address = index.replace(f"me:{PASSWORDS[0]}@", "")
    file = next((tmp_path / "index" / "tinylocked").glob("*.whl"))
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
    image = workshop.build(spec, index=index)
    assert "tinylocked" in workshop.sh(image, "uv pip list")


def test_a_debian_package_that_there_is_not(workshop: Workshop) -> None:
    with pytest.raises(BuildFailed) as caught:
        workshop.build(workshop.spec(profile_image="base", apt=("no-such-package-at-all",)))
    assert caught.value.step.endswith("RUN apt_install no-such-package-at-all")
    assert "Unable to locate package no-such-package-at-all" in "\n".join(caught.value.detail)


def test_a_python_that_cannot_be_downloaded(workshop: Workshop, index: str) -> None:
    with pytest.raises(DevboxError, match=r"Python 3\.12 cannot be downloaded") as caught:
        workshop.build(workshop.spec(python="3.12"), python_mirror=f"{index}/none")
    assert "network.python_mirror" in caught.value.hint


def test_an_own_image_without_python(workshop: Workshop, base_image: str) -> None:
    with pytest.raises(DevboxError, match="has no Python to install packages for") as caught:
        workshop.build(workshop.spec(image=base_image, pip=("rich",)))
    assert "python3-venv" in caught.value.hint


def test_an_own_image_gets_an_environment(
    workshop: Workshop, base_image: str, index: str, tmp_path: Path
) -> None:
    package = wheel(tmp_path / "wheels", "tinyown")
    parent = workshop.build(workshop.spec(image=base_image, apt=("python3", "python3-venv")))
    # As an image has it that comes from somewhere else: with its own Python, and without uv.
    uv = wheel_of_uv(tmp_path / "wheels")
    image = workshop.build(
        workshop.spec(
            image=parent,
            pip=(package,),
        ),
        index=index,
        wheels=(uv.parent,),
    )
    out = workshop.sh(image, "python -c 'import tinyown as t; print(t.HELLO)'; command -v uv || :")
    assert out == "hello"
    with pytest.raises(DevboxError, match=r"the image has no Python 3\.6"):
        workshop.build(workshop.spec(image=parent, python="3.6"), index=index)


def wheel_of_uv(folder: Path) -> Path:
    """The wheel of uv that images take, so that the test's index needs none."""
    script = (shipped("images") / "build" / "prelude.sh").read_text()
    version = script.partition("uv_version=")[2].split()[0]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command, f"uv=={version}"], check=True)
    return next(folder.glob("uv-*.whl"))


def test_an_own_dockerfile_and_its_failure(workshop: Workshop, base_image: str) -> None:
    context = workshop.project / "docker"
    context.mkdir()
    file = context / "Dockerfile"
    file.write_text(f"FROM {base_image}\nARG WORD\nRUN echo said-$WORD >/said\n")
    image = workshop.build(workshop.spec(build=Build(context, args={"WORD": "x"})))
    assert workshop.sh(image, "cat /said; ls /usr/local/lib/devbox").startswith("said-x\ninit")
    file.write_text(f"FROM {base_image}\nRUN echo last words; exit 3\n")
    with pytest.raises(BuildFailed) as caught:
        workshop.build(workshop.spec(build=Build(context)))
    assert "RUN echo last words; exit 3" in caught.value.step
    assert "last words" in caught.value.detail


def test_a_made_base_takes_the_place_of_what_no_registry_gives(
    workshop: Workshop, base_image: str
) -> None:
    made = "devbox/debian:forky-slim"
    if workshop.engine.image(made) is not None:
        pytest.skip(f"{made} is somebody's here")
    workshop.engine.tag(base_image, made)
    try:
        missing = "nowhere.invalid/debian:forky-slim"
        image = workshop.build(workshop.spec(image=missing))
        assert engine_labels(workshop, image)["devbox.parent"] == made
        context = workshop.project / "docker"
        context.mkdir()
        (context / "Dockerfile").write_text(f"FROM {missing}\nRUN echo here >/here\n")
        image = workshop.build(workshop.spec(build=Build(context)))
        assert workshop.sh(image, "cat /here") == "here"
    finally:
        workshop.engine.remove_image(made)


@pytest.mark.parametrize("name", ["x<<EOF", "x'$(id)'", "x\\", "x && id", "${BASE}", "a # b"])
def test_no_name_of_a_package_is_more_than_a_name(workshop: Workshop, name: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        workshop.build(workshop.spec(pip=(name,)))
    assert "RUN pip_install" in caught.value.step
    assert "uid=" not in "\n".join(caught.value.detail)


def test_the_commands(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workshop.project)

    def run(*arguments: str) -> Any:
        assert cli.run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    tag = run("image", "build", "base")[0]["image"]
    (workshop.project / "devbox.toml").write_text('[box]\nprofile = "base"\n')
    assert run("image", "build") == [{"image": tag}]
    listed = {entry["ref"]: entry for entry in run("image", "ls")}
    assert listed[tag]["kind"] == "box"
    assert listed[listed[tag]["parent"]]["kind"] == "base"
    plan = run("image", "prune", "--dry-run")
    assert plan["freed"] == 0
    assert tag not in {entry["ref"] for entry in plan["images"]}
    parts = {part["kind"]: part for part in run("df")["parts"]}
    assert parts["images"]["size"] > 100 << 20
    assert cli.run(["image", "prune", "--all"]) == 4  # nobody agreed


def needs_debootstrap() -> None:
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_base_from_the_distributions_packages(workshop: Workshop) -> None:
    needs_debootstrap()
    images = Images(workshop.engine, workshop.settings, workshop.home)
    if workshop.engine.image("devbox/debian:bookworm-slim") is None:
        workshop.made.append("devbox/debian:bookworm-slim")
    made = images.bootstrap("bookworm", report=workshop.said.append)
    out = workshop.sh(
        made,
        "cat /etc/debian_version /etc/apt/sources.list.d/*; env; ls /var/lib/apt/lists /run /tmp;"
        "apt-get -qq update; apt-get -qq install -y less 2>&1 | tail -n 1",
    )
    assert "bookworm-security" in out
    assert "Setting up less" in out
    assert os.uname().nodename not in out
    assert workshop.sh(made, "stat -c '%a %u' /usr/sbin/policy-rc.d /usr/sbin") == "755 0\n755 0"
    authorities = workshop.sh(made, "cat /etc/ssl/certs/ca-certificates.crt").count("BEGIN CERT")
    assert authorities == int(workshop.sh(made, "grep -c '^[^#!]' /etc/ca-certificates.conf"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_bootstrap_leaves_no_mount_and_the_next_removes_its_folder(
    workshop: Workshop, tmp_path: Path
) -> None:
    needs_debootstrap()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "devbox", "image", "base", "-v"],
            env={**os.environ, "TMPDIR": str(scratch)},
            stderr=stream,
        )
    until(lambda: "Unpacking the base system" in log.read_text(), seconds=200)
    process.send_signal(signal.SIGKILL)
    process.wait()
    mounts = Path("/proc/self/mountinfo")
    until(lambda: not debootstraps(scratch))
    assert str(scratch) not in mounts.read_text()
    assert list(scratch.glob(f"{PREFIX}*"))
    tempdir(scratch, clear_abandoned)
    assert not list(scratch.iterdir())


def debootstraps(scratch: Path) -> list[Path]:
    """The processes that still work below a folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(scratch).encode() in file.read_bytes():
                found.append(file)
        except OSError:
            continue
    return found


def tempdir(folder: Path, act: Callable[[], None]) -> None:
    """Do something with ``folder`` as the place of temporary folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(folder))
        act()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_datascience_has_what_it_promises(workshop: Workshop) -> None:
    image = workshop.build(workshop.spec(profile_image="datascience"))
    modules = "jupyterlab, tensorboard, numpy, pandas, polars, duckdb, sklearn, matplotlib.pyplot"
    assert workshop.sh(image, f"python -c 'import {modules}, ipykernel; print(1)'") == "1"
    workshop.sh(
        image, "uv pip check; jupyter lab --version; find /opt/venv ! -type l ! -perm -0666"
    )
