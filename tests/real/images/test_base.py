"""A base image that is made here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devbox.boxes.images import Images
from devbox.boxes.images.bootstrap import PREFIX, clear_abandoned
from tests.real.box import until
from tests.real.images.workshop import Workshop


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
