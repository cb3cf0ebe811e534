#!/usr/bin/env python3
"""TensorBoard below a path that nobody can guess, as it has no password of its own.

The path is read from a file: arguments of a process are for everybody to see, and so is what
TensorBoard's own command prints.
"""

import signal
import sys
from pathlib import Path

from tensorboard import program

token = Path(sys.argv[1]).read_text(encoding="ascii")
board = program.TensorBoard()
board.configure([sys.argv[0], *sys.argv[2:], f"--path_prefix=/{token}"])
board.launch()
signal.pause()
