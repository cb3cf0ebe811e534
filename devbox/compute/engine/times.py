"""The engine's times."""

from __future__ import annotations

NEVER = "0001-01-01T00:00:00Z"


def seconds(time: str) -> float:
    """An RFC 3339 time as seconds since the epoch; 0.0 for none and for Go's zero time."""
    if not time or time == NEVER:
        return 0.0
    from datetime import datetime

    return datetime.fromisoformat(time).timestamp()
