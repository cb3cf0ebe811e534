"""Held containers of the engine in memory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from devbox.compute.engine.reports import HeldRequest, Image
from devbox.compute.engine.types import Container


class FakeHeld:
    """See :class:`devbox.compute.engine.types.Held`. ``end`` is what closing it does."""

    def __init__(self, container: str, end: Callable[[], None]) -> None:
        self.id = container
        self._end = end

    def close(self) -> None:
        self._end()


def waiting_container(request: HeldRequest, image: Image, number: int) -> Container:
    """The container of a request, not started yet."""
    mounts = tuple(
        {
            "Type": "volume" if mount.volume else "bind",
            "Name" if mount.volume else "Source": mount.source,
            "Destination": mount.target,
        }
        for mount in request.mounts
    )
    return Container(
        id=hashlib.sha256(f"{request.name} {number}".encode()).hexdigest(),
        name=request.name,
        image=request.image,
        image_id=image.id,
        state="created",
        status="Created",
        labels={**image.labels, **request.labels},
        created=time.time(),
        env=image.env,
        mounts=mounts,
    )
