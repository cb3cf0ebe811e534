"""The person's ssh agent in a box, for as long as a command there runs."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devbox.boxes.ssh import SshAccess
from devbox.errors import DevboxError

VARIABLE = "SSH_AUTH_SOCK"
TIMEOUT = 20.0
# ssh's server makes the socket where only the user can reach it, and takes it away at the end,
# which comes with the end of standard input: however this process ends.
_HOLD = 'echo "$SSH_AUTH_SOCK"; exec cat >/dev/null'


@contextmanager
def agent_forwarded(access: SshAccess) -> Iterator[Mapping[str, str]]:
    """The variables that give a command in the box the person's agent; none where none runs here.

    Raises DevboxError where the box cannot be reached by ssh.
    """
    if not os.environ.get(VARIABLE):
        yield {}
        return
    connection = subprocess.Popen(
        [*access.command("-A", "-T"), _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl+C is for the command, not for its agent
    )
    with connection:
        try:
            socket = _first_line(connection)
            if not socket.startswith("/"):
                connection.kill()
                told = connection.stderr.read() if connection.stderr else b""
                raise DevboxError(
                    "Your ssh agent cannot be forwarded to the box.",
                    hint="`ssh_agent = false` in your settings file switches this off.",
                    detail=told.decode(errors="replace").splitlines(),
                )
            yield {VARIABLE: socket}
        finally:
            connection.kill()


def _first_line(connection: subprocess.Popen[bytes]) -> str:
    assert connection.stdout is not None
    descriptor = connection.stdout.fileno()
    line, deadline = b"", time.monotonic() + TIMEOUT
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left < 0 or not select.select([descriptor], [], [], left)[0]:
            break
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        line += piece
    return line.decode(errors="replace").strip()
