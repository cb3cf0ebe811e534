"""Writing ssh configuration: the person's own file is never hurt."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devbox.boxes.identity import BoxId
from devbox.boxes.ssh import personal
from devbox.boxes.ssh.config import (
    ConfigPlan,
    apply_config,
    plan_config,
    plan_removal,
    refresh,
    write_config,
)
from devbox.errors import DevboxError
from devbox.state import Locked, lock

BOXES = [BoxId("me", "a"), BoxId("me", "b")]
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")


def plan(home: Path, *, agent: bool = False) -> ConfigPlan:
    return plan_config(home, BOXES, agent=agent, engine="")


def write(home: Path, *, agent: bool = False) -> None:
    apply_config(plan(home, agent=agent))


@pytest.fixture
def config(home: Path) -> Path:
    """A person's ~/.ssh/config."""
    file = Path.home() / ".ssh" / "config"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(b"Host *\n  User somebody\n  StrictHostKeyChecking no\n")
    file.chmod(0o640)
    return file


def asked(file: Path, host: str) -> dict[str, str]:
    """What ssh makes of a configuration file for a host."""
    argv = ["ssh", "-G", "-F", str(file), host]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@needs_ssh
def test_where_there_was_nothing(home: Path) -> None:
    planned = plan(home)
    assert not (Path.home() / ".ssh").exists()
    assert planned.diff[:2] == (f"{planned.file}:", f"  + {planned.line}")
    apply_config(planned)
    assert planned.file.read_text() == f'Include "{home}/ssh/config"\n'
    assert (mode(planned.file), mode(planned.file.parent)) == (0o600, 0o700)
    assert (mode(planned.ours), mode(planned.ours.parent)) == (0o600, 0o700)
    found = asked(planned.file, "b.devbox")
    assert (found["user"], found["stricthostkeychecking"]) == ("dev", "true")
    assert found["proxycommand"].endswith("devbox.boxes.ssh b")
    assert plan(home).empty
    assert plan(home).diff == ()


@needs_ssh
def test_it_is_stronger_than_what_the_person_says_for_all_hosts(home: Path, config: Path) -> None:
    before = config.read_bytes()
    write(home)
    assert config.read_bytes().endswith(before)
    assert mode(config) == 0o640
    ours, other = asked(config, "a.devbox"), asked(config, "example.org")
    assert (ours["user"], ours["stricthostkeychecking"]) == ("dev", "true")
    # And it says nothing for any other host.
    assert (other["user"], other["stricthostkeychecking"]) == ("somebody", "false")
    assert "proxycommand" not in other
    apply_config(plan_removal(home))
    assert config.read_bytes() == before
    assert not (home / "ssh" / "config").exists()
    assert plan_removal(home).empty


@needs_ssh
@pytest.mark.parametrize("name", ["a b", "50%", "it's", "[x]", "ü"])
def test_any_home(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert asked(personal.config_file(), "a.devbox")["user"] == "dev"


@needs_ssh
@pytest.mark.parametrize(
    "text",
    [
        b"Host *\r\n  User somebody\r\n",
        b"Match all\n  User somebody",
        b"# caf\xe9\nHost *\n  User somebody\n",
        b"Host *\n  User somebody\n" + b"# filling\n" * 1_000_000,
    ],
)
def test_any_file(home: Path, config: Path, text: bytes) -> None:
    config.write_bytes(text)
    write(home)
    assert config.read_bytes().endswith(text)
    assert asked(config, "a.devbox")["user"] == "dev"
    assert asked(config, "example.org")["user"] == "somebody"


def test_a_link_stays_a_link(home: Path, config: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "ssh"
    real.parent.mkdir()
    config.rename(real)
    config.symlink_to(real)
    write(home)
    assert config.is_symlink()
    assert real.read_bytes().startswith(b"Include ")
    assert mode(real) == 0o640
    assert names(real.parent) == ["ssh"]


def test_a_link_to_nowhere(home: Path, config: Path) -> None:
    config.unlink()
    config.symlink_to("/nowhere/at/all")
    with pytest.raises(DevboxError, match="is a link to /nowhere/at/all, which does not exist"):
        write(home)


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_read_only_is_left_alone(
    home: Path, config: Path, tmp_path: Path, what: str
) -> None:
    if what == "link":
        real = tmp_path / "store" / "ssh"
        real.parent.mkdir()
        config.rename(real)
        config.symlink_to(real)
        real.chmod(0o444)
    (config if what == "file" else config.parent).chmod(0o400 if what == "file" else 0o500)
    before = config.read_bytes()
    try:
        with pytest.raises(DevboxError, match="left as it is: it is read-only") as caught:
            write(home)
    finally:
        config.parent.chmod(0o700)
    assert caught.value.exit_code == 1
    assert f'Include "{home}/ssh/config"' in caught.value.hint
    assert config.read_bytes() == before
    assert names(config.parent) == ["config"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_is_left_alone(home: Path, config: Path) -> None:
    before = config.read_bytes()
    os.chown(config, 4321, 4321)
    with pytest.raises(DevboxError, match="belongs to somebody else"):
        write(home)
    assert config.read_bytes() == before


def test_what_is_no_file(home: Path, config: Path) -> None:
    config.unlink()
    os.mkfifo(config)
    with pytest.raises(DevboxError, match="not a regular file"):
        plan(home)


@needs_ssh
def test_a_mistake_of_the_persons_own_is_theirs_to_mend(home: Path, config: Path) -> None:
    config.write_bytes(b"Host *\n  NoSuchOption yes\n")
    with pytest.raises(DevboxError, match="ssh does not accept its configuration") as caught:
        write(home)
    assert any("nosuchoption" in line.lower() for line in caught.value.detail)
    assert config.read_bytes() == b"Host *\n  NoSuchOption yes\n"


def test_two_at_once_and_another_writer(
    home: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.read_bytes()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [home, tmp_path / "other"] * 4))
    lines = config.read_bytes().removesuffix(before).splitlines()
    assert sorted(lines) == sorted(
        f'Include "{folder}/ssh/config"'.encode() for folder in (home, tmp_path / "other")
    )
    # Somebody saves the file between our reading and our writing: theirs is not lost.
    apply_config(plan_removal(home))
    saved = False

    def save_once(_: Path) -> None:
        nonlocal saved
        if not saved:
            saved = True
            config.write_bytes(b"Host late\n" + config.read_bytes())

    line = b"Include x"
    personal.edit(config, lambda text: line + b"\n" + text, line, save_once)
    assert config.read_bytes().startswith(b"Include x\nHost late\n")


KILLED = """
import os, signal, sys
from pathlib import Path
from devbox.boxes.identity import BoxId
from devbox.boxes.ssh import config
real = os.fsync
left = int(sys.argv[2])
def fsync(descriptor):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)
os.fsync = fsync
config.apply_config(
    config.plan_config(Path(sys.argv[1]), [BoxId("me", "a")], agent=False, engine="")
)
"""


@pytest.mark.parametrize("when", [0, 1, 2, 3])
def test_killed_in_the_middle(home: Path, config: Path, when: int) -> None:
    before = config.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(home), str(when)], check=False)
    assert done.returncode == (0 if when == 3 else -signal.SIGKILL)
    assert config.read_bytes().endswith(before)
    write(home)
    assert config.read_bytes() == f'Include "{home}/ssh/config"\n'.encode() + before
    assert names(config.parent) == ["config"]


def test_our_own_file_is_kept_true_only_where_it_is(home: Path, config: Path) -> None:
    before = config.read_bytes()
    refresh(home, lambda: BOXES)
    assert not (home / "ssh").exists()
    write(home, agent=True)
    edited = config.read_bytes()
    refresh(home, lambda: BOXES[:1])
    ours = (home / "ssh" / "config").read_text()
    assert "Host a.devbox" in ours
    assert "b.devbox" not in ours
    assert "ForwardAgent yes" in ours
    assert config.read_bytes() == edited != before


def test_who_lists_the_boxes_is_the_only_one_to_write_them(home: Path, config: Path) -> None:
    listed = 0

    def ls() -> list[BoxId]:
        nonlocal listed
        listed += 1
        with pytest.raises(Locked), lock(home / "locks" / "ssh-config.lock", wait=False):
            pass
        return BOXES

    write(home)
    refresh(home, ls)
    write_config(home, plan(home), ls)
    assert listed == 2
    assert config.read_text().startswith("Include ")


def test_a_box_that_came_while_a_person_thought(home: Path, config: Path) -> None:
    planned = plan_config(home, BOXES[:1], agent=True, engine="")
    write_config(home, planned, lambda: BOXES)
    ours = (home / "ssh" / "config").read_text()
    assert "Host b.devbox" in ours
    assert ours.count("ForwardAgent yes") == 2
    assert config.read_text().startswith("Include ")
    write_config(home, plan_removal(home), lambda: BOXES)
    assert not (home / "ssh" / "config").exists()
    refresh(home, lambda: BOXES)
    assert not (home / "ssh" / "config").exists()
