"""Somebody's git repository, fetched and read without being run.

Nothing is checked out: git only moves objects into a bare repository of ours, and files are read
from those. So no hook, filter or attribute of the repository has a say, and a symbolic link or a
submodule is nothing but an entry of a list. Sizes are limited while they arrive.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from devbox.boxes.teams.address import PROTOCOLS
from devbox.errors import DevboxError, Unreachable

LARGEST_FETCH = 64 << 20
LARGEST_TREE = 16 << 20
MOST_FILES = 2000
FETCH_SECONDS = 300
MOST_COMMITS = 20
_NEW = "refs/devbox/new"
_LINK, _SUBMODULE = 0o120000, 0o160000
_HEX = re.compile(r"[0-9a-f]{7,64}")
_OPTIONS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
}
_AWAY = re.compile(
    r"could not resolve|unable to connect|failed to connect|connection (?:refused|reset|timed out)"
    r"|network is unreachable|no route to host|timed out|timeout|unable to look up",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"authentication failed|permission denied|could not read (?:user|pass)|403|401", re.IGNORECASE
)
_TOO_LARGE = re.compile(r"signal 25|file too large|file size limit", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """What a ref is: a "branch", a "tag", a "commit", or the "default" branch; and its commit."""

    kind: str
    commit: str


@dataclass(frozen=True)
class Entry:
    """A file of a commit."""

    data: bytes
    executable: bool


class Repository:
    """A bare copy in ``folder``, which is made, of what is at ``url``. ``env`` is how git reaches
    the network, for at most ``seconds`` at a time. To be closed."""

    def __init__(
        self, folder: Path, url: str, env: Mapping[str, str], seconds: float = FETCH_SECONDS
    ) -> None:
        from git import Git, Repo

        folder.mkdir()
        self._git = Git(folder)
        self._url = url
        self._seconds = seconds
        self._env = {
            **env,
            "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            **({} if sys.stdin.isatty() else {"GIT_TERMINAL_PROMPT": "0"}),
        }
        self._run("init", "--quiet", "--bare", "--template=", ".")
        self._repo: Any = Repo(folder)

    def close(self) -> None:
        """End the processes that read objects."""
        self._repo.close()

    def fetch(self, ref: str) -> Found | None:
        """Fetch a ref ("": the default branch) with its history; None where there is none of
        that name. Raises Unreachable or DevboxError where the repository can't be had."""
        listed = self._list(ref)
        for name, kind in _names(ref):
            if name in listed:
                self._fetch(f"+{name}:{_NEW}")
                return Found(kind, self._commit(_NEW))
        if ref and _HEX.fullmatch(ref):
            self._fetch("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            commit = self._commit(ref)
            return Found("commit", commit) if commit else None
        return None

    def head(self, ref: str) -> str:
        """The id of what a ref is now, without fetching it; "" where there is no branch or tag of
        that name. Raises as :meth:`fetch`."""
        listed = self._list(ref)
        return next((listed[name] for name, _ in _names(ref) if name in listed), "")

    def archive(self, commit: str, file: Path) -> None:
        """Write the files of a commit as a tar."""
        self._remote("archive", "--format=tar", f"--output={file}", commit)

    def log(self, before: str, after: str) -> tuple[str, ...] | None:
        """The commits between two, newest first, as "abc1234 subject (author)"; None where
        ``before`` is no ancestor of ``after``."""
        if not self._commit(before) or not self._try("merge-base", "--is-ancestor", before, after):
            return None
        limit = f"--max-count={MOST_COMMITS + 1}"
        text = self._run("log", limit, "--format=%h %s (%an)", f"{before}..{after}")
        lines = ["".join(c for c in line if c.isprintable())[:120] for line in text.splitlines()]
        return tuple(lines[:MOST_COMMITS]) + (("...",) if len(lines) > MOST_COMMITS else ())

    def files(self, commit: str) -> tuple[dict[str, Entry], tuple[str, ...]]:
        """The files of a commit by path, and its submodules, which are left out.

        Raises DevboxError for a symbolic link, a name that leads elsewhere, and too much of it.
        """
        found: dict[str, Entry] = {}
        submodules, total = [], 0
        # Depth first: a tree may hold the same tree many times, many times over.
        entries = self._repo.commit(commit).tree.traverse(branch_first=False)
        for count, item in enumerate(entries):
            path = _checked(item.path)
            if item.mode == _SUBMODULE:
                submodules.append(path)
            elif item.mode == _LINK:
                target = item.data_stream.read(200).decode("utf-8", "replace")
                raise DevboxError(
                    f"{path} of the repository is a symbolic link, to {target!a}.",
                    hint="Profiles of a team are plain files: commit the file itself.",
                )
            elif item.type == "blob":
                total += item.size
                if total > LARGEST_TREE or count >= MOST_FILES:
                    most = f"{LARGEST_TREE >> 20} MiB or {MOST_FILES} files"
                    raise DevboxError(f"The repository holds more than {most}.", hint=_SMALL)
                found[path] = Entry(item.data_stream.read(), bool(item.mode & 0o100))
        return found, tuple(submodules)

    def _list(self, ref: str) -> dict[str, str]:
        patterns = [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else ["HEAD"]
        text = self._remote("ls-remote", "--", self._url, *patterns)
        lines = (line.partition("\t") for line in text.splitlines())
        return {name: commit for commit, _, name in lines}

    def _fetch(self, *refs: str) -> None:
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        self._remote("fetch", *options, "--", self._url, *refs)

    def _commit(self, name: str) -> str:
        """The full id of a commit that is here, "" for another name."""
        return self._run("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", check=False)

    def _try(self, *command: str) -> bool:
        from git.exc import GitCommandError

        try:
            self._run(*command)
        except GitCommandError:
            return False
        return True

    def _run(self, *command: str, check: bool = True) -> str:
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        return str(
            self._git.execute(["git", *options, *command], env=self._env, with_exceptions=check)
        )

    def _remote(self, *command: str) -> str:
        """Run git over the network, with limits of time and size."""
        from git.exc import GitCommandError

        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        limited = ["sh", "-c", 'ulimit -f "$0" && exec "$@"', str(LARGEST_FETCH >> 9)]
        try:
            return str(
                self._git.execute(
                    [*limited, "git", *options, *command],
                    env=self._env,
                    kill_after_timeout=self._seconds,
                )
            )
        except GitCommandError as error:
            raise _explained(self._url, str(error.stderr)) from error


def _names(ref: str) -> list[tuple[str, str]]:
    """What a ref may be the short name of, and what that is."""
    if not ref:
        return [("HEAD", "default")]
    return [(f"refs/heads/{ref}", "branch"), (f"refs/tags/{ref}", "tag")]


_SMALL = "A repository of profiles holds small text files; keep data elsewhere."


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    bad = {"", ".", "..", "/"} & set(path.split("/")) or path.startswith("/")
    if bad or not path.isprintable() or "\\" in path or parts[0].lower() == ".git":
        raise DevboxError(f"The repository holds a file with the name {path!a}.")
    return path


def _explained(url: str, stderr: str) -> DevboxError:
    """What git said, as one sentence and a hint."""
    # GitPython hands it on in a frame of its own.
    inner = stderr.strip().removeprefix("stderr:").strip().strip("'")
    lines = [line.strip() for line in inner.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), "")
    said = said.partition(": ")[2] or (lines[-1] if lines else "git said nothing")
    said = "".join(c for c in said if c.isprintable())[:300].rstrip(".")
    if _TOO_LARGE.search(stderr):
        return DevboxError(f"{url} is larger than {LARGEST_FETCH >> 20} MiB.", hint=_SMALL)
    message = f"{url} cannot be fetched: {said}."
    if _AWAY.search(stderr):
        return Unreachable(message, hint="Check the network, and [network] in your settings.")
    if _DENIED.search(stderr):
        return DevboxError(message, hint="Does `git ls-remote` of it work for you?")
    return DevboxError(message, hint="Check the address.")
