"""A tree of images as small as one can be, and boxes to make recipes for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devbox.config.spec import BoxSpec

MakeSpec = Callable[..., BoxSpec]


def write_images(folder: Path) -> Path:
    """images/ with base -> python -> datascience, the shared scripts and the box's programs."""
    files = {
        "base/Dockerfile": "ARG BASE=debian:bookworm-slim\nFROM ${BASE}\nRUN true\n",
        "base/setup.sh": "true\n",
        "python/Dockerfile": "ARG BASE=devbox/base\nFROM ${BASE}\nARG PYTHON=\nRUN true\n",
        "datascience/Dockerfile": "ARG BASE=devbox/python\nFROM ${BASE}\nCOPY . /\n",
        "datascience/requirements.txt": "numpy==2.4.6\n",
        "build/prelude.sh": "set -eu\n",
        "box/init": "#!/bin/sh\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images")


@pytest.fixture
def spec(tmp_path: Path) -> MakeSpec:
    """Makes the spec of a box in an empty project."""
    project = tmp_path / "project"
    project.mkdir()

    def make(**values: Any) -> BoxSpec:
        if not {"image", "build", "profile_image"} & values.keys():
            values["profile_image"] = "datascience"
        return BoxSpec(**{"name": "box", "project": project, "profile": "p", **values})

    return make
