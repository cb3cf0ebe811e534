"""Git in a box knows who the person is, and with consent gets the credentials of the remotes.

Git of this machine is asked, as any git command here would ask it; nothing is asked of a person.
What it answers lies in the box's memory, one file for each host, and git in the box is told to
read it there for that host alone.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from devbox.boxes.ask import QUIET_GIT, TooMuch, TooSlow, ask
from devbox.boxes.files import GITCONFIG
from devbox.boxes.identity import RUN
from devbox.config.spec import WORKSPACE
from devbox.redact import remember

PATIENCE = 10.0
"""Seconds for each question to git."""
LARGEST_ANSWER = 64 << 10
MOST_HOSTS = 8
# A devbox that runs inside a git hook is about another repository.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


@dataclass(frozen=True)
class GitAccess:
    """The files of a box for git, and the hosts whose credentials are among them."""

    files: Mapping[str, bytes]
    hosts: tuple[str, ...] = ()


def git_access(project: Path, *, credentials: bool) -> GitAccess:
    """What git in the box of a project gets from git of this machine."""
    who = dict(_config(project, r"^user\.(name|email)$"))
    lines = [f"[safe]\n\tdirectory = {WORKSPACE}\n"]
    if user := "".join(f"\t{key[5:]} = {_quoted(value)}\n" for key, value in who.items()):
        lines.append(f"[user]\n{user}")
    files, hosts = dict[str, bytes](), list[str]()
    for address in _addresses(project) if credentials else ():
        host = _host(address)
        if host in hosts or len(hosts) == MOST_HOSTS or not (answer := _answer(address)):
            continue
        hosts.append(host)
        name = f"git-credential-{len(hosts)}"
        files[name] = answer
        helper = f'!f() {{ test "$1" != get || cat {RUN}/{name}; }}; f'
        lines.append(f"[credential {_quoted(host)}]\n\thelper = {_quoted(helper)}\n")
    return GitAccess({**files, GITCONFIG: "".join(lines).encode()}, tuple(hosts))


def _addresses(project: Path) -> Iterator[SplitResult]:
    """The http(s) remotes of the project's repository, as git in the box sees them."""
    for _, line in _config(project, r"^remote\..*\.(push)?url$", "--local"):
        try:
            address = urlsplit(line)
            port = address.port
        except ValueError:
            continue
        plain = re.fullmatch(r"[!-~]+", line) and re.fullmatch(r"[A-Za-z0-9.:_-]+", _name(address))
        # With a password in the address itself there is nothing to ask for.
        if plain and address.scheme in {"http", "https"} and not address.password and port != 0:
            yield address


def _name(address: SplitResult) -> str:
    return address.netloc.rpartition("@")[2]


def _host(address: SplitResult) -> str:
    return f"{address.scheme}://{_name(address)}"


def _answer(address: SplitResult) -> bytes:
    """The credentials for a remote in git's own form; nothing where git here has none."""
    asked = [f"protocol={address.scheme}", f"host={_name(address)}"]
    asked.append(f"path={unquote(address.path.lstrip('/'))}")
    if address.username:
        asked.append(f"username={unquote(address.username)}")
    # Git refuses to be asked about a line break, and so do we.
    if any("\n" in line or "\r" in line or "\0" in line for line in asked):
        return b""
    # Not in the project, where a program in the box may have written git's settings.
    with tempfile.TemporaryDirectory(prefix="devbox-git-") as nowhere:
        said = _git(["credential", "fill"], Path(nowhere), "\n".join([*asked, "", ""]))
    got = dict(line.partition("=")[::2] for line in said.splitlines())
    if not got.get("password"):
        return b""
    remember([got["password"]])
    return "".join(f"{key}={got.get(key, '')}\n" for key in ("username", "password")).encode()


def _config(project: Path, names: str, *options: str) -> Iterator[tuple[str, str]]:
    """Git's settings whose names match, in a project."""
    for entry in _git(["config", *options, "-z", "--get-regexp", names], project).split("\0"):
        name, newline, value = entry.partition("\n")
        if newline:
            yield name, value


def _git(args: list[str], folder: Path, send: str = "") -> str:
    """What a git command prints; "" where it fails, hangs or is not there."""
    if (git := shutil.which("git")) is None:
        return ""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    try:
        answer = ask(
            [git, *args],
            seconds=PATIENCE,
            limit=LARGEST_ANSWER,
            send=send.encode(),
            env=env | QUIET_GIT,
            cwd=folder,
        )
    except (TooSlow, TooMuch, OSError):
        return ""
    return answer.output.decode(errors="replace") if answer.code == 0 else ""


def _quoted(text: str) -> str:
    """A value for a git configuration file."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
