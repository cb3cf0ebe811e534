"""Images built with BuildKit, through Docker's buildx plugin."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devbox.compute.engine import plugins
from devbox.compute.engine.buildlog import BuildLog
from devbox.compute.engine.faults import disk_full
from devbox.compute.engine.pull import failure as pull_failure
from devbox.compute.engine.reports import BuildRequest
from devbox.errors import DevboxError
from devbox.progress import Report

# Linux takes no longer string in an environment (MAX_ARG_STRLEN, 32 pages); room for its name.
LARGEST_VARIABLE = 100_000

_NETWORK = re.compile(
    r"temporary failure (in name resolution|resolving)|could not resolve|no such host|"
    r"failed to establish a new connection|connection (refused|timed out|reset)|"
    r"network is unreachable|dns error|failed to fetch|could not connect|"
    r"TLS handshake timeout|i/o timeout|certificate verify failed|"
    r"certificate signed by unknown authority",
    re.IGNORECASE,
)


class BuildFailed(DevboxError):
    """A step of a build failed. ``step`` names it ("" where the build failed before its first
    step). ``image`` is the base image that could not be fetched, "" where that was not the
    cause; ``unreachable`` then tells that its registry did not answer."""

    def __init__(
        self,
        message: str,
        *,
        step: str = "",
        image: str = "",
        unreachable: bool = False,
        hint: str = "",
        detail: Sequence[str] = (),
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.step = step
        self.image = image
        self.unreachable = unreachable


def build(address: str, request: BuildRequest, report: Report) -> None:
    """See :meth:`devbox.compute.engine.types.Engine.build`."""
    log = BuildLog(request.tag)

    def each(line: str) -> None:
        progress = log.feed(line)
        if progress:
            report(progress)

    buildx = plugins.find("buildx")
    # Mode 0700. buildx leaves a copy of the Dockerfile in its temporary folder.
    with tempfile.TemporaryDirectory(prefix="devbox-", ignore_cleanup_errors=True) as folder:
        secrets, variables = _secrets(request, Path(folder))
        variables["TMPDIR"] = folder
        code = plugins.run(
            [*buildx, *arguments(request), *secrets, str(request.context)],
            plugins.environment(address, {**request.proxies, **variables}),
            each,
            text=request.dockerfile.encode(),
        )
    if code:
        raise plugins.engine_lost(address, log.text()) or failure(log)


def arguments(request: BuildRequest) -> list[str]:
    """buildx's arguments, without the secrets. Proxies often hold a password: other users of
    the host can read arguments, so only their names are here, their values in the environment."""
    # Which builder the person made the default does not matter: only the engine's own sees
    # the engine's images. Without attestations the same content has the same image id.
    words = ["build", "--builder", "default", "--load", "--progress", "plain"]
    words += ["--provenance", "false", "--tag", request.tag, "--file", "-"]
    for name, value in request.args.items():
        words += ["--build-arg", f"{name}={value}"]
    for name in request.proxies:
        words += ["--build-arg", name]
    for name, value in request.labels.items():
        words += ["--label", f"{name}={value}"]
    for name, source in request.contexts.items():
        words += ["--build-context", f"{name}={source}"]
    if request.platform:
        words += ["--platform", request.platform]
    if request.target:
        words += ["--target", request.target]
    if request.no_cache:
        words += ["--no-cache"]
    return words


def _secrets(request: BuildRequest, folder: Path) -> tuple[list[str], dict[str, str]]:
    """How buildx gets the secrets: through its environment, which never lands on a disk; what
    does not fit there (a CA bundle) through a private file in ``folder``."""
    words: list[str] = []
    variables: dict[str, str] = {}
    for number, (name, content) in enumerate(request.secrets.items()):
        if len(content) <= LARGEST_VARIABLE and b"\0" not in content:
            variable = f"DEVBOX_BUILD_SECRET_{number}"
            variables[variable] = os.fsdecode(content)
            words += ["--secret", f"id={name},env={variable}"]
            continue
        file = folder / f"secret-{number}"
        file.write_bytes(content)
        words += ["--secret", f"id={name},src={file}"]
    return words, variables


def failure(log: BuildLog) -> BuildFailed:
    """What the build's output says went wrong."""
    step, text = log.failed, log.text()
    if image := log.unfetched():
        pull = pull_failure(image, log.reason)
        return BuildFailed(
            pull.message,
            step=step,
            image=image,
            unreachable=pull.unreachable,
            hint=pull.hint,
            detail=pull.detail,
        )
    detail = list(log.last_lines())
    if step and log.reason:
        detail.append(log.reason)
    failed = step_failed(log.tag, step, detail, log.reason)
    if not (step or text.strip()) and not failed.hint:
        return BuildFailed(failed.message, detail=detail, hint=plugins.BROKEN_HINT)
    return failed


def step_failed(tag: str, step: str, detail: Sequence[str], reason: str = "") -> BuildFailed:
    """The failure of a step of the image ``tag``. ``detail`` are its last lines, ``reason`` what
    the builder says where no step failed; what they tell of the cause becomes the hint."""
    text = "\n".join([*detail, reason])
    if full := disk_full(text, f"Building {tag} failed" + (f" at {step}" if step else "")):
        return BuildFailed(full.message, step=step, hint=full.hint, detail=detail)
    hint = ""
    if _NETWORK.search(text):
        hint = (
            "The step could not reach the network as it wanted to. Behind a proxy, a private "
            "package index or certificate authority: set them in the user settings."
        )
    what = f" at {step}" if step else f": {reason or 'the builder gave no reason'}"
    return BuildFailed(f"Building {tag} failed{what}", step=step, hint=hint, detail=detail)
