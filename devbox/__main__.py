"""``python -m devbox``."""

from devbox.cli import main

main()
