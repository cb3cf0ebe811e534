"""Docker's command-line plugins, compose and buildx, run as child processes.

They are run directly where they are found: through ``docker`` each call takes 0.1 s longer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from devbox.compute.engine.endpoint import Endpoint, client_folder, read_text
from devbox.errors import DevboxError, Unreachable

# Where the docker command looks, cli-plugins/manager/manager_unix.go of docker/cli.
SYSTEM_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
INSTALL_HINTS = {
    "compose": "Install it: `sudo apt install docker-compose-plugin` (Debian's own package: "
    "docker-compose), or https://docs.docker.com/compose/install/.",
    "buildx": "Install it: `sudo apt install docker-buildx-plugin` (Debian's own package: "
    "docker-buildx), or https://docs.docker.com/build/install-buildx/.",
}
BROKEN_HINT = "Is the plugin whole? `devbox doctor` checks it."
GRACE = 10.0

_LOST = re.compile(
    r"Cannot connect to the Docker daemon|error during connect|error reading from server|"
    r"connection refused|connection reset|connection aborted|broken pipe|timed out|\bEOF\b",
    re.IGNORECASE,
)
_KEPT: ContextVar[tuple[int, ...]] = ContextVar("kept", default=())


class PluginMissing(DevboxError):
    """Docker's compose or buildx plugin is not installed."""


def find(name: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The command that runs a plugin. Raises PluginMissing."""
    config = client_folder(environ)
    folders = [config / "cli-plugins", *_extra_folders(config), *map(Path, SYSTEM_FOLDERS)]
    for folder in folders:
        program = folder / f"docker-{name}"
        if os.access(program, os.X_OK):
            return [str(program)]
    # A docker command with folders of its own built in may know more.
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker and _answers([docker, name, "version"]):
        return [docker, name]
    raise PluginMissing(f"Docker's {name} plugin is not installed.", hint=INSTALL_HINTS[name])


def _extra_folders(config: Path) -> list[Path]:
    try:
        extra = json.loads(read_text(config / "config.json")).get("cliPluginsExtraDirs", [])
        return [Path(folder) for folder in extra]
    except (OSError, ValueError, AttributeError, TypeError):
        return []


def _answers(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def version(name: str) -> str:
    """The version of a plugin, such as "2.26.1"; "" where it is absent or broken."""
    try:
        command = find(name)
        answer = subprocess.run(
            [*command, "version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (DevboxError, OSError, subprocess.SubprocessError):
        return ""
    words = [word.removeprefix("v") for word in answer.split()]
    return next((word for word in words if word[:1].isdigit()), "")


def environment(address: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a plugin talks to the engine at ``address``, and to no other
    that the person's own environment may name, whatever that says about compose projects."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COMPOSE_", "BUILDX_", "BUILDKIT_"))
        and name not in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
    }
    return {**kept, **(extra or {}), "DOCKER_HOST": address}


@contextmanager
def keeping(descriptor: int) -> Iterator[None]:
    """Children that :func:`run` starts in here get the descriptor too: a file lock on it is
    held until the last of them has ended, even where this process is killed before."""
    token = _KEPT.set((*_KEPT.get(), descriptor))
    try:
        yield
    finally:
        _KEPT.reset(token)


def engine_lost(address: str, text: str) -> Unreachable | None:
    """The failure where a plugin's last words are those of one whose engine went away, and the
    engine does not answer us either: a step of a build may print the same words."""
    if not _LOST.search(text):
        return None
    from devbox.compute.engine.http import Http

    try:
        Http(Endpoint(address)).ping()
    except Unreachable as error:
        return Unreachable(
            f"The Docker engine at {address} went away in the middle of the work.",
            hint=error.hint,
            detail=(error.message,),
        )
    except DevboxError:
        return None  # It answers.
    return None


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    each_line: Callable[[str], None],
    *,
    text: bytes = b"",
    cwd: Path | None = None,
) -> int:
    """Run a command that reads ``text``, hand each line it writes to ``each_line``.

    Returns its exit code. It has a process group of its own, so that a Ctrl+C in the terminal
    reaches it once and through us: whatever exception leaves this function, the command has
    ended before.
    """
    with tempfile.TemporaryFile() as stdin:
        stdin.write(text)
        stdin.seek(0)
        try:
            child = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                cwd=cwd,
                process_group=0,
                pass_fds=_KEPT.get(),
            )
        except OSError as error:
            raise DevboxError(
                f"{argv[0]} cannot be run: {error.strerror}.", hint=BROKEN_HINT
            ) from error
    assert child.stdout is not None
    try:
        for line in child.stdout:
            each_line(line.decode(errors="replace").rstrip())
        return child.wait()
    except BaseException:
        _end(child)
        raise
    finally:
        child.stdout.close()


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            child.wait(GRACE)
            return
        except subprocess.TimeoutExpired:
            continue
    child.wait()
