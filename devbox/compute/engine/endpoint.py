"""Where the Docker engine is, found as Docker's own command line finds it.

The order is that of https://docs.docker.com/engine/manage-resources/contexts/: ``DOCKER_HOST``,
``DOCKER_CONTEXT``, the current context of the client's configuration, the default socket. The
sockets of rootless Docker and Docker Desktop are tried after that.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devbox.errors import Unreachable

DEFAULT_SOCKET = "/var/run/docker.sock"
LAST_PORT = 65535
START_HINT = "Start it: `systemctl start docker`, `dockerd &`, or open Docker Desktop."
INSTALL_HINT = "Install Docker and start it; `scripts/quickstart` does both on Debian and Ubuntu."

_HOST_AND_PORT = re.compile(r"(\[[^]]*\]|[^:/]*)(?::([0-9]{1,5}))?")


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
        except (OSError, ValueError, OverflowError) as error:  # What is no name or path at all.
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> Unreachable:
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
        # A socket whose queue of connections is full blocks: nobody takes them.
        if isinstance(error, TimeoutError | BlockingIOError):
            return Unreachable(
                f"The Docker engine at {where} does not answer.",
                hint="It may hang or be overloaded: look at its log, or restart it.",
            )
        return Unreachable(
            f"The Docker engine at {where} cannot be reached: "
            f"{getattr(error, 'strerror', None) or error}.",
            hint="Is it running, and is the address right?",
        )


def find(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Endpoint:
    """The engine that ``docker`` would use here. Raises Unreachable where there is none."""
    if given := environ.get("DOCKER_HOST"):
        return _checked(given, "DOCKER_HOST", tls=bool(environ.get("DOCKER_TLS_VERIFY")))
    home = home or _home()
    folder = client_folder(environ, home)
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


def client_folder(environ: Mapping[str, str], home: Path | None = None) -> Path:
    """Where Docker's command line keeps its configuration and a person's plugins."""
    return Path(environ.get("DOCKER_CONFIG") or (home or _home()) / ".docker")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # No HOME, and a user whom the system does not know.
        return Path("/")


def read_text(path: Path) -> str:
    """The text of a regular file; OSError for anything else, which might never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        with open(descriptor, encoding="utf-8", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


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
        return str(json.loads(read_text(config)).get("currentContext") or "")
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
        host = str(json.loads(read_text(meta))["Endpoints"]["docker"]["Host"])
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
    # A password in it is for nobody's eyes, and of no use with plain TCP.
    user, _, rest = rest.rpartition("@")
    address = f"{scheme}://{user.partition(':')[0]}{'@' if user else ''}{rest}"
    if scheme == "tcp" and not tls:
        match = _HOST_AND_PORT.fullmatch(rest.rstrip("/"))
        if match is None or int(match[2] or 0) > LAST_PORT:
            raise Unreachable(
                f"{address} (from {origin}) is not the address of a Docker engine.",
                hint="It has the form unix:///PATH or tcp://HOST:PORT.",
            )
        host, port = match[1] or "localhost", match[2] or "2375"
        if port != "2376":
            return Endpoint(f"tcp://{host}:{port}", origin)
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
