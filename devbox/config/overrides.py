"""``KEY=VALUE`` from the command line as [box] keys."""

from __future__ import annotations

from collections.abc import Sequence

import tomli

from devbox.config.keys import BOX
from devbox.errors import UsageError

# Text that may look like a number.
_TEXT = ("python", "env")


def parse_overrides(pairs: Sequence[str]) -> dict[str, object]:
    """The overrides that :func:`devbox.config.load` takes.

    A value is TOML where it reads as TOML (``resources.cpus=2``, ``pip=["a", "b"]``), else
    text (``resources.memory=8GiB``). One item may stand for a list. UsageError without ``=``.
    """
    overrides: dict[str, object] = {}
    for pair in pairs:
        dotted, separator, text = pair.partition("=")
        if not separator or not dotted.strip():
            raise UsageError(f"Not KEY=VALUE: {pair!r}.", hint="For example resources.memory=8GiB.")
        name = dotted.strip().partition(".")[0]
        value = text if name in _TEXT else _typed(text)
        key = BOX.get(name)
        if key is not None and key.merge == "extend" and not isinstance(value, list):
            value = [value]
        overrides[dotted.strip()] = value
    return overrides


def _typed(text: str) -> object:
    try:
        parsed = tomli.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = parsed.get("value")
    plain = len(parsed) == 1 and isinstance(value, (str, bool, int, float, list, dict))
    return value if plain else text
