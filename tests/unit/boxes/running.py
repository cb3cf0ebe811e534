"""A box that runs on a scripted engine."""

from __future__ import annotations

import json
from pathlib import Path

from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import Container


def running_box(engine: FakeEngine, folder: Path) -> Container:
    """Start the container of box b, owner ada, user 1000."""
    labels = {
        "devbox.owner": "ada",
        "devbox.box": "b",
        "devbox.role": "box",
        "devbox.user": "1000:1000",
    }
    engine.add_image("debian:1")
    file = folder / "compose.json"
    file.write_text(json.dumps({"services": {"box": {"image": "debian:1", "labels": labels}}}))
    engine.compose_up("devbox-ada_b", file)
    (found,) = engine.containers(labels)
    return found
