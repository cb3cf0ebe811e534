"""Making a base image: which tool, from where, and what is left of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from devbox.boxes.images import bootstrap as module
from devbox.boxes.images.bootstrap import bootstrap, clear_abandoned, find_tool, work_folder
from devbox.boxes.images.rootfs import finishing_script
from devbox.boxes.images.sources import image_sources, public_mirror, system_mirror
from devbox.compute.engine.fake import FakeEngine
from devbox.config.spec import Network
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, silent

PUBLIC = "http://archive.example/debian"


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def tool(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f'#!/bin/sh\n# DEF_MIRROR="{PUBLIC}"\n{body}')
    file.chmod(0o755)
    return file


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, first on PATH, and a keyring; no source of its own."""
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(b"")
    monkeypatch.setattr(module, "KEYRING", keyring)
    monkeypatch.setattr(module, "_confined", list)
    monkeypatch.setattr(module, "_same_machine", lambda _: None)
    monkeypatch.setattr(module, "system_mirror", lambda _: "")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


def test_a_base_is_made_and_the_folder_removed(machine: Path, temp: Path, home: Path) -> None:
    tool(
        machine,
        "debootstrap",
        'for x; do r=$root; root=$y; y=$x; done\necho "I: Retrieving"\n'
        'mkdir -p "$root/usr/share/doc/x" "$root/usr/sbin" "$root/etc/apt"\n'
        'echo "$@" >"$root/args"; echo deb http://private >"$root/etc/apt/sources.list"\n',
    )
    engine = FakeEngine()
    seen: list[Progress] = []
    made = bootstrap(
        engine, Network(), mirror="http://m.example/debian", home=home, report=seen.append
    )
    assert made == "devbox/debian:bookworm-slim"
    image = engine.image(made)
    assert image is not None
    assert image.labels["devbox.kind"] == "bootstrap"
    assert "Retrieving" in [progress.text for progress in seen if progress.log]
    assert not list(temp.iterdir())


def test_a_failure_shows_the_last_lines_without_passwords(
    machine: Path, temp: Path, home: Path
) -> None:
    tool(
        machine,
        "debootstrap",
        "echo E: cannot fetch http://me:s3cret@m.example/debian >&2\nexit 1\n",
    )
    with pytest.raises(DevboxError, match="debootstrap failed") as caught:
        bootstrap(FakeEngine(), Network(), home=home, report=silent)
    assert caught.value.detail == ("E: cannot fetch http://***@m.example/debian",)
    assert not list(temp.iterdir())


@pytest.mark.parametrize("release", ["", "../etc", "Bookworm", "a b", "--help"])
def test_a_release_is_a_word(home: Path, release: str) -> None:
    with pytest.raises(UsageError):
        bootstrap(FakeEngine(), Network(), release=release, home=home, report=silent)


def test_what_is_not_installed_is_named(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    with pytest.raises(DevboxError) as caught:
        find_tool()
    assert caught.value.hint == "apt-get install debootstrap"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DevboxError) as caught:
        find_tool()
    assert caught.value.hint == "sudo apt-get install mmdebstrap"
    monkeypatch.setattr(
        "shutil.which", lambda name, path=None: "/x" if name == "debootstrap" else None
    )
    with pytest.raises(DevboxError, match="needs root"):
        find_tool()
    monkeypatch.setattr(module, "KEYRING", tmp_path / "gone")
    with pytest.raises(DevboxError, match="keyring"):
        find_tool()


def test_a_folder_in_use_stays_and_an_abandoned_one_goes(temp: Path) -> None:
    abandoned = temp / f"{module.PREFIX}abandoned"
    (abandoned / "root").mkdir(parents=True)
    (abandoned / "lock").touch()
    with work_folder() as used:
        clear_abandoned()
        assert used.is_dir()
        assert not abandoned.exists()
    assert not used.exists()


def test_the_machines_own_archive(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "other.list").write_text("deb [arch=amd64] https://x.example/linux/debian y stable\n")
    assert system_mirror("bookworm", tmp_path) == ""
    (parts / "off.sources").write_text(
        "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: a\nComponents: main\n"
    )
    (parts / "debian.sources").write_text(
        "Types: deb deb-src\n# a comment\nURIs: http://new.example/debian/\nSuites: trixie\n"
        "Components: main contrib\n\nTypes: deb\nURIs: http://new.example/debian-security\n"
        "Suites: trixie-security\nComponents: main\n"
    )
    assert system_mirror("bookworm", tmp_path) == "http://new.example/debian"
    (tmp_path / "sources.list").write_text("deb http://old.example/debian bookworm main\n")
    assert system_mirror("bookworm", tmp_path) == "http://old.example/debian"
    assert system_mirror("trixie", tmp_path) == "http://new.example/debian"


def test_the_public_address_is_the_tools_own(tmp_path: Path) -> None:
    assert public_mirror(tool(tmp_path, "debootstrap", "")) == PUBLIC
    (tmp_path / "other").write_text("nothing")
    with pytest.raises(DevboxError):
        public_mirror(tmp_path / "other")


def test_the_images_sources_have_security_updates() -> None:
    text = image_sources("bookworm", PUBLIC)
    assert f"URIs: {PUBLIC}-security\nSuites: bookworm-security\n" in text
    assert text.count("Signed-By:") == 2
    assert "security" not in image_sources("sid", PUBLIC)


def test_finishing_takes_out_what_is_the_machines(tmp_path: Path) -> None:
    root = tmp_path / "root"
    files = {
        "etc/apt/sources.list": "deb http://private.example bookworm main",
        "etc/apt/apt.conf.d/99mmdebstrap": "Acquire::https::CAInfo",
        "etc/resolv.conf": "nameserver 192.0.2.1",
        "etc/machine-id": "0123",
        "etc/hostname": "laptop",
        "etc/passwd-": "x",
        "usr/share/doc/bash/copyright": "kept",
        "usr/share/doc/bash/README": "x",
        "usr/share/man/man1/bash.1": "x",
        "var/lib/apt/lists/private.example": "x",
        "var/log/bootstrap.log": "x",
        "usr/sbin/start": "x",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    script = tmp_path / "finish"
    script.write_text(finishing_script("bookworm", PUBLIC))
    subprocess.run(["sh", str(script), str(root)], check=True)
    left = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert left == {
        "etc/apt/apt.conf.d/90slim",
        "etc/apt/sources.list.d/debian.sources",
        "etc/dpkg/dpkg.cfg.d/slim",
        "etc/hostname",
        "etc/machine-id",
        "usr/sbin/start",
        "usr/share/doc/bash/copyright",
    }
    assert (root / "etc/hostname").read_text() == "localhost\n"
    assert (root / "etc/machine-id").read_text() == ""
    assert "path-exclude /usr/share/man/*\n" in (root / "etc/dpkg/dpkg.cfg.d/slim").read_text()
