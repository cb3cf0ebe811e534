"""Docker Compose: a project's containers made to match a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from devbox.compute.engine import plugins
from devbox.compute.engine.faults import PullFailed, disk_full
from devbox.compute.engine.pull import failure as pull_failure
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

LAST_LINES = 15

_PORT = re.compile(
    r"(?:listen \w+ |Bind for |bind host port (?:for )?)(\[[^]]*\]|[^\s:]*):(\d+)"
    r".*(in use|allocated|permission denied|assign requested address)"
)
_MOUNT = re.compile(r"bind source path does not exist: (.+)$")
_MOUNT_DENIED = re.compile(r"error while creating mount source path '(.+?)': (.+)$")
_GPU = re.compile(r"could not select device driver \"(.*?)\" with capabilities: \[\[gpu")
_CDI = re.compile(r"unresolvable CDI devices (.+)$")
_PULL = re.compile(r"^\s*(\S+) Error (.+)$")


class ComposeFailed(DevboxError):
    """Compose could not bring the project into the wished state. ``port`` is the host port that
    could not be published, 0 where the failure is another."""

    def __init__(
        self, message: str, *, hint: str = "", detail: Sequence[str] = (), port: int = 0
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.port = port


def up(address: str, project: str, file: Path, report: Report) -> None:
    """See :meth:`devbox.compute.engine.types.Engine.compose_up`."""
    arguments = ["--file", str(file), "up", "--detach", "--remove-orphans"]
    _compose(address, project, [*arguments, "--no-build", "--quiet-pull"], "start", report)


def down(address: str, project: str, report: Report) -> None:
    """See :meth:`devbox.compute.engine.types.Engine.compose_down`."""
    _compose(address, project, ["down", "--remove-orphans"], "stop", report)


def _compose(
    address: str, project: str, arguments: Sequence[str], stage: str, report: Report
) -> None:
    lines: list[str] = []

    def each(line: str) -> None:
        if line.strip():
            lines.append(line)
            report(Progress(stage, project, " ".join(line.split())))

    command = [*plugins.find("compose"), "--project-name", project, "--progress", "plain"]
    code = plugins.run(
        # Without a file `down` would look for one in the current folder, and its parents.
        [*command, *arguments],
        plugins.environment(address),
        each,
        cwd=Path("/"),
    )
    if code:
        raise plugins.engine_lost(address, "\n".join(lines)) or failure(project, lines)


def failure(project: str, lines: Sequence[str]) -> DevboxError:
    """What compose's output says went wrong."""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not last:
        return ComposeFailed(
            f"{project} did not come up: compose ended without a word.", hint=plugins.BROKEN_HINT
        )
    last = last.removeprefix("Error response from daemon: ")
    text = "\n".join(lines)
    if full := disk_full(text):
        return ComposeFailed(full.message, hint=full.hint, detail=(last,))
    if match := _PORT.search(last):
        return _port_failure(match[1] or "this host", int(match[2]), match[3], last)
    if match := _GPU.search(text):
        return ComposeFailed(
            "The engine cannot hand out GPUs: it has no GPU device driver.",
            hint="Install the NVIDIA Container Toolkit there, or set gpus to 0 or 'optional'.",
            detail=(last,),
        )
    if match := _CDI.search(text):
        return ComposeFailed(
            f"The engine does not offer the GPU device {match[1]}.",
            hint="`nvidia-ctk cdi list` on its host shows which it has; set gpus to fewer, or 0.",
            detail=(last,),
        )
    if match := _MOUNT.search(text) or _MOUNT_DENIED.search(text):
        return ComposeFailed(
            f"The folder {match[1]} cannot be mounted: it does not exist on the engine's host.",
            hint="Create it, or correct the mount in devbox.toml.",
            detail=(last,),
        )
    if "could not find an available" in text or "fully subnetted" in text:
        return ComposeFailed(
            "The engine has no free network address range left.",
            hint="`docker network prune` removes networks that nobody uses.",
            detail=(last,),
        )
    pull = _pull_failure(lines, last)
    return pull or ComposeFailed(
        f"{project} did not come up: {last}", detail=tuple(lines[-LAST_LINES:])
    )


def _port_failure(address: str, port: int, reason: str, last: str) -> ComposeFailed:
    if reason == "permission denied":
        problem = f"The engine may not publish port {port} on {address}."
        hint = "Choose a host port of 1024 or above in devbox.toml."
    elif reason == "assign requested address":
        problem = f"The engine's host has no address {address} to publish port {port} on."
        hint = "Correct the address in devbox.toml."
    else:
        problem = f"Port {port} is already in use on {address}."
        hint = "Choose another host port in devbox.toml, or leave the choice to the engine."
    return ComposeFailed(problem, hint=hint, detail=(last,), port=port)


def _pull_failure(lines: Sequence[str], last: str) -> PullFailed | None:
    failed = [match for line in lines if (match := _PULL.match(line))]
    if failed:
        return pull_failure(f"of service {failed[0][1]}", failed[0][2])
    if match := re.search(r"No such image: (\S+)", last):
        return pull_failure(match[1], last)
    return None
