"""What tests of images build with, and the network that they build from."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import http.server
import subprocess
import threading
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devbox.boxes.images import Images
from devbox.compute.engine.docker import DockerEngine
from devbox.config.spec import BoxSpec, Settings
from devbox.progress import Progress

PASSWORDS = ("index-s3cret", "proxy-s3cret", "mirror-s3cret")
OWN_STEPS = {"build", "system", "packages", "box"}


@dataclass
class Workshop:
    """Makes images for boxes of one project, and removes what it made."""

    engine: DockerEngine
    home: Path
    project: Path
    settings: Settings
    made: list[str] = field(default_factory=list)
    said: list[Progress] = field(default_factory=list)

    def spec(self, **values: Any) -> BoxSpec:
        if not {"image", "build", "profile_image"} & values.keys():
            values["profile_image"] = "python"
        return BoxSpec(**{"name": "box", "project": self.project, "profile": "p", **values})

    def build(self, spec: BoxSpec, **network: Any) -> str:
        """Build a box's image; ``network`` are settings that differ from this machine's."""
        given = dataclasses.replace(self.settings.network, **network)
        images = Images(self.engine, dataclasses.replace(self.settings, network=given), self.home)
        recipe = images.recipe(spec)
        # The plain images of profiles are everybody's.
        if spec.pip or spec.apt or spec.requirements or spec.python or not spec.profile_image:
            own = OWN_STEPS | ({"profile"} if spec.python else set())
            self.made += [step.tag for step in recipe.steps if step.kind in own]
        self.said.clear()
        return images.ensure(recipe, self.said.append)

    def clear(self) -> None:
        """Remove what was made, children first."""
        for tag in reversed(self.made):
            self.engine.remove_image(tag)

    def labels(self, image: str) -> dict[str, str]:
        """The labels of an image."""
        found = self.engine.image(image)
        assert found is not None
        return dict(found.labels)

    def sh(self, image: str, script: str, *arguments: str) -> str:
        """What a shell script prints in a container of an image."""
        command = ["docker", "run", "--rm", "--label", "devbox.test=1", *arguments, image]
        done = subprocess.run(
            [*command, "sh", "-ec", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@dataclass
class Server:
    """Files over HTTP, at an address that builds and boxes can reach.

    ``asked`` are the paths that were asked for, the refused ones too. With ``password`` it wants
    one, of the user "me". What is in ``hold`` is answered only when ``release`` is set.
    """

    root: Path
    password: str = ""
    host: str = ""
    asked: list[str] = field(default_factory=list)
    hold: set[str] = field(default_factory=set)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def open_url(self) -> str:
        """The address without the password."""
        return f"http://{self.host}"

    @property
    def url(self) -> str:
        return f"http://me:{self.password}@{self.host}" if self.password else self.open_url

    def downloads(self, name: str) -> int:
        """How often a wheel of a package was asked for."""
        return sum(f"/{name}-" in path and path.endswith(".whl") for path in self.asked)


def handler(server: Server) -> type[http.server.SimpleHTTPRequestHandler]:
    """What answers for a server."""
    wanted = "Basic " + base64.b64encode(f"me:{server.password}".encode()).decode()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(server.root))

        def do_GET(self) -> None:
            if server.password and self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            server.asked.append(self.path)
            if any(each in self.path for each in server.hold):
                server.release.wait(60)
            try:
                super().do_GET()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def end_headers(self) -> None:
            if self.path.endswith(".whl"):  # As indexes do, since such a file never changes.
                self.send_header("Cache-Control", "max-age=365000000, immutable")
            super().end_headers()

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serving(engine: DockerEngine, server: Server) -> Iterator[Server]:
    """Answer for a server at the address that the engine's own network has on this machine."""
    networks = engine.http.json("GET", "/networks/bridge")
    gateway = networks["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
    listening = http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler(server))
    server.host = f"{gateway}:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def wheel(folder: Path, name: str) -> str:
    """Write a wheel with one module that says hello; returns what to install."""
    version = f"1.0+{uuid.uuid4().hex[:8]}"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "HELLO = 'hello'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}=={version}"
