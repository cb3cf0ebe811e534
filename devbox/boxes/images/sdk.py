"""The SDK as it is copied into every box: what code there imports as `devbox`, and what the
command `devbox` and the bridge run there. Standard library only."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import devbox

MODULES = ("__init__.py", "errors.py", "redact.py", "home.py", "progress.py")
FOLDERS = ("journal", "formats")
START = b"from devbox.journal.command import main\n\nmain()\n"
"""What Python runs when it is given the folder itself."""


@cache
def sdk_files() -> dict[str, bytes]:
    """The files, by their paths below a folder that is named after the version and content."""
    root = Path(devbox.__file__).parent
    paths = [root / name for name in MODULES]
    paths += sorted(path for name in FOLDERS for path in (root / name).glob("**/*.py"))
    files = {
        f"devbox/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in paths
        if path.is_file()
    }
    files["__main__.py"] = START
    total = hashlib.sha256()
    for name, data in sorted(files.items()):
        total.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    folder = f"{devbox.__version__}-{total.hexdigest()[:12]}"
    return {f"{folder}/{name}": data for name, data in files.items()}
