from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.config.source import Origin, dotted, read
from devbox.errors import ConfigError


def refusal(path: Path) -> tuple[str, int]:
    with pytest.raises(ConfigError) as caught:
        read(path)
    problem = caught.value.problems[0]
    return problem.message, problem.line


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"a = 1\nb = \n", "not valid TOML", 2),
        (b"a = 1\na = 2\n", "not valid TOML", 2),
        (b"a = 1\n\xff\xfe = 2", "not UTF-8", 2),
        (b"a = 1\nb\0 = 2", "NUL", 2),
        (b"a = " + b"[" * 5000, "nested too deeply", 0),
        (b"a = " + b"1" * 5000, "out of range", 0),
        (b"a = 2024-13-99", "not valid TOML", 0),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, message: str, line: int) -> None:
    file = tmp_path / "devbox.toml"
    file.write_bytes(content)
    found, where = refusal(file)
    assert message in found
    assert not line or where == line


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    file = tmp_path / "devbox.toml"
    with file.open("wb") as stream:
        stream.truncate(50 << 20)
    assert "larger than 1 MiB" in refusal(file)[0]


def test_a_folder_a_pipe_and_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "not a regular file" in refusal(pipe)[0]
    assert "folder" in refusal(tmp_path)[0] or "directory" in refusal(tmp_path)[0]
    assert "no such file" in refusal(tmp_path / "missing")[0]
    assert "cannot be read" in refusal(loop)[0]
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    file = tmp_path / "devbox.toml"
    file.touch(mode=0)
    assert "permission denied" in refusal(file)[0]


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    document = read(file)
    assert document.data == {"a": 1, "b": 2}
    assert document.line(("b", "of", "nothing")) == 2
    assert document.line(("c",)) == 0


def test_places_read_as_in_toml() -> None:
    assert dotted(("box", "pip", 2)) == "box.pip[2]"
    assert dotted(("box", "env", "A B")) == "box.env.'A B'"
    assert dotted(("\x1b[31m",)).isprintable()
    assert str(Origin("project", "devbox.toml", 3)) == "project devbox.toml:3"
    assert str(Origin("default")) == "default"


@given(st.binary(max_size=200))
def test_bytes_are_a_document_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.toml"
    file.write_bytes(content)
    with suppress(ConfigError):
        read(file)
