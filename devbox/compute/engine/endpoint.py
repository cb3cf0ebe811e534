"""Where the Docker engine is, found as Docker's own command line finds it.

The order is that of https://docs.docker.com/engine/manage-resources/contexts/: ``DOCKER_HOST``,
``DOCKER_CONTEXT``, the current context of the client's configuration, the default socket. The
sockets of rootless Docker and Docker Desktop are tried after that.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devbox.errors import Unreachable

DEFAULT_SOCKET = "/var/run/docker.sock"
START_HINT = "Start it: `systemctl start docker`, `dockerd &`, or open Docker Desktop."
INSTALL_HINT = "Install Docker and start it; `scripts/quickstart` does both on Debian and Ubuntu."


@dataclass(frozen=True)
class Endpoint:
    """The address of an engine, ``unix://PATH`` or ``tcp://HOST:PORT``, and who named it."""

    address: str
    origin: str = "given"

    @property
    def path(self) -> str:
        """The socket's path, "" for a TCP address."""
        return self.address.removeprefix("unix://") if self.address.startswith("unix://") else ""

    def connect(self, timeout: float) -> socket.socket:
        """An open connection. Raises Unreachable, which says what is wrong and how to fix it."""
        try:
            if self.path:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    connection.settimeout(timeout)
                    connection.connect(self.path)
                except BaseException:
                    connection.close()
                    raise
                return connection
            host, _, port = self.address.removeprefix("tcp://").rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), timeout)
        except OSError as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: OSError) -> Unreachable:
        """The same failure, for a person."""
        where = f"{self.address} (from {self.origin})"
        if isinstance(error, FileNotFoundError):
            return Unreachable(
                f"The Docker engine is not running: there is no socket at {where}.",
                hint=START_HINT,
            )
        if isinstance(error, PermissionError):
            return Unreachable(
                f"No permission to use the Docker engine at {where}.",
                hint="Join its group: `sudo usermod -aG docker $USER`, then log in again.",
            )
        if isinstance(error, ConnectionRefusedError):
            return Unreachable(
                f"The Docker engine is not running: nobody listens at {where}.", hint=START_HINT
            )
        if isinstance(error, TimeoutError):
            return Unreachable(
                f"The Docker engine at {where} does not answer.",
                hint="It may hang or be overloaded: look at its log, or restart it.",
            )
        return Unreachable(
            f"The Docker engine at {where} cannot be reached: {error.strerror or error}.",
            hint="Is it running, and is the address right?",
        )


def find(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Endpoint:
    """The engine that ``docker`` would use here. Raises Unreachable where there is none."""
    home = home or Path.home()
    if given := environ.get("DOCKER_HOST"):
        return _checked(given, "DOCKER_HOST", tls=bool(environ.get("DOCKER_TLS_VERIFY")))
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _current_context(folder / "config.json")
    if name and name != "default":
        return _context(folder, name)
    candidates = [Path(DEFAULT_SOCKET), home / ".docker/run/docker.sock"]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        candidates.insert(1, Path(runtime) / "docker.sock")
    present = [path for path in candidates if _is_there(path)]
    usable = [path for path in present if os.access(path, os.R_OK | os.W_OK)]
    for path in usable + present:
        return Endpoint(f"unix://{path}", "the default socket")
    raise Unreachable(
        "No Docker engine is running here: there is no socket at "
        + ", ".join(str(path) for path in candidates)
        + ".",
        hint=INSTALL_HINT,
    )


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _current_context(config: Path) -> str:
    try:
        return str(json.loads(config.read_text()).get("currentContext", ""))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError) as error:
        raise Unreachable(
            f"Docker's client configuration {config} cannot be read: {error}.",
            hint="Repair the file, or set DOCKER_HOST.",
        ) from error


def _context(folder: Path, name: str) -> Endpoint:
    import hashlib

    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / digest / "meta.json"
    try:
        host = str(json.loads(meta.read_text())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreachable(
            f"The Docker context {name!r} does not exist or is broken ({meta}).",
            hint="`docker context ls` shows those that exist, `docker context use` picks one.",
        ) from error
    tls = (folder / "contexts" / "tls" / digest / "docker").is_dir()
    return _checked(host, f"docker context {name!r}", tls=tls)


def _checked(address: str, origin: str, *, tls: bool) -> Endpoint:
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "tcp", address
    if scheme == "http":
        scheme = "tcp"
    if scheme == "unix":
        return Endpoint(f"unix://{rest or DEFAULT_SOCKET}", origin)
    if scheme == "tcp" and not tls:
        host, colon, port = rest.rstrip("/").rpartition(":")
        if not colon or not port.isdigit():
            host, port = rest.rstrip("/"), "2375"
        if port != "2376":
            return Endpoint(f"tcp://{host or 'localhost'}:{port}", origin)
    if scheme in ("tcp", "https"):
        problem, hint = "TLS", "Forward its socket: `ssh -L /tmp/docker.sock:/var/run/docker.sock`"
    elif scheme == "ssh":
        problem, hint = "SSH", "Forward its socket: `ssh -L /tmp/docker.sock:/var/run/docker.sock`"
    else:
        problem, hint = f"{scheme}://", "Use a unix socket; on Windows run devbox inside WSL2"
    raise Unreachable(
        f"Engines behind {problem} are not supported yet: {address} (from {origin}).",
        hint=f"{hint}, and set DOCKER_HOST=unix:///tmp/docker.sock."
        if problem in ("TLS", "SSH")
        else f"{hint}.",
    )
