"""How a box is named on an engine: its project, volumes and labels.

The engine's labels are the truth about boxes; the state file only remembers them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BOX_SERVICE = "box"
LIBRARY = "/usr/local/lib/devbox"
RUNNER = f"{LIBRARY}/run"
RUN = "/run/devbox"


class Label:
    """The labels that devbox puts on containers and volumes."""

    OWNER: Final = "devbox.owner"
    BOX: Final = "devbox.box"
    PROJECT: Final = "devbox.project"
    ROLE: Final = "devbox.role"
    PROFILE: Final = "devbox.profile"
    CONFIG: Final = "devbox.config"
    IMAGE: Final = "devbox.image"
    PORTS: Final = "devbox.ports"
    SPEC: Final = "devbox.spec"
    USER: Final = "devbox.user"
    STOP_AFTER: Final = "devbox.stop_after"


@dataclass(frozen=True, order=True)
class BoxId:
    """A box: its owner and name. Unique on an engine."""

    owner: str
    name: str

    @property
    def project(self) -> str:
        """The Compose project."""
        # Neither part can hold a "_": no two boxes share a project.
        return f"devbox-{self.owner}_{self.name}"

    @property
    def home_volume(self) -> str:
        """The volume of the home folder."""
        return f"{self.project}-home"

    def volume(self, name: str) -> str:
        """A volume that devbox.toml names."""
        return f"{self.project}_{name}"

    def folder(self, home: Path) -> Path:
        """devbox's own folder of the box, in ``home``."""
        return home / "boxes" / f"{self.owner}_{self.name}"

    def page(self, home: Path) -> Path:
        """The file that leads a browser to the page of the last `open`; its URL holds a token."""
        return self.folder(home) / "open.html"

    @property
    def labels(self) -> Mapping[str, str]:
        """What finds everything of the box."""
        return {Label.OWNER: self.owner, Label.BOX: self.name}

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class User:
    """Who the person is inside a box: the numbers that own the workspace."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> User:
        """The user of a box, as its container's label says; root where it says nothing."""
        uid, _, gid = labels.get(Label.USER, "").partition(":")
        return cls(int(uid), int(gid)) if uid.isdigit() and gid.isdigit() else cls(0, 0)


def me(*, rootless: bool) -> User:
    """Who this person is inside a box with a workspace of theirs. On a rootless engine root is
    the person."""
    return User(0, 0) if rootless else User(os.geteuid(), os.getegid())
