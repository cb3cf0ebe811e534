"""Looking for a planted value wherever something of a box is recorded."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person


def places_with(value: str, engine: DockerEngine, person: Person, since: float) -> set[str]:
    """The places that hold any line of a value: devbox's own folder, the image's layers and
    history, the container's record, file system, log and processes, volumes, the engine's events
    since a time."""
    needles = [line.encode() for line in value.splitlines()]
    assert all(len(needle) > 6 for needle in needles)
    return {name for name, chunks in _places(engine, person, since) if _holds(chunks, needles)}


def _places(
    engine: DockerEngine, person: Person, since: float
) -> Iterator[tuple[str, Iterable[bytes]]]:
    def stream(address: str, /, **query: str) -> Iterator[bytes]:
        with engine.http.stream("GET", address, query) as response:
            yield from response.chunks()

    for file in Path(os.environ["DEVBOX_HOME"]).rglob("*"):
        if file.is_file():
            yield str(file), [file.read_bytes()]
    container = engine.container(person.container)
    assert container
    labels = {"devbox.owner": person.owner}
    yield "inspect", [json.dumps(container.raw, ensure_ascii=False).encode()]
    yield "listing", [repr((engine.containers(labels), engine.volumes(labels))).encode()]
    yield "log", ["\n".join(line.text for line in engine.logs(container.id)).encode()]
    yield "processes", [repr(engine.processes(container.id)).encode()]
    yield "engine events", stream("/events", since=f"{since:.0f}", until=f"{time.time():.0f}")
    for part in ("json", "history", "get"):
        yield f"image {part}", stream(f"/images/{container.image_id}/{part}")
    # What the container has beyond its image.
    changed = engine.http.json("GET", f"/containers/{container.id}/changes")
    files = [each["Path"] for each in changed or () if each["Kind"] in {0, 1}]
    inner = [path for path in files if not any(other.startswith(f"{path}/") for other in files)]
    for folder in ("/home/dev", "/cache", "/workspace", *inner):
        yield folder, stream(f"/containers/{container.id}/archive", path=folder)


def _holds(chunks: Iterable[bytes], needles: list[bytes]) -> bool:
    longest = max(map(len, needles))
    before = b""
    for chunk in chunks:
        block = before + chunk
        if any(needle in block for needle in needles):
            return True
        before = block[-longest:]
    return False
