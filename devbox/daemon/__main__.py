"""The daemon's process: python -m devbox.daemon HOME [LOCK]."""

from __future__ import annotations

import sys
from pathlib import Path

from devbox.daemon.service import serve

if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), *map(int, sys.argv[2:3])))
