"""The volume of package caches: one for all boxes of a person, and for what is installed into
their images."""

from __future__ import annotations

from devbox.boxes.identity import Label
from devbox.compute.engine.types import Engine

CACHE = "/cache"
CACHE_ENV = {
    "PIP_CACHE_DIR": f"{CACHE}/pip",
    "UV_CACHE_DIR": f"{CACHE}/uv",
    # The cache lies on another file system than the environment: hard links can't work.
    "UV_LINK_MODE": "copy",
    "HF_HUB_CACHE": f"{CACHE}/huggingface/hub",
    "HF_DATASETS_CACHE": f"{CACHE}/huggingface/datasets",
}


def cache_volume(owner: str, uid: int) -> str:
    """The name of the volume. Its files belong to a user id: each has its own."""
    return f"devbox-{owner}-cache-{uid}"


def make_cache(engine: Engine, owner: str, uid: int) -> str:
    """Have the volume; returns its name."""
    name = cache_volume(owner, uid)
    engine.create_volume(name, {Label.OWNER: owner})
    return name
