"""Ids that sort by the time at which they were made: UUID version 7 (RFC 9562)."""

from __future__ import annotations

import os
import threading
import time

_guard = threading.Lock()
_last = 0


def new_id() -> str:
    """32 hex digits: 48 bits of milliseconds, 12 bits that keep the ids of one process in order,
    62 random bits."""
    global _last  # noqa: PLW0603 - the newest time that was handed out is the process's own
    with _guard:
        # 1/4096 of a millisecond; never the same twice, even where the clock stands or goes back.
        _last = now = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return f"{(now >> 12) << 80 | 7 << 76 | (now & 4095) << 64 | 2 << 62 | random:032x}"


def is_id(text: str) -> bool:
    """Whether a text could be an id of a run."""
    return len(text) == 32 and all(digit in "0123456789abcdef" for digit in text)
