"""What an engine answers when it does not do what it was asked.

DevboxError
├── EngineError         the engine refused or failed
│   ├── NotFound        no such container, image, volume, ...
│   └── Conflict        it is in use, or not in the state that this needs
└── PullFailed          an image could not be fetched
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from devbox.errors import DevboxError


class EngineError(DevboxError):
    """The engine answered with an error; ``status`` is the HTTP status (0: not by HTTP)."""

    def __init__(
        self, message: str, *, status: int = 0, hint: str = "", detail: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.status = status


class NotFound(EngineError):
    """The engine has no such container, image, volume, network or exec."""


class Conflict(EngineError):
    """The object is in use, or not in the state that the request needs."""


class PullFailed(DevboxError):
    """An image could not be fetched. ``unreachable`` is true where the registry did not answer,
    false where it answered that there is no such image or that it is not for us."""

    def __init__(
        self,
        message: str,
        *,
        ref: str,
        unreachable: bool,
        hint: str = "",
        detail: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.ref = ref
        self.unreachable = unreachable


_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


class DiskFull(NamedTuple):
    """The words for an engine whose disk is full."""

    message: str
    hint: str


def disk_full(text: str, act: str = "") -> DiskFull | None:
    """Whether ``text`` says that the engine's disk is full; ``act`` is what failed by it.

    runc and the shim put many words around the kernel's, so these may stand anywhere.
    """
    if not _DISK_FULL.search(text):
        return None
    return DiskFull(
        f"{act}: the engine's disk is full." if act else "The engine's disk is full.",
        "`devbox df` shows what takes space, `devbox image prune` frees some.",
    )


def engine_error(status: int, body: bytes) -> EngineError:
    """The error of an HTTP answer. The API puts the text into ``{"message": ...}``."""
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace").strip() or f"HTTP status {status}"
    message = " ".join(message.split())
    if full := disk_full(message):
        return EngineError(full.message, status=status, hint=full.hint, detail=(message,))
    if status == 404:
        return NotFound(message, status=status)
    if status == 409:
        return Conflict(message, status=status)
    return EngineError(message, status=status)
