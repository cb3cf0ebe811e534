"""On what filesystem a path lies: SQLite's locks and shared memory do not work over a network."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath

# fmt: off
NETWORK_TYPES = frozenset((
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "glusterfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "orangefs", "pvfs2", "smb2", "smb3",
    "smbfs", "webdav",
))
NETWORK_FUSE = frozenset((
    "ceph-fuse", "curlftpfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "mount-s3",
    "rclone", "s3fs", "smbnetfs", "sshfs",
))
# fmt: on

_ESCAPE = re.compile(r"\\([0-7]{3})")
_BSD_LINE = re.compile(r"^.+? on (?P<point>/.*) \((?P<type>[^,)]+)[^)]*\)$")


def filesystem(mountinfo: str, path: PurePosixPath) -> str:
    """The type of the filesystem that holds an absolute path, from /proc/self/mountinfo's text.

    The longest mount point above the path wins, and among equals the one mounted last.
    "" where nothing fits. Format: proc_pid_mountinfo(5); unreadable lines are passed over.
    """
    found, best = "", -1
    for line in mountinfo.split("\n"):
        fields = line.split(" ")
        try:
            point, kind = _unescape(fields[4]), fields[fields.index("-", 6) + 1]
        except (IndexError, ValueError):
            continue
        if len(point) >= best and _below(path, point):
            found, best = kind, len(point)
    return found


def bsd_filesystem(listing: str, path: PurePosixPath) -> str:
    """The same from the output of ``mount`` on macOS."""
    found, best = "", -1
    for line in listing.split("\n"):
        match = _BSD_LINE.match(line)
        if match and len(match["point"]) >= best and _below(path, match["point"]):
            found, best = match["type"], len(match["point"])
    return found


def is_network(kind: str) -> bool:
    """Whether a filesystem of this type may be written by several machines at once."""
    if kind.startswith("fuse."):
        return kind.removeprefix("fuse.") in NETWORK_FUSE
    return kind in NETWORK_TYPES


def filesystem_of(path: Path) -> str:
    """The type of the filesystem that holds ``path``, "" where that cannot be found out."""
    real = PurePosixPath(os.path.realpath(path))
    if sys.platform == "darwin":
        import subprocess

        try:
            listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return ""
        return bsd_filesystem(listing.stdout, real)
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return ""
    return filesystem(mountinfo, real)


def may_be_network(path: Path) -> bool:
    """A cheap first look: False for what lies on a block device of this machine (Linux)."""
    return sys.platform == "linux" and os.major(path.stat().st_dev) == 0


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def _below(path: PurePosixPath, point: str) -> bool:
    return path.is_relative_to(point)
