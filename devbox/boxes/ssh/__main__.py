"""``python -m devbox.boxes.ssh BOX``: connects standard input and output to the SSH server of a
box. It is what ssh runs as its ProxyCommand, so it imports little and never writes to stdout."""

from __future__ import annotations

import os
import sys

from devbox.errors import EXIT_BUG, EXIT_OWN_FAILURE, DevboxError


def main() -> None:
    """Serve one connection, then end at once."""
    try:
        from devbox.boxes.ssh.proxy import connect

        connect(sys.argv[1])
        code = 0
    except DevboxError as error:
        lines = [f"devbox: {error.message}", *(f"  {line}" for line in error.detail)]
        if error.hint:
            lines.append(f"hint: {error.hint}")
        os.write(2, "".join(f"{line}\r\n" for line in lines).encode(errors="replace"))
        code = EXIT_OWN_FAILURE
    except BrokenPipeError:
        code = EXIT_OWN_FAILURE  # ssh went before it began
    except Exception as error:  # noqa: BLE001 - the last resort: a line, in the middle of a login
        os.write(2, f"devbox: a fault of devbox: {type(error).__name__}: {error}\r\n".encode())
        code = EXIT_BUG
    # A thread may still be waiting for input that will not come.
    os._exit(code)


if __name__ == "__main__":
    main()
