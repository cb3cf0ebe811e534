"""One SSH connection to a box without a port: `sshd -i` in the box, over the engine."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from devbox.boxes.identity import LIBRARY, BoxId, Label
from devbox.boxes.ssh.keys import BoxKeys, box_keys
from devbox.compute.engine.docker import DockerEngine
from devbox.compute.engine.types import Engine, Exec
from devbox.config.names import owner
from devbox.errors import DevboxError
from devbox.home import home

ROOT = "0:0"
CHUNK = 65536
# What the box's program says with its exit code; images/box/sshd knows them too.
NO_KEYS, NO_SERVER = 97, 98
NOT_FOUND = 127


def connect(name: str, engine: Engine | None = None) -> None:
    """Connect stdin and stdout of this process to the SSH server of a running box, until either
    side ends. Raises DevboxError, before anything was written, where that is not possible."""
    box = BoxId(owner(os.environ), name)
    engine = engine or DockerEngine()
    container = _running(engine, box)
    keys = box_keys(home(), box)
    running = _server(engine, container, box, keys)
    if running is None:
        give_keys(engine, container, keys)
        running = _server(engine, container, box, keys)
    if running is None:
        raise DevboxError(f"Box {name} does not keep its keys.", hint="Run `devbox restart`.")
    _pump(running)


def give_keys(engine: Engine, container: str, keys: BoxKeys) -> None:
    """Put the box's host key and the person's public key into the box's memory."""
    content = f"{keys.client.public}\n".encode() + keys.host.file.read_bytes()
    argv = [f"{LIBRARY}/sshkeys", keys.id]
    result = engine.call(container, argv, user=ROOT, input=content)
    if result.code:
        raise DevboxError(
            "The box did not take its SSH keys.",
            detail=result.stderr.decode(errors="replace").splitlines(),
        )


def _running(engine: Engine, box: BoxId) -> str:
    found = engine.containers({**box.labels, Label.ROLE: "box"})
    if not found:
        raise DevboxError(
            f"Box {box.name} is down or unknown.",
            hint="Run `devbox up` in its project; `devbox ps` lists all boxes.",
        )
    if found[0].state != "running":
        raise DevboxError(f"Box {box.name} is stopped.", hint=f"Run `devbox start {box.name}`.")
    return found[0].id


def _server(engine: Engine, container: str, box: BoxId, keys: BoxKeys) -> Exec | None:
    """A server that has said its first words, which are on stdout then; None where the box has
    to be given its keys. ssh speaks only when it has heard them, so nothing of it is lost."""
    running = engine.exec(container, [f"{LIBRARY}/sshd", keys.id], user=ROOT, stdin=True)
    told = b""
    while (chunk := running.read()) is not None:
        if chunk[0] == 1:
            _write(chunk[1])
            return running
        told += chunk[1]
    code = running.exit_code()
    running.close()
    if code == NO_KEYS:
        return None
    if code == NO_SERVER:
        raise DevboxError(
            f"Box {box.name} has no SSH server.",
            hint='Add `apt = ["openssh-server"]` to its devbox.toml, then run `devbox up`.',
        )
    if code == NOT_FOUND:
        raise DevboxError(
            f"Box {box.name} was made by an older devbox, without SSH.", hint="Run `devbox up`."
        )
    raise DevboxError(
        f"The SSH server of box {box.name} does not start (exit code {code}).",
        detail=told.decode(errors="replace").splitlines(),
    )


def _pump(running: Exec) -> None:
    """Carry bytes both ways. The end of ssh is the end of the server's input, upon which it and
    its sessions end."""
    threading.Thread(target=_send, args=(running,), daemon=True).start()
    with suppress(OSError):  # ssh has gone without waiting
        while (chunk := running.read()) is not None:
            if chunk[0] == 1:
                _write(chunk[1])


def _send(running: Exec) -> None:
    with suppress(OSError):
        while data := os.read(0, CHUNK):
            running.write(data)
    running.close_stdin()


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
