"""A storage location that is a folder on an SSH host.

The ``ssh`` program makes the connection, so that the person's own configuration holds: keys,
agent, jump hosts. A host whose key is not known yet is refused, whatever that configuration says.
What goes over it is SFTP, by paramiko.
"""

from __future__ import annotations

import hashlib
import select
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from devbox.errors import DevboxError, Unreachable
from devbox.storage.backend import Item, Tell
from devbox.storage.locations import Address

if TYPE_CHECKING:
    from paramiko import SFTPClient

PACKET = 32 << 10  # what every SFTP server takes
CHUNK = 1 << 20
UNFINISHED = "unfinished"
CONNECT_SECONDS = 20
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "RequestTTY=no",
)
_HINTS = (
    ("Host key verification failed", "Log in once with `{ssh}`, and check the host's key."),
    ("REMOTE HOST IDENTIFICATION", "Its key has changed: ask its owner why before you trust it."),
    ("Permission denied (", "Check with `{ssh}` that your key is accepted."),
    ("subsystem request failed", "Its SSH server has no SFTP; have its owner turn that on."),
)


class Sftp:
    """A folder on an SSH host."""

    def __init__(self, client: SFTPClient, program: Program, root: str) -> None:
        self._client = client
        self._program = program
        self._root = root

    def stat(self, key: str) -> Item | None:
        """What lies at a key."""
        with self._explained():
            try:
                status = self._client.stat(f"{self._root}/{key}")
            except FileNotFoundError:
                return None
        return Item(key, status.st_size or 0, float(status.st_mtime or 0))

    def ls(self, prefix: str) -> Iterator[Item]:
        """What lies below a prefix."""
        with self._explained():
            yield from self._walk(prefix)

    def read(self, key: str) -> Iterator[bytes]:
        """The content."""
        with self._explained(), self._client.open(f"{self._root}/{key}", "rb") as file:
            file.prefetch(file.stat().st_size, max_concurrent_requests=64)
            while chunk := file.read(CHUNK):
                yield chunk

    def write(self, key: str, data: bytes) -> None:
        """Put something small there."""
        target = f"{self._root}/{key}"
        draft = f"{target}.{hashlib.sha256(data).hexdigest()[:8]}.tmp"
        with self._explained():
            self._folder(key)
            with self._client.open(draft, "wb") as file:
                file.write(data)
            self._client.posix_rename(draft, target)

    def send(self, key: str, source: Path, tell: Tell) -> None:
        """Put a file there, going on where an earlier attempt has ended."""
        digest = key.rpartition("/")[2]
        draft = f"{self._root}/{UNFINISHED}/{digest}.{_sender()}"
        size = source.stat().st_size
        with self._explained(), source.open("rb") as file:
            self._folder(key)
            self._folder(f"{UNFINISHED}/{digest}")
            begun = self._begun(draft, file, size)
            with self._client.open(draft, "ab" if begun else "wb") as there:
                there.set_pipelined(True)
                if begun:
                    there.seek(begun)
                file.seek(begun)
                while chunk := file.read(PACKET):
                    there.write(chunk)
                    tell(len(chunk))
            if self._client.stat(draft).st_size != size:
                self._client.remove(draft)
                raise OSError("the file is not as long there as here")
            self._client.chmod(draft, 0o444)
            self._client.posix_rename(draft, f"{self._root}/{key}")

    def remove(self, key: str) -> None:
        """Remove what lies there."""
        with self._explained(), suppress(FileNotFoundError):
            self._client.remove(f"{self._root}/{key}")

    def sweep(self, before: float) -> int:
        """Remove what old attempts have left."""
        count = 0
        with self._explained(), suppress(FileNotFoundError):
            for each in self._client.listdir_attr(f"{self._root}/{UNFINISHED}"):
                if (each.st_mtime or 0) < before:
                    self._client.remove(f"{self._root}/{UNFINISHED}/{each.filename}")
                    count += 1
        return count

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError, EOFError):
            self._client.close()
        self._program.end()

    def _walk(self, prefix: str) -> Iterator[Item]:
        folder = f"{self._root}/{prefix}".rstrip("/")
        try:
            found = self._client.listdir_attr(folder)
        except FileNotFoundError:
            return
        for each in sorted(found, key=lambda one: one.filename):
            key = f"{prefix}{each.filename}"
            if stat.S_ISDIR(each.st_mode or 0):
                if key != UNFINISHED:
                    yield from self._walk(f"{key}/")
            elif stat.S_ISREG(each.st_mode or 0) and not key.endswith(".tmp"):
                yield Item(key, each.st_size or 0, float(each.st_mtime or 0))

    def _begun(self, draft: str, file: IO[bytes], size: int) -> int:
        """How many bytes of an earlier attempt are good."""
        try:
            there = self._client.stat(draft).st_size or 0
        except FileNotFoundError:
            return 0
        if not 0 < there <= size:
            return 0
        hasher, left = hashlib.sha256(), there
        while left and (chunk := file.read(min(CHUNK, left))):
            hasher.update(chunk)
            left -= len(chunk)
        # Hashed where it lies: reading it back would cost what sending it costs.
        found = self._program.output(f"head -c {there} -- {shlex.quote(draft)} | sha256sum")
        return there if found.split(" ")[0] == hasher.hexdigest() else 0

    def _folder(self, key: str) -> None:
        path = self._root
        for part in key.split("/")[:-1]:
            path = f"{path}/{part}"
            try:
                self._client.stat(path)
            except FileNotFoundError:
                with suppress(OSError):  # somebody else may have made it
                    self._client.mkdir(path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise Unreachable(
                f"{self._program.host} does not let us use {self._root}: permission denied.",
                hint="Have its owner let you write there.",
            ) from error
        except DevboxError:
            raise
        except (OSError, EOFError, self._errors()) as error:
            raise self._failed(error) from error

    def _errors(self) -> type[Exception]:
        from paramiko import SSHException

        return SSHException

    def _failed(self, error: Exception) -> DevboxError:
        if self._program.ended:
            return Unreachable(
                f"The connection to {self._program.host} broke off.",
                hint="Try again: what was sent so far is kept.",
            )
        why = str(error) or type(error).__name__
        with suppress(OSError, EOFError, self._errors()):
            if why == "Failure" and self._full():
                return DevboxError(
                    f"No space left on {self._program.host} in {self._root}; the file was not"
                    " stored.",
                    hint="Free space there, then try again: what was sent so far is kept.",
                )
        return Unreachable(f"{self._program.host} does not do it: {why.rstrip('.')}.")

    def _full(self) -> bool:
        found = self._program.output(f"df -P {shlex.quote(self._root)} | tail -n 1").split()
        return len(found) > 3 and found[3] == "0"


class Program:
    """The ssh that holds the connection."""

    def __init__(self, at: Address) -> None:
        self.host = at.host
        self._argv = ["ssh", *(f"-o{option}" for option in _OPTIONS)]
        self._argv += ["-p", str(at.port)] if at.port else []
        self._argv += ["-l", at.user] if at.user else []
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._process: subprocess.Popen[bytes] | None = None

    def sftp(self) -> socket.socket:
        """Start it; returns what SFTP is spoken through."""
        ours, its = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [*self._argv, "-s", "--", self.host, "sftp"],
                stdin=its.fileno(),
                stdout=its.fileno(),
                stderr=self._said,
                start_new_session=True,  # Ctrl+C is ours: what was sent is finished or kept
            )
        finally:
            its.close()
        return _Pipe(fileno=ours.detach())

    def output(self, script: str) -> str:
        """What a shell command on the host prints; "" where commands are not allowed."""
        try:
            done = subprocess.run(
                [*self._argv, "--", self.host, script],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=600,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout if done.returncode == 0 else ""

    @property
    def ended(self) -> bool:
        """Whether the connection is gone."""
        if self._process is None:
            return True
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        return self._process.returncode is not None

    def refusal(self) -> Unreachable:
        """Why there was no connection."""
        self.end()
        ssh = " ".join(word for word in self._argv if not word.startswith("-o"))
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        usual = "Check with `{ssh}` that you can log in."
        hint = next((hint for mark, hint in _HINTS if mark in self.said), usual)
        why = lines[-1].rstrip(".") if lines else "it does not answer"
        return Unreachable(
            f"The SSH host {self.host} cannot be used: {why}.",
            hint=hint.format(ssh=f"{ssh} {self.host}"),
        )

    @property
    def said(self) -> str:
        """What ssh has written to stderr."""
        if self._said.closed:
            return self._last
        self._said.seek(0)
        return self._said.read(1 << 16).decode(errors="replace")

    def end(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
            if self._process.poll() is None:
                self._process.terminate()
                self._process.wait()
        self._last = self.said
        self._said.close()

    _last = ""


class _Pipe(socket.socket):
    """A socket as paramiko wants it of its channels."""

    def recv_ready(self) -> bool:
        """Whether there is something to read."""
        return bool(select.select([self], [], [], 0)[0])

    def get_name(self) -> str:
        """What paramiko calls it in its log."""
        return "sftp"


def connect(name: str, at: Address) -> Sftp:
    """Connect to an SSH host. Raises Unreachable."""
    if shutil.which("ssh") is None:
        raise Unreachable(
            f"The storage location {name} needs the ssh program.", hint="Install OpenSSH."
        )
    from paramiko import SFTPClient, SSHException

    program = Program(at)
    pipe: Any = program.sftp()
    try:
        client = SFTPClient(pipe)
    except (SSHException, EOFError, OSError) as error:
        pipe.close()
        raise program.refusal() from error
    made = Sftp(client, program, at.path)
    try:
        found = client.stat(at.path)
    except OSError as error:
        made.close()
        raise Unreachable(
            f"There is no folder {at.path} on {at.host} that you may see.",
            hint=f"Make it: `ssh {at.host} mkdir -p {shlex.quote(at.path)}`.",
        ) from error
    if not stat.S_ISDIR(found.st_mode or 0):
        made.close()
        raise Unreachable(f"{at.path} on {at.host} is not a folder.")
    return made


def _sender() -> str:
    """Who we are, for the name of a draft: two people never write to one."""
    import getpass
    import os

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return hashlib.sha256(f"{user}@{socket.gethostname()}".encode()).hexdigest()[:12]
