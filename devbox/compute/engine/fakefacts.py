"""What the engine in memory tells of itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from devbox.compute.engine.facts import EngineInfo
from devbox.compute.engine.reports import Image, Volume
from devbox.compute.engine.types import Container

INFO = EngineInfo(
    version="27.0.0",
    api_version="1.46",
    name="fake",
    os="Fake Linux",
    architecture="x86_64",
    cpus=8,
    memory=32 << 30,
    rootless=False,
    cgroup_version="2",
    storage_driver="overlay2",
    root_dir="/var/lib/docker",
    runtimes=("runc",),
    cdi=(),
    registry_mirrors=(),
)


def usage(
    images: Collection[Image], containers: Collection[Container], volumes: Collection[Volume]
) -> dict[str, Any]:
    """The answer of ``/system/df``."""
    return {
        "LayersSize": sum(image.size for image in images),
        "Images": [
            {"Id": i.id, "RepoTags": list(i.tags), "Size": i.size, "Labels": dict(i.labels)}
            for i in images
        ],
        "Containers": [{"Id": c.id, "SizeRw": 0} for c in containers],
        "Volumes": [
            {"Name": v.name, "Labels": dict(v.labels), "UsageData": {"Size": 0, "RefCount": 0}}
            for v in volumes
        ],
        "BuildCache": [],
    }
