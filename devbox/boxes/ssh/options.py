"""What an `ssh` has to be told to reach a box: as options of a command and as a configuration."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from devbox.boxes.identity import BoxId
from devbox.boxes.ssh.keys import paths
from devbox.errors import DevboxError

DOMAIN = "devbox"
LOGIN = "dev"
# What else decides which engine a command means.
_CARRIED = ("DOCKER_CONTEXT", "DOCKER_CONFIG")


def host_name(box: BoxId) -> str:
    """What a box is called for ssh, "churn.devbox"."""
    return f"{box.name}.{DOMAIN}"


def options(home: Path, box: BoxId, engine: str = "") -> dict[str, str]:
    """The options that reach a box and trust nothing but its own key.

    ``engine`` is the address of the engine where it must not be found anew each time. Raises
    DevboxError where a path holds what ssh's configuration cannot.
    """
    client, _, known = paths(home, box)
    return {
        "ProxyCommand": proxy_command(home, box, engine),
        "User": LOGIN,
        "HostKeyAlias": box.project,
        "UserKnownHostsFile": quoted(known),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "HostKeyAlgorithms": "ssh-ed25519",
        # Nobody can listen between here and the engine, and newer kinds take 0.1 s longer.
        "KexAlgorithms": "curve25519-sha256",
        "UpdateHostKeys": "no",
        "IdentityFile": quoted(client),
        "IdentitiesOnly": "yes",
        "PreferredAuthentications": "publickey",
        "GSSAPIAuthentication": "no",
        "SendEnv": "COLORTERM NO_COLOR",
        "LogLevel": "ERROR",
    }


def proxy_command(
    home: Path, box: BoxId, engine: str = "", environ: Mapping[str, str] = os.environ
) -> str:
    """The command that connects ssh to a box, whatever the folder and environment it runs in.

    The person's shell reads it after ssh has replaced what follows a "%".
    """
    carried = {"DEVBOX_HOME": str(home), "DEVBOX_USER": box.owner}
    if engine:
        carried["DOCKER_HOST"] = engine
    carried |= {name: environ[name] for name in _CARRIED if environ.get(name)}
    words = ["env", *(f"{name}={value}" for name, value in carried.items())]
    # -P: what lies in the current folder is not taken for a module.
    words += [sys.executable, "-P", "-m", "devbox.boxes.ssh", box.name]
    line = shlex.join(words)
    if not line.isprintable():
        raise _unusable(line)
    return line.replace("%", "%%")


def quoted(path: Path) -> str:
    """A path as one word of ssh's configuration."""
    text = str(path)
    if not text.isprintable() or re.search(r'["\\]|\$\{', text):
        raise _unusable(text)
    return f'"{text.replace("%", "%%")}"'


def _unusable(text: str) -> DevboxError:
    return DevboxError(
        f"OpenSSH cannot use this path: {ascii(text)[:200]}",
        hint="Set DEVBOX_HOME to a folder without quotes, backslashes and the like.",
    )
