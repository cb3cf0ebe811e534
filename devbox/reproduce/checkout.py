"""A commit in a fresh folder, out of a repository that nobody trusts.

None of its hooks, filters or submodules has a say: git only moves objects and writes files, with
no configuration but ours. What is fetched from elsewhere uses the person's way to get there.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from devbox.boxes.teams.address import PROTOCOLS
from devbox.errors import DevboxError, Unreachable

PATIENCE = 600.0
"""Seconds for one step; fetching a large repository takes a while."""
_OPTIONS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    f"core.attributesFile={os.devnull}",
    "fetch.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "protocol.version=2",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
)
_PERSONAL = frozenset(
    {"GIT_ASKPASS", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_SSH", "GIT_SSH_COMMAND"}
)
"""Variables of git that say how a person reaches other machines; none of a repository's."""


def has_commit(repository: Path, commit: str) -> bool:
    """Whether a repository on this machine has a commit."""
    if not repository.is_dir():
        return False
    try:
        _git(repository, "cat-file", "-e", f"{commit}^{{commit}}", personal=True)
    except DevboxError:
        return False
    return True


def top(folder: Path) -> Path | None:
    """The repository around a folder, None where there is none."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel", personal=True).strip())
    except DevboxError:
        return None


def checkout(source: str, commit: str, folder: Path, remote: str = "") -> None:
    """Make a new repository in ``folder`` with the files of a commit, from a repository at an
    address or on this machine. ``remote`` is what it says that its own origin is.

    Raises Unreachable where it can't be fetched, DevboxError where it has no such commit.
    """
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=", ".")
    try:
        _fetch(folder, source, "--depth=1", commit)
    except DevboxError:
        # Not every server hands out a commit by its id.
        _fetch(folder, source, "+refs/heads/*:refs/source/*", "+refs/tags/*:refs/tags/*")
    if not has_commit(folder, commit):
        raise DevboxError(f"{source} has no commit {commit[:12]} any more.")
    if remote:
        _git(folder, "config", "remote.origin.url", remote)
    _git(folder, "checkout", "--quiet", "--no-recurse-submodules", "--detach", commit)


def apply(folder: Path, diff: bytes) -> None:
    """Write recorded changes into a checkout. Raises DevboxError where they don't fit."""
    _git(folder, "apply", "--whitespace=nowarn", "-", given=diff)


def left_out(folder: Path) -> tuple[str, ...]:
    """What a checkout has no content for: submodules, files in Git LFS."""
    found = []
    if (folder / ".gitmodules").is_file():
        found.append("submodules are not checked out")
    with suppress(OSError, UnicodeDecodeError):
        attributes = folder / ".gitattributes"
        if not attributes.is_symlink() and "filter=lfs" in attributes.read_text():
            found.append("files in Git LFS are pointers only")
    return tuple(found)


def _fetch(folder: Path, source: str, *what: str) -> None:
    try:
        _git(
            folder,
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            *(word for word in what if word.startswith("--")),
            "--",
            source,
            *(word for word in what if not word.startswith("--")),
            personal=True,
        )
    except DevboxError as error:
        raise Unreachable(
            f"{source} can't be fetched: {error.message}", hint="Does `git fetch` work there?"
        ) from error


def _git(folder: Path, *words: str, given: bytes = b"", personal: bool = False) -> str:
    """Run git. ``personal``: with the person's own configuration, to reach other machines."""
    options: Sequence[str] = [part for each in _OPTIONS for part in ("-c", each)]
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _PERSONAL},
        "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    if not personal:
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        done = subprocess.run(
            ["git", *options, *words],
            cwd=folder,
            input=given,
            capture_output=True,
            env=env,
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise DevboxError("There is no git on this machine.", hint="Install git.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DevboxError(f"git {words[0]} did not end: {error}.") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = "".join(c for c in (lines or ["no reason given"])[0] if c.isprintable())
        raise DevboxError(said.partition(": ")[2][:300] or said[:300])
    return done.stdout.decode("utf-8", "replace")
