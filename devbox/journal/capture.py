"""What is written down of a run without being asked: who runs what where, its code, its packages.

Everything here may fail to be found, and then is left out: no run fails for it. Secrets are masked
in what is kept of the command and of the code, see :mod:`devbox.redact`.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.journal.places import box_facts
from devbox.redact import redacted, redacted_words

if TYPE_CHECKING:
    from devbox.journal.run import Run

GIT_PATIENCE = 20.0
LARGEST_DIFF = 10 << 20
DIFF = "code/uncommitted.diff"
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")


def process(command: Sequence[str] = ()) -> dict[str, Any]:
    """The command, folder, user and machine."""
    user = ""
    with suppress(Exception):  # a user id without a name
        # Those who work in a box are all the same user there.
        user = os.environ.get("DEVBOX_USER") or box_facts().get("owner") or getpass.getuser()
    return {
        "command": redacted_words(command or getattr(sys, "orig_argv", sys.argv)),
        "folder": _folder(),
        "user": user,
        "host": socket.gethostname(),
        "box": box_facts().get("box", ""),
        "pid": os.getpid(),
    }


def environment() -> dict[str, Any]:
    """Python, the platform and every installed package with its version."""
    from importlib import metadata

    packages = {}
    with suppress(Exception):
        for each in metadata.distributions():
            name = each.metadata["Name"]
            if name:
                packages[name.lower().replace("_", "-")] = each.version
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
        **{name: fact for name, fact in box_facts().items() if name != "owner"},
        **_lock(),
    }


def _lock() -> dict[str, Any]:
    """The digest of the project's devbox.lock, where there is one around us."""
    folder = Path(_folder() or "/")
    for place in (folder, *folder.parents):
        with suppress(OSError):
            data = (place / "devbox.lock").read_bytes()
            return {"lock": "sha256:" + hashlib.sha256(data).hexdigest()}
    return {}


def code(run: Run) -> dict[str, Any]:
    """The commit of the repository around us; what is not committed is kept as an artifact."""
    root = _git("rev-parse", "--show-toplevel")
    commit = _git("rev-parse", "--verify", "-q", "HEAD")
    if not root or not commit:
        return {}
    found = {
        "root": root,
        "commit": commit,
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD") or "",
        "remote": _PASSWORD.sub("", _git("config", "--get", "remote.origin.url") or ""),
        "dirty": False,
    }
    diff = _git("diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD", strip=False)
    if diff:
        found["dirty"] = True
        with suppress(Exception):
            run.log_text(redacted(diff[:LARGEST_DIFF]), DIFF)
    return found


def _git(*arguments: str, strip: bool = True) -> str | None:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_PATIENCE,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )
        if done.returncode == 0:
            text = done.stdout.decode("utf-8", "replace")
            return text.strip() if strip else text
    return None


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - Path.cwd() is the same, slower
    except OSError:
        return ""
