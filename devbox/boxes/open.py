"""Programs with a page: started in a box, where they live as long as it does, and reached from
here with a token."""

from __future__ import annotations

import http.client
import re
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from devbox.boxes.apps import App
from devbox.boxes.forward import LOOPBACK
from devbox.boxes.identity import LIBRARY, RUNNER, User
from devbox.boxes.listening import listening
from devbox.boxes.reach import EVERYWHERE, Reach
from devbox.boxes.tree import MARK, signal_tree
from devbox.boxes.view import BoxView
from devbox.compute.engine.types import Engine, ExecResult, PublishedPort
from devbox.config.spec import WORKSPACE
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report, silent

SERVE = f"{LIBRARY}/serve"
PATIENCE = 90.0
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_TOKEN = re.compile(r"[0-9a-f]{64}")
_WRONG = "0" * 64


@dataclass(frozen=True)
class Opened:
    """A program's page: ``url`` holds its token. ``port`` is the box's, ``host_port`` this
    machine's, ``how`` is published or forwarded; ``started``: it did not run before."""

    box: str
    app: str
    url: str
    port: int
    host_port: int
    how: str
    started: bool


@dataclass(frozen=True)
class Server:
    """A program that serves in a box: its port and folder there, and its token."""

    port: int
    folder: str
    token: str = field(repr=False)


class Opener:
    """Opens programs in one running box, whose ports are ``reach``."""

    def __init__(
        self, engine: Engine, box: BoxView, user: User, reach: Reach, report: Report = silent
    ) -> None:
        self._engine = engine
        self._box = box
        self._user = user
        self._reach = reach
        self._report = report

    def open(self, app: App, *, host_port: int | None = None, folder: str = "") -> Opened:
        """Make sure that a program serves ``folder`` (of the box, relative to the workspace) and
        can be reached here, on ``host_port`` if given.

        Raises DevboxError with what the program wrote last where it does not come to answer.
        """
        running = self.running(app)
        where = str(PurePosixPath(WORKSPACE, folder or app.folder))
        if not where.isprintable():
            raise UsageError(f"Not a folder: {folder!r}")
        if running and folder and where != running.folder:
            raise UsageError(
                f"{app.title} runs already, and shows {running.folder}.",
                hint=f"`devbox open {app.name} --stop` ends it.",
            )
        server = running or self._start(app, where)
        try:
            address, number, how = self._place(server.port, host_port)
            self._wait(app, server, address, number)
            if not running:
                self._check_locked(app, address, number)
        except BaseException:
            if not running:
                self.stop(app, server)
            raise
        page = app.page.format(token=server.token)
        url = f"http://{f'[{address}]' if ':' in address else address}:{number}/{page}"
        return Opened(self._box.name, app.name, url, server.port, number, how, not running)

    def running(self, app: App) -> Server | None:
        """The program as it runs in the box now."""
        told = self._call(SERVE, "status", app.name)
        lines = told.stdout.decode(errors="replace").split("\n")
        # What lies in the box can be anything, and this goes into a URL.
        if told.code or len(lines) != 3 or not _PORT.fullmatch(lines[0]):
            return None
        port, folder, token = lines
        return Server(int(port), folder, token) if _TOKEN.fullmatch(token) else None

    def stop(self, app: App, server: Server) -> None:
        """End a program, with ten seconds to do so in order, what it started, and its forward."""
        self._reach.stop(server.port)
        self._signal(app, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.running(app) and time.monotonic() < deadline:
            time.sleep(0.1)
        self._signal(app, signal.SIGKILL)

    def _signal(self, app: App, number: signal.Signals) -> None:
        signal_tree(self._engine, self._box.container, _mark(app), self._user, number)

    def _start(self, app: App, folder: str) -> Server:
        self._report(Progress("open", self._box.name, f"starting {app.title}"))
        found = listening(self._engine, self._box.container, self._user)
        used = {each.port for each in found}
        port = next(number for number in range(app.port, 65536) if number not in used)
        # A published port is handed on from the box's own address.
        address = "0.0.0.0" if self._published(port) else LOOPBACK  # noqa: S104
        server = Server(port, folder, secrets.token_hex(32))
        command = (SERVE, "start", app.name, app.program, str(port), folder)
        started = self._engine.call(
            self._box.container,
            [RUNNER, *command, *app.command(address, port, folder)],
            user=str(self._user),
            cwd=WORKSPACE,
            env={MARK: _mark(app)},
            input=server.token.encode(),
        )
        if started.code == 127:
            raise DevboxError(f"There is no {app.title} in box {self._box.name}.", hint=app.fix)
        if started.code:
            said = started.stderr.decode(errors="replace").splitlines()
            raise DevboxError(f"{app.title} could not be started.", detail=said)
        return server

    def _place(self, port: int, host_port: int | None) -> tuple[str, int, str]:
        published = self._published(port)
        if published and published.host_port and host_port in {None, published.host_port}:
            address = LOOPBACK if published.address in EVERYWHERE else published.address
            return address, published.host_port, "published"
        return LOOPBACK, self._reach.forward(port, host_port).host_port, "forwarded"

    def _published(self, port: int) -> PublishedPort | None:
        ports = (each for each in self._box.ports if each.protocol == "tcp")
        return next((each for each in ports if each.port == port), None)

    def _wait(self, app: App, server: Server, address: str, number: int) -> None:
        """Until it answers to its token."""
        deadline = time.monotonic() + PATIENCE
        while not _answers(address, number, app.probe.format(token=server.token)):
            told = self._call(SERVE, "status", app.name)
            if told.code:
                said = told.stdout.decode(errors="replace").splitlines()
                raise DevboxError(f"{app.title} ended while it was starting.", detail=said)
            if time.monotonic() > deadline:
                raise DevboxError(
                    f"{app.title} does not answer.",
                    hint=f"`devbox open {app.name} --stop` ends it.",
                )
            time.sleep(0.1)

    def _check_locked(self, app: App, address: str, number: int) -> None:
        """It must not answer to another token, as it does where a person's own settings say so."""
        if _answers(address, number, app.probe.format(token=_WRONG)):
            raise DevboxError(
                f"{app.title} in box {self._box.name} answers without its token.",
                hint="Its settings in the box's home folder switch tokens off: change that.",
            )

    def _call(self, *argv: str) -> ExecResult:
        return self._engine.call(self._box.container, argv, user=str(self._user))


def _mark(app: App) -> str:
    return f"serve-{app.name}"


def _answers(address: str, number: int, path: str) -> bool:
    connection = http.client.HTTPConnection(address, number, timeout=5)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
