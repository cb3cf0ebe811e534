"""How many tests ran on a real engine, from pytest's JUnit report.

    count_real.py REPORT ENGINE_VERSION|none [--partial]

Exits with 1 where CI is set and none ran, or no engine was there: skipped tests prove nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from xml.etree import ElementTree


def count(report: Path) -> tuple[int, int]:
    """Tests below tests/real that ran, and that were skipped."""
    ran = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        if case.get("classname", "").startswith("tests.real."):
            if case.find("skipped") is None:
                ran += 1
            else:
                skipped += 1
    return ran, skipped


def main() -> int:
    report, engine, *partial = sys.argv[1:]
    ran, skipped = count(Path(report))
    where = f"Docker {engine}" if engine != "none" else "NO ENGINE"
    print(f"real-engine tests: {ran} ran, {skipped} skipped ({where})")
    if engine == "none" and skipped:
        print("THE TESTS THAT NEED A DOCKER ENGINE WERE SKIPPED: see scripts/engine --help")
    proven = engine != "none" and ran > 0
    return 1 if os.environ.get("CI") and not partial and not proven else 0


if __name__ == "__main__":
    sys.exit(main())
