"""SSH to boxes: no port is published, each connection is a server of its own behind the engine."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.identity import BoxId
from devbox.errors import DevboxError

LONGEST_SOCKET = 80
"""Bytes: a socket's path has at most 104, and ssh adds some 17 while it makes one."""
PERSIST = 60
"""Seconds that a shared connection waits for its next user."""


@dataclass(frozen=True)
class SshAccess:
    """How to reach a running box with ssh. ``options`` are ssh's own; ``key`` names this very
    container, so that a connection is never shared with another one of the same name."""

    host: str
    options: tuple[tuple[str, str], ...]
    key: str

    def command(self, *extra: str) -> list[str]:
        """The start of a command line: what follows it is the command to run in the box.

        ``extra`` are further options such as "-N" or "-L". It depends on nothing in the person's
        own configuration, and has a connection of its own that ends with it.
        """
        return self._ssh("-o", "ControlMaster=no", "-o", "ControlPath=none", *extra)

    def shared(self, *extra: str, agent: bool = False) -> list[str]:
        """The same over a connection that is kept for a minute for whoever comes next, which
        saves most of the time of a short command. ``agent`` forwards the person's own."""
        wanted = ("-A", *extra) if agent else extra
        which = f"{self.key}\n{os.environ.get('SSH_AUTH_SOCK', '') if agent else ''}"
        socket = _socket(hashlib.sha256(which.encode()).hexdigest()[:20])
        if not socket:
            return self.command(*wanted)
        sharing = ("ControlMaster=auto", f"ControlPath={socket}", f"ControlPersist={PERSIST}")
        return self._ssh(*(word for option in sharing for word in ("-o", option)), *wanted)

    def _ssh(self, *extra: str) -> list[str]:
        if shutil.which("ssh") is None:
            raise DevboxError(
                "There is no `ssh` program here.",
                hint="Install OpenSSH's client: on Debian and Ubuntu `apt install openssh-client`.",
            )
        argv = ["ssh", "-F", "/dev/null"]
        for name, value in self.options:
            argv += ["-o", f"{name}={value}"]
        return [*argv, *extra, self.host]


def ssh_access(home: Path, box: BoxId, container: str, engine: str) -> SshAccess:
    """The access to a running box; makes the keys on first use."""
    from devbox.boxes.ssh.keys import box_keys
    from devbox.boxes.ssh.options import host_name, options

    box_keys(home, box)
    chosen = options(home, box, engine)
    return SshAccess(host_name(box), tuple(chosen.items()), f"{home}\n{box.project}\n{container}")


def _socket(name: str) -> str:
    """A path for a shared connection's socket that is short and only ours, "" without one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime, "devbox") if runtime else _temporary()
    path = folder / name
    text = str(path)
    if len(text.encode()) > LONGEST_SOCKET or "%" in text or not text.isascii() or " " in text:
        return ""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return ""
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return text if private and found.st_uid == os.geteuid() else ""


def _temporary() -> Path:
    return Path(tempfile.gettempdir(), f"devbox-{os.geteuid()}")
