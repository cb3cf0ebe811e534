"""What an engine answers when it does not do what it was asked.

DevboxError
├── EngineError         the engine refused or failed
│   ├── NotFound        no such container, image, volume, ...
│   └── Conflict        it is in use, or not in the state that this needs
└── PullFailed          an image could not be fetched
"""

from __future__ import annotations

import json

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


def engine_error(status: int, body: bytes) -> EngineError:
    """The error of an HTTP answer. The API puts the text into ``{"message": ...}``."""
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace").strip() or f"HTTP status {status}"
    message = " ".join(message.split())
    if "no space left on device" in message:
        return EngineError(
            f"The engine's disk is full: {message}",
            status=status,
            hint="Free space there: `devbox df` shows what takes it, `devbox image prune` helps.",
        )
    if status == 404:
        return NotFound(message, status=status)
    if status == 409:
        return Conflict(message, status=status)
    return EngineError(message, status=status)
