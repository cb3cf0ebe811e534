from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.state.mounts import bsd_filesystem, filesystem, filesystem_of, is_network

MOUNTINFO = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid shared:2 - proc proc rw
40 22 0:50 / /home rw,relatime shared:3 master:1 - nfs4 server:/home rw,vers=4.2
41 40 8:2 / /home/ada/local rw,relatime - xfs /dev/sdb1 rw
42 22 0:51 / /mnt/with\\040space rw - fuse.sshfs host:/ rw
43 22 0:52 / /mnt/twice rw - cifs //server/share rw
44 43 8:3 / /mnt/twice rw - ext4 /dev/sdc1 rw
45 22 0:53 / /mnt/c rw - 9p drvfs rw
"""

MAC = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//ada@server/share on /Volumes/share (smbfs, nodev, nosuid, mounted by ada)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib", "ext4"),
        ("/home", "nfs4"),
        ("/home/ada", "nfs4"),
        ("/home/ada/local/devbox", "xfs"),
        ("/homework", "ext4"),
        ("/mnt/with space/x", "fuse.sshfs"),
        ("/mnt/twice/x", "ext4"),
        ("/mnt/c/Users", "9p"),
    ],
)
def test_the_longest_mount_point_wins(path: str, kind: str) -> None:
    assert filesystem(MOUNTINFO, PurePosixPath(path)) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/Users/ada", "apfs"), ("/Volumes/share/x", "smbfs"), ("/Volumes/shared", "apfs")],
)
def test_macos_listing(path: str, kind: str) -> None:
    assert bsd_filesystem(MAC, PurePosixPath(path)) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "smbfs"])
def test_network_types(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "apfs", "fuse", ""])
def test_local_types(kind: str) -> None:
    assert not is_network(kind)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert isinstance(filesystem(text, PurePosixPath("/a")), str)
    assert isinstance(bsd_filesystem(text, PurePosixPath("/a")), str)


@given(st.lists(st.text(alphabet="\\0179 /-:\n", max_size=12), max_size=14).map(" ".join))
def test_lines_that_nearly_fit_are_read(text: str) -> None:
    assert isinstance(filesystem(text, PurePosixPath("/a")), str)


def test_this_machine_is_found(tmp_path: Path) -> None:
    assert filesystem_of(tmp_path)
