"""Sizes and durations as people write them.

Sizes are binary, as Docker reads them: ``512m``, ``8GB`` and ``8GiB`` count in powers of 1024.
Durations are ``1d``, ``1h30m``, ``90s``, ``500ms``.
"""

from __future__ import annotations

import re

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = r"(?i)([0-9]{1,16})(\.[0-9]{1,6})?\s?([kmgt]?)(i?b)?"
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_DURATION = "".join(f"(?:{_NUMBER}{unit})?" for unit in _SECONDS)
LARGEST = 1 << 50
LONGEST = 10 * 366 * 86400.0


def parse_size(value: str | int) -> int:
    """Bytes of ``"8GiB"``, ``"512m"``, ``1073741824``. ValueError says what is wrong."""
    if isinstance(value, int):
        size = value
    else:
        match = re.fullmatch(_SIZE, value)
        if match is None or (match[4] and match[4].lower() == "ib" and not match[3]):
            raise ValueError("not a size")
        power: int = 1024 ** _POWERS[match[3].lower()]
        size = int(match[1]) * power
        if match[2]:
            size += int(float("0" + match[2]) * power)
    if not 0 < size <= LARGEST:
        raise ValueError("a size is more than 0 and at most 1024 TiB")
    return size


def format_size(size: int) -> str:
    """The shortest exact form: 8589934592 is ``8GiB``, 1000 is ``1000B``."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        power = 1024 ** _POWERS[unit[0].lower()]
        if size % power == 0:
            return f"{size // power}{unit}"
    return f"{size}B"


def parse_duration(text: str) -> float:
    """Seconds of ``"1h30m"``; ``"0"`` is 0. ValueError says what is wrong."""
    if text == "0":
        return 0.0
    match = re.fullmatch(_DURATION, text)
    if match is None or not text:
        raise ValueError("not a duration")
    parts = zip(match.groups(), _SECONDS.values(), strict=True)
    seconds = sum(float(number) * unit for number, unit in parts if number)
    if seconds > LONGEST:
        raise ValueError("a duration is 10 years at most")
    return seconds


def format_duration(seconds: float) -> str:
    """The form that :func:`parse_duration` reads back, exact to a millisecond."""
    left = round(seconds * 1000)
    parts = []
    for unit, length in _SECONDS.items():
        count, left = divmod(left, round(length * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"
