"""What programs in an image say of its packages."""

from __future__ import annotations

import json
import runpy
import sys
from importlib import metadata
from pathlib import Path

import pytest

from devbox.boxes.lock import installed
from devbox.boxes.lock.collect import (
    contents,
    parse_archives,
    parse_debs,
    parse_python,
    parse_shown,
    parse_uv,
)
from devbox.boxes.lock.index import normal
from devbox.boxes.lock.records import Deb
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError
from tests.unit.boxes.lock.conftest import HASH


def test_dpkg() -> None:
    text = "installed libc6 2.36 amd64\nconfig-files old 1 all\ninstalled libc6 2.36 i386\n\nx\n"
    assert parse_debs(text) == {
        ("libc6", "amd64"): Deb("libc6", "2.36", "amd64"),
        ("libc6", "i386"): Deb("libc6", "2.36", "i386"),
    }


def test_apt() -> None:
    stanza = "Package: tree\nVersion: 2.1\nArchitecture: amd64\nFilename: ./pool/t.deb\n"
    stanza += f"Size: 5\nSHA256: {HASH}\n"
    local = "Package: mine\nVersion: 1\nArchitecture: all\nStatus: install ok installed\n"
    odd = stanza.replace("Size: 5", "Size: many")
    assert list(parse_shown(f"{stanza}\n{local}\n{odd}")) == [
        Deb("tree", "2.1", "amd64", HASH, 5, "pool/t.deb")
    ]
    uris = (
        "'http://deb.example/debian/dists/bookworm/InRelease' x 0 \n"
        "'http://u:s3cret@own.example/apt/dists/y/InRelease' x 0 \n"
        "'file:/srv/dists/z/InRelease' x 0\n'http://deb.example/debian/dists/b/Packages.xz' y 0\n"
    )
    assert parse_archives(uris) == ("http://deb.example/debian", "http://own.example/apt")


def test_uv() -> None:
    assert parse_uv(f"uv 0.13.9 (x86_64)\n{HASH}  /usr/local/bin/uv\n") == ("0.13.9", HASH)
    assert parse_uv("") == ("", "")


def test_this_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["installed.py", *arguments])
        runpy.run_path(str(Path(installed.__file__)), run_name="__main__")
        return capsys.readouterr().out

    found, interpreter = parse_python(ask().encode())
    assert found["pytest"].version == pytest.__version__
    assert found["pytest"].tags == {"py3-none-any"}
    assert found["pytest"].record["pytest/__init__.py"].startswith("sha256=")
    assert interpreter == ""
    listed = ask("--list").splitlines()
    assert f"python hypothesis {metadata.version('hypothesis')}" in listed
    assert {line.split()[1] for line in listed} == set(found)
    assert all(normal(name) == name for name in found)
    assert parse_python(b"") == ({}, "")


def test_a_container_that_ends_with_the_question() -> None:
    def answer(argv: object, data: bytes) -> ExecResult:
        if data:
            text = json.dumps({"packages": [], "managed": "3.12.7"})
            return ExecResult(0, text.encode(), b"")
        return ExecResult(0, b"installed tree 1 all\n" if "dpkg" in str(argv) else b"", b"")

    engine = FakeEngine(answer)
    engine.add_image("x:1")
    found = contents(engine, "x:1")
    assert list(found.debs) == [("tree", "all")]
    assert found.interpreter == "3.12.7"
    assert engine.containers({}) == ()
    failing = FakeEngine(lambda argv, data: ExecResult(1, b"", b"why\n"))
    failing.add_image("x:1")
    with pytest.raises(DevboxError, match="x:1 cannot be looked into") as caught:
        contents(failing, "x:1")
    assert caught.value.detail == ("why",)
    assert failing.containers({}) == ()
