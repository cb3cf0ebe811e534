"""A small lock, and servers that packages come from."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from devbox.boxes.lock.records import Base, Deb, Lock, LockedBox, LockedImage, Wheel

HASH = "0123456789abcdef" * 4
TREE = Deb("tree", "2.1.0-1", "amd64", HASH, 52464, "pool/main/t/tree/tree_2.1.0-1_amd64.deb")
LIBC = Deb("libc6", "2.36-9", "amd64", HASH, 100, "pool/main/g/glibc/libc6_2.36-9_amd64.deb")
RICH = Wheel("Rich", "13.9.4", HASH, 9, "rich-13.9.4-py3-none-any.whl")
UV = Wheel("uv", "0.13.9", HASH, 17, "uv-0.13.9-py3-none-manylinux_2_17_x86_64.whl")


def locked_box(**values: Any) -> LockedBox:
    """A box made of one Debian package, and the profile "base" with one more and rich."""
    given: dict[str, Any] = {
        "name": "main",
        "platform": "linux/amd64",
        "inputs": {"profile": ("base",), "apt": ("tree",), "pip": ("rich",)},
        "base": Base("debian:bookworm-slim", release="bookworm", apt=(LIBC,)),
        "images": (
            LockedImage("base"),
            LockedImage("system", apt=(TREE,)),
            LockedImage("packages", python=(RICH,)),
            LockedImage("box"),
        ),
        "uv": UV,
        "archives": ("http://archive.example/debian",),
    }
    return LockedBox(**{**given, **values})


@pytest.fixture
def lock() -> Lock:
    return Lock((locked_box(),))


@dataclass
class Shelf:
    """Pages over HTTP, by path; ``asked`` are the paths and passwords that were sent."""

    address: str
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    fails: int = 0


def _serve() -> Iterator[Shelf]:
    shelf = Shelf("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shelf.asked.append((self.path, self.headers.get("Authorization", "")))
            kind, data = shelf.pages.get(self.path, ("text/plain", b""))
            code = 200 if self.path in shelf.pages else 404
            if shelf.fails:
                shelf.fails -= 1
                code = 503
            code = 302 if self.path in shelf.redirects else code
            self.send_response(code)
            if code == 302:
                self.send_header("Location", shelf.redirects[self.path])
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield shelf
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    yield from _serve()


@pytest.fixture
def elsewhere() -> Iterator[Shelf]:
    yield from _serve()
