"""An image registry that can forget: just what an engine asks of one to pull."""

from __future__ import annotations

import http.server
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = "team/py"


@dataclass
class Registry:
    """A registry with one repository. ``tags`` maps a tag to a digest; ``digests`` are those of
    the manifests that it still has."""

    folder: Path
    host: str
    tags: dict[str, str] = field(default_factory=dict)
    digests: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"{self.host}/{REPOSITORY}"

    def take(self, image: str, tag: str) -> str:
        """Have an image of the engine under a tag; returns its digest."""
        archive = self.folder / "image.tar"
        subprocess.run(["docker", "save", image, "-o", str(archive)], check=True)
        with tarfile.open(archive) as saved:
            saved.extractall(self.folder, filter="data")
        archive.unlink()
        index = json.loads((self.folder / "index.json").read_text())
        digest = str(index["manifests"][0]["digest"])
        self.tags[tag] = digest
        self.digests.add(digest)
        return digest

    def blob(self, digest: str) -> Path:
        return self.folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """A registry on loopback, which engines take without TLS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            kind, _, name = self.path.removeprefix(f"/v2/{REPOSITORY}/").partition("/")
            digest = found.tags.get(name, name)
            file = found.blob(digest)
            known = digest in found.digests if kind == "manifests" else True
            if self.path == "/v2/" or not known or not file.is_file():
                self.send_response(200 if self.path == "/v2/" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            media = "application/vnd.oci.image.manifest.v1+json"
            self.send_header("Content-Type", media if kind == "manifests" else "text/plain")
            self.send_header("Docker-Content-Digest", digest)
            self.send_header("Content-Length", str(file.stat().st_size))
            self.end_headers()
            if body:
                with file.open("rb") as stream:
                    while chunk := stream.read(1 << 20):
                        self.wfile.write(chunk)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Registry(folder, f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
