"""Images from registries, through the docker SDK: it reads the person's registry logins."""

from __future__ import annotations

from typing import Any

from devbox.compute.engine import plugins
from devbox.compute.engine.faults import PullFailed, disk_full
from devbox.progress import Progress, Report

_ABSENT = ("not found", "manifest unknown", "no such image", "no matching manifest", "404")
_DENIED = ("denied", "unauthorized", "authentication required", "401", "403", "forbidden")


def pull(address: str, ref: str, platform: str, report: Report) -> None:
    """Fetch an image. Raises PullFailed."""
    import docker
    from docker.errors import APIError, DockerException

    if "@" not in ref and ":" not in ref.rpartition("/")[2]:
        ref += ":latest"  # The engine would fetch every tag.
    report(Progress("pull", ref, "pulling"))
    layers: dict[str, bool] = {}
    try:
        client = docker.APIClient(base_url=address, timeout=60)
    except DockerException as error:
        raise failure(ref, str(error)) from error
    try:
        for step in client.pull(ref, stream=True, decode=True, platform=platform or None):
            if "error" in step:
                raise failure(ref, str(step["error"]))
            _tell(ref, step, layers, report)
    except (APIError, OSError) as error:
        reason = str(getattr(error, "explanation", None) or error)
        raise plugins.engine_lost(address, reason) or failure(ref, reason) from error
    finally:
        client.close()


def _tell(ref: str, step: dict[str, Any], layers: dict[str, bool], report: Report) -> None:
    status, layer = str(step.get("status", "")), str(step.get("id", ""))
    if status == "Pulling fs layer":
        layers[layer] = False
    elif status in ("Pull complete", "Already exists"):
        layers[layer] = True
        report(Progress("pull", ref, f"layer {layer}", sum(layers.values()), len(layers)))


def failure(ref: str, reason: str) -> PullFailed:
    """Why an image could not be fetched, told apart by the registry's or the engine's words."""
    reason = " ".join(reason.removeprefix("Error response from daemon: ").split())
    low = reason.lower()
    if full := disk_full(reason, f"The image {ref} cannot be stored"):
        return PullFailed(
            full.message, ref=ref, unreachable=False, hint=full.hint, detail=(reason,)
        )
    if any(word in low for word in _DENIED):
        return PullFailed(
            f"The registry has no image {ref}, or keeps it from us.",
            ref=ref,
            unreachable=False,
            hint="Check the name; for a private image log in with `docker login`.",
            detail=(reason,),
        )
    # A name server's "no such host" and "server ... not found" are no answer of a registry.
    if "lookup " not in low and any(word in low for word in _ABSENT):
        return PullFailed(
            f"There is no image {ref}.",
            ref=ref,
            unreachable=False,
            hint="Check its name and tag.",
            detail=(reason,),
        )
    return PullFailed(
        f"The image {ref} cannot be fetched: its registry cannot be reached.",
        ref=ref,
        unreachable=True,
        hint="Check the network and the engine's proxy or registry mirror; where there is no "
        "registry, `devbox image base` makes the base image from distribution packages.",
        detail=(reason,),
    )
