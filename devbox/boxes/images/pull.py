"""Getting the image that a chain starts from: at hand, pulled, or made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devbox.boxes.images.recipe import bootstrap_tag, suite
from devbox.compute.engine.faults import PullFailed
from devbox.compute.engine.types import Engine
from devbox.config.spec import Settings
from devbox.errors import DevboxError
from devbox.progress import Progress, Report


def familiar(reference: str) -> str:
    """A reference as people write it: without the default registry's name.

    ``docker.io/library/debian:bookworm`` is ``debian:bookworm``.
    """
    for prefix in ("docker.io/library/", "docker.io/"):
        reference = reference.removeprefix(prefix)
    return reference


def obtain(
    engine: Engine,
    settings: Settings,
    reference: str,
    *,
    home: Path,
    platform: str,
    newer: bool,
    offer: Callable[[str], bool],
    report: Report,
) -> str:
    """The reference to build on: ``reference`` itself, or a Debian made here in its place.

    A made one is taken only where no registry answers; where there is none, ``offer`` is asked.
    Raises PullFailed where the image cannot be had.
    """
    present = engine.image(reference) is not None
    if present and not newer and (not platform or _fits(engine, reference, platform)):
        return reference
    try:
        pull(engine, settings, reference, platform=platform, report=report)
    except DevboxError as error:
        if present and not platform:
            report(Progress("pull", reference, f"not renewed: {error.message}"))
            return reference
        return _made(engine, settings, reference, error, home=home, offer=offer, report=report)
    return reference


def pull(
    engine: Engine, settings: Settings, reference: str, *, platform: str, report: Report
) -> None:
    """Pull an image, from the registry mirrors of the settings first."""
    for candidate in mirrored(reference, settings.network.registry_mirrors):
        try:
            engine.pull(candidate, platform=platform, report=report)
        except DevboxError as error:
            report(Progress("pull", candidate, f"mirror skipped: {error.message}"))
        else:
            engine.tag(candidate, reference)
            return
    engine.pull(reference, platform=platform, report=report)


def mirrored(reference: str, mirrors: tuple[str, ...]) -> list[str]:
    """The names of an image on mirrors of the default registry; other registries have none.

    ``debian:bookworm-slim`` on ``https://mirror.example`` is
    ``mirror.example/library/debian:bookworm-slim``.
    """
    first, slash, rest = reference.partition("/")
    if slash and first in {"docker.io", "index.docker.io"}:
        reference = rest
    elif slash and (first == "localhost" or "." in first or ":" in first):
        return []
    if "/" not in reference:
        reference = f"library/{reference}"
    return [f"{mirror.split('://')[-1].rstrip('/')}/{reference}" for mirror in mirrors]


def _fits(engine: Engine, reference: str, platform: str) -> bool:
    image = engine.image(reference)
    wanted = platform.split("/")[1] if "/" in platform else platform
    return image is not None and image.architecture in {"", wanted}


def _made(
    engine: Engine,
    settings: Settings,
    reference: str,
    error: DevboxError,
    *,
    home: Path,
    offer: Callable[[str], bool],
    report: Report,
) -> str:
    release = suite(reference)
    answered = isinstance(error, PullFailed) and not error.unreachable
    if not release or answered:
        raise error
    tag = bootstrap_tag(release)
    if engine.image(tag) is not None:
        report(Progress("pull", reference, f"cannot be pulled: {tag} takes its place"))
        return tag
    question = (
        f"{error.message} Make a Debian {release} base image here from the distribution's packages?"
    )
    if not offer(question):
        raise error
    from devbox.boxes.images.bootstrap import bootstrap

    return bootstrap(engine, settings.network, release=release, home=home, report=report)
