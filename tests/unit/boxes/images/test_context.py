"""What of a build context counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devbox.boxes.images import context
from devbox.boxes.images.context import fingerprint, ignore_patterns, ignored
from devbox.errors import DevboxError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "src").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "src" / "a.py").write_text("a")
    return folder


def rules(folder: Path, text: str) -> tuple[context.Pattern, ...]:
    (folder / ".dockerignore").write_text(text)
    return ignore_patterns(folder)


@pytest.mark.parametrize(
    ("text", "path", "out"),
    [
        ("*.log", "a.log", True),
        ("*.log", "sub/a.log", False),
        ("**/*.log", "sub/deep/a.log", True),
        ("**/*.log", "a.log", True),
        ("data", "data/deep/file", True),
        ("/data/", "data/file", True),
        ("data/**", "data/file", True),
        ("da?a", "data", True),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("*\n!keep.txt", "keep.txt", False),
        ("*\n!keep.txt", "other.txt", True),
        ("*\n!src/keep", "src/keep/file", False),
        ("!x\nx", "x", True),
        ("# comment\n\nx", "y", False),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("[", "[", True),
        (".", "a", False),
    ],
)
def test_dockerignore(tmp_path: Path, text: str, path: str, out: bool) -> None:
    assert ignored(path, rules(tmp_path, text)) is out


def test_content_counts_and_time_does_not(tree: Path) -> None:
    before = fingerprint(tree)
    os.utime(tree / "src" / "a.py", (0, 0))
    assert fingerprint(tree) == before
    (tree / "src" / "a.py").write_text("b")
    assert fingerprint(tree) != before


def test_permissions_names_and_links_count(tree: Path) -> None:
    seen = {fingerprint(tree)}
    (tree / "src" / "a.py").chmod(0o700)
    seen.add(fingerprint(tree))
    (tree / "src" / "a.py").rename(tree / "src" / "b.py")
    seen.add(fingerprint(tree))
    (tree / "link").symlink_to("src/b.py")
    seen.add(fingerprint(tree))
    (tree / "empty").mkdir()
    seen.add(fingerprint(tree))
    assert len(seen) == 5


def test_what_is_ignored_does_not_count(tree: Path) -> None:
    (tree / ".dockerignore").write_text("data\n!data/keep\n")
    (tree / "data").mkdir()
    before = fingerprint(tree)
    (tree / "data" / "huge").write_text("x")
    assert fingerprint(tree) == before
    (tree / "data" / "keep").write_text("x")
    assert fingerprint(tree) != before


def test_a_link_to_itself_ends(tree: Path) -> None:
    (tree / "loop").symlink_to(".")
    os.mkfifo(tree / "pipe")
    assert fingerprint(tree)


def test_large_files_count_by_size_and_time(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "SUMMED", 3)
    large = tree / "large"
    large.write_text("12345")
    os.utime(large, (1, 1))
    before = fingerprint(tree)
    large.write_text("54321")
    os.utime(large, (1, 1))
    assert fingerprint(tree) == before
    os.utime(large, (2, 2))
    assert fingerprint(tree) != before


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DevboxError, match="build context cannot be read"):
        fingerprint(tmp_path / "nothing")
