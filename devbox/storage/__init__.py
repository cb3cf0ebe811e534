"""Storage: where data lives. Content-addressed blobs on this machine's disk."""

from __future__ import annotations

from devbox.storage.blobs import Blobs, Collected, Usage, checked

__all__ = ["Blobs", "Collected", "Usage", "checked"]
