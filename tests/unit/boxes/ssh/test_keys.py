"""Keys: made once, private, and the pin follows the box's key."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from devbox.boxes.identity import BoxId
from devbox.boxes.ssh.keys import BoxKeys, box_keys
from devbox.errors import DevboxError

BOX = BoxId("me", "b")


def test_they_are_made_once_and_are_only_ours(home: Path) -> None:
    keys = box_keys(home, BOX)
    assert box_keys(home, BOX) == keys
    assert keys.client.public.startswith("ssh-ed25519 ")
    assert keys.client.public != keys.host.public
    assert keys.known.read_text() == f"devbox-me_b {keys.host.public}\n"
    for file in (keys.client.file, keys.host.file):
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    assert not [left for left in home.rglob(".*") if left.is_file()]


def test_boxes_share_the_persons_key_and_not_their_own(home: Path) -> None:
    one, other = box_keys(home, BOX), box_keys(home, BoxId("me", "c"))
    assert one.client == other.client
    assert one.host.public != other.host.public
    assert one.id != other.id


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no OpenSSH client")
def test_openssh_reads_them(home: Path) -> None:
    keys = box_keys(home, BOX)
    for key in (keys.client, keys.host):
        shown = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(key.file)], capture_output=True, text=True, check=True
        )
        assert shown.stdout.split()[:2] == key.public.split()


def test_several_processes_agree(home: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        made: set[BoxKeys] = set(pool.map(box_keys, [home] * 8, [BOX] * 8))
    assert len(made) == 1


def test_a_lost_half_is_made_again(home: Path) -> None:
    keys = box_keys(home, BOX)
    keys.host.file.with_name("ssh_host_ed25519_key.pub").unlink()
    assert box_keys(home, BOX) == keys
    # The pin follows a key that was made anew.
    keys.host.file.unlink()
    keys.host.file.with_name("ssh_host_ed25519_key.pub").unlink()
    renewed = box_keys(home, BOX)
    assert renewed.host.public != keys.host.public
    assert renewed.known.read_text() == f"devbox-me_b {renewed.host.public}\n"


def test_what_is_no_key_is_named(home: Path) -> None:
    keys = box_keys(home, BOX)
    keys.client.file.write_text("nonsense")
    keys.client.file.with_name("id_ed25519.pub").unlink()
    with pytest.raises(DevboxError, match="id_ed25519 is not a key") as caught:
        box_keys(home, BOX)
    assert "nonsense" not in str(caught.value)
