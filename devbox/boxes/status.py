"""One box in full: its limits, volumes, the workspace's commit, what differs from devbox.toml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes.byhand import ByHand
from devbox.boxes.plan import Change
from devbox.boxes.view import BoxView
from devbox.boxes.work import Work
from devbox.compute.engine.types import Container

if TYPE_CHECKING:
    from devbox.boxes.lock.keep import Fit


@dataclass(frozen=True)
class Git:
    """Where the workspace stands: ``branch`` is "" on a detached head."""

    branch: str
    commit: str
    dirty: bool


@dataclass(frozen=True)
class Status:
    """A box in full. ``cpus`` in cores and ``memory`` in bytes are None without a limit;
    ``started`` is in seconds since the epoch, 0.0 where it does not run; ``pending`` is what
    the next `up` would change, with why in ``reason``, or in ``problem`` why that can't be told.
    ``by_hand`` is what is only in its container, ``work`` what runs in it."""

    box: BoxView
    started: float
    cpus: float | None
    memory: int | None
    shm_size: int
    gpus: tuple[str, ...]
    volumes: tuple[str, ...]
    git: Git | None
    pending: tuple[Change, ...]
    reason: str
    problem: str
    by_hand: ByHand
    work: tuple[Work, ...]
    lock: Fit | None


@dataclass(frozen=True)
class Limits:
    """The limits that the engine holds a container to."""

    cpus: float | None = None
    memory: int | None = None
    shm_size: int = 0
    gpus: tuple[str, ...] = ()


def limits_of(container: Container | None) -> Limits:
    """Read the limits from an inspected container."""
    config: dict[str, Any] = (container.raw.get("HostConfig") or {}) if container else {}
    requests = config.get("DeviceRequests") or []
    return Limits(
        cpus=(config.get("NanoCpus") or 0) / 1e9 or None,
        memory=config.get("Memory") or None,
        shm_size=config.get("ShmSize") or 0,
        gpus=tuple(_gpus(request) for request in requests),
    )


def git_of(project: Path) -> Git | None:
    """The commit of the repository around a folder; None outside of one, or before the first."""
    try:
        from git import Repo
        from git.exc import GitError
    except ImportError:  # what GitPython raises where there is no git program
        return None
    try:
        with Repo(project, search_parent_directories=True, expand_vars=False) as repo:
            branch = "" if repo.head.is_detached else repo.active_branch.name
            return Git(branch, repo.head.commit.hexsha, repo.is_dirty(untracked_files=False))
    except (GitError, ValueError, OSError):
        return None


def _gpus(request: dict[str, Any]) -> str:
    ids = request.get("DeviceIDs") or []
    return ",".join(ids) if ids else "all" if request.get("Count") == -1 else str(request["Count"])
