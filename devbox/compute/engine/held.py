"""Containers for a piece of work: they live only as long as the process that made them.

The container's main program reads its stdin, which only this process holds open. When the
process ends, even by SIGKILL, the engine sees the connection close, the main program reads the
end, and the kernel ends all else in the container; then the engine removes it.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from devbox.compute.engine.faults import EngineError
from devbox.compute.engine.http import Http
from devbox.compute.engine.quoting import quote
from devbox.compute.engine.reports import HeldRequest
from devbox.errors import DevboxError

WAIT_FOR_THE_END = ["/bin/sh", "-c", "while read -r _; do :; done"]


class DockerHeld:
    """See :class:`devbox.compute.engine.types.Held`."""

    def __init__(self, container: str, connection: socket.socket) -> None:
        self.id = container
        self._connection = connection

    def close(self) -> None:
        self._connection.close()


def hold(http: Http, request: HeldRequest) -> DockerHeld:
    """Make and start the container; one that cannot be started is removed."""
    query = {"name": request.name} | ({"platform": request.platform} if request.platform else {})
    made = str(http.json("POST", "/containers/create", query, _body(request))["Id"])
    connection = None
    try:
        where = f"/containers/{quote(made)}"
        connection, _ = http.upgrade(f"{where}/attach?stream=1&stdin=1", None)
        http.json("POST", f"{where}/start")
    except BaseException:
        if connection is not None:
            connection.close()
        http.json("DELETE", f"/containers/{quote(made)}", {"force": "1", "v": "1"})
        raise
    return DockerHeld(made, connection)


def _body(request: HeldRequest) -> dict[str, Any]:
    """What `POST /containers/create` takes. Nothing but the main program differs from the image's
    own settings, since an image that is made of the container would get it too."""
    mounts = [
        {
            "Type": "volume" if mount.volume else "bind",
            "Source": mount.source,
            "Target": mount.target,
            "ReadOnly": mount.read_only,
        }
        for mount in request.mounts
    ]
    return {
        "Image": request.image,
        "Entrypoint": WAIT_FOR_THE_END,
        "Cmd": [],
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "Labels": dict(request.labels),
        "HostConfig": {
            "AutoRemove": True,
            "Mounts": mounts,
            "Tmpfs": dict(request.tmpfs),
            "NetworkMode": request.network or "default",
        },
    }


def commit(http: Http, ref: str, tag: str, labels: Mapping[str, str]) -> None:
    """See :meth:`devbox.compute.engine.types.Engine.commit`."""
    container = http.json("GET", f"/containers/{quote(ref)}/json")
    image = http.json("GET", f"/images/{quote(container['Image'], safe=':')}/json")
    own = image["Config"] or {}
    repository, _, name = tag.rpartition(":")
    # The container is not paused: nothing is at work in it, and not every engine can.
    query = {"container": ref, "repo": repository, "tag": name, "pause": "0"}
    # What is empty here, the engine takes from the container: the lists have to be there.
    body = {
        "Entrypoint": own.get("Entrypoint") or [],
        "Cmd": own.get("Cmd") or [],
        "Labels": {**(own.get("Labels") or {}), **labels},
    }
    try:
        http.json("POST", "/commit", query, body, timeout=None)
    except EngineError as error:
        raise DevboxError(
            f"The engine cannot make the image {tag}: {error.message}", hint=error.hint
        ) from error
