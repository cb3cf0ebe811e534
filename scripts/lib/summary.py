"""What scripts/quickstart says at its end: reads `devbox ps --json` on stdin."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from devbox.home import home


def main() -> None:
    starter = Path(sys.argv[1])
    boxes = [box for box in json.load(sys.stdin) if box["project"] == str(starter.resolve())]
    metrics = json.loads((starter / "metrics.json").read_text())
    rows = {
        "metrics": " ".join(f"{name}={value}" for name, value in metrics.items()),
        "project": starter,
        "box": "; ".join(f"{box['name']} ({box['state']}), image {box['image']}" for box in boxes),
        "state": home(),
    }
    for name, value in rows.items():
        print(f"  {name:<9} {value}")


if __name__ == "__main__":
    main()
