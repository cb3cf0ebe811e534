"""Numbers and times for a person, always as wide as they were."""

from __future__ import annotations

import time
from datetime import UTC, datetime

BARS = " ▁▂▃▄▅▆▇█"


def size(value: float) -> str:
    """Bytes in at most six characters: 9.3G."""
    for unit in ("B", "K", "M", "G"):
        if abs(value) < 1000:
            return f"{value:.0f}{unit}" if unit == "B" or value >= 100 else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"


def span(seconds: float) -> str:
    """A duration by its largest unit or two: 2d 3h, 41m, 12s."""
    seconds = max(int(seconds), 0)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m" if minutes else f"{left}s"


def ago(moment: float) -> str:
    """How long ago something was."""
    return span(time.time() - moment)


def clock(moment: float) -> str:
    """A time today, or a date and time (UTC)."""
    then = datetime.fromtimestamp(moment, UTC)
    today = datetime.now(UTC).date() == then.date()
    return then.strftime("%H:%M:%S" if today else "%m-%d %H:%M")


def spark(values: list[float], width: int, top: float = 0.0) -> str:
    """The newest values as a line of bars; ``top`` is a full bar, else the largest of them."""
    newest = values[-width:]
    top = top or max(newest, default=0.0) or 1.0
    bars = (BARS[min(int(max(v, 0.0) / top * 8 + 0.999), 8)] for v in newest)
    return "".join(bars).rjust(width)


def plain(text: str) -> str:
    """Text from outside on one line, without what a terminal could take for an order."""
    return "".join(c if c.isprintable() else "·" for c in text)
