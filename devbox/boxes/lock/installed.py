"""Run by an image's own Python: prints what is installed in its environment, as JSON, or with
``--list`` as a line for each.

Standard library only, and any Python from 3.8 on.
"""

from __future__ import annotations

import json
import re
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from typing import Any


def packages() -> Iterator[dict[str, Any]]:
    """Every distribution of this environment, none of a system below it."""
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    for found in metadata.distributions(path=places):
        wheel = found.read_text("WHEEL") or ""
        origin = json.loads(found.read_text("direct_url.json") or "{}").get("url", "")
        record = (found.read_text("RECORD") or "").splitlines()
        rows = [line.rsplit(",", 2) for line in record]
        yield {
            "name": found.metadata["Name"],
            "version": found.version,
            "tags": [line[5:].strip() for line in wheel.splitlines() if line.startswith("Tag: ")],
            "record": {row[0]: row[1] for row in rows if len(row) == 3 and row[1]},
            "origin": origin,
        }


def managed() -> str:
    """The full version of this Python, where uv installed it."""
    return sys.version.split()[0] if sys.base_prefix.startswith("/opt/python/") else ""


def listed() -> str:
    """A line for each, as a lock compares them."""
    names = ((re.sub(r"[-_.]+", "-", p["name"]).lower(), p["version"]) for p in packages())
    return "".join(f"python {name} {version}\n" for name, version in names)


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        sys.stdout.write(listed())
    else:
        json.dump({"packages": list(packages()), "managed": managed()}, sys.stdout)
