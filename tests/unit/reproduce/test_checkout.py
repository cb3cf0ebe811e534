"""Commits of repositories that nobody trusts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from devbox.errors import DevboxError, Unreachable
from devbox.reproduce.checkout import apply, checkout, has_commit, left_out, top


def git(folder: Path, *words: str) -> str:
    """Run git as somebody with a name."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", ".")
    (folder / "train.py").write_text("print(1)\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def head(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD")


def test_an_older_commit(repository: Path, tmp_path: Path) -> None:
    first = head(repository)
    (repository / "train.py").write_text("print(2)\n")
    git(repository, "commit", "-qam", "two")
    assert top(repository) == repository
    assert has_commit(repository, first)
    assert not has_commit(repository, "0" * 40)
    assert not has_commit(tmp_path / "none", first)
    checkout(str(repository), first, tmp_path / "made", "https://example.org/x.git")
    assert (tmp_path / "made" / "train.py").read_text() == "print(1)\n"
    assert head(tmp_path / "made") == first
    assert git(tmp_path / "made", "remote", "get-url", "origin") == "https://example.org/x.git"
    assert git(tmp_path / "made", "status", "--porcelain") == ""


def test_a_commit_that_is_gone(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(DevboxError, match="no commit 000000000000"):
        checkout(str(repository), "0" * 40, tmp_path / "made")


@pytest.mark.parametrize("source", ["ext::sh -c 'touch hit'", "--upload-pack=touch hit", "nowhere"])
def test_hostile_and_missing_sources(source: str, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        checkout(source, "0" * 40, tmp_path / "made")
    assert not list(tmp_path.rglob("hit"))


def test_hooks_and_filters_have_no_say(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit = tmp_path / "hit"
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (template / name).write_text(f"#!/bin/sh\ntouch {hit}\n")
        (template / name).chmod(0o755)
    mine = tmp_path / "gitconfig"
    mine.write_text(
        f"[init]\n templateDir = {template.parent}\n[core]\n hooksPath = {template}\n"
        f'[filter "evil"]\n smudge = touch {hit}\n required = true\n'
        f" process = touch {hit}\n"
    )
    (repository / ".gitattributes").write_text("* filter=evil\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "two")
    commit = head(repository)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(mine))
    checkout(str(repository), commit, tmp_path / "made")
    assert (tmp_path / "made" / "train.py").read_text() == "print(1)\n"
    assert not hit.exists()


def test_changes(repository: Path, tmp_path: Path) -> None:
    commit = head(repository)
    (repository / "train.py").write_text("print(3)\n")
    diff = git(repository, "diff", "HEAD").encode() + b"\n"
    checkout(str(repository), commit, tmp_path / "made")
    apply(tmp_path / "made", diff)
    assert (tmp_path / "made" / "train.py").read_text() == "print(3)\n"
    with pytest.raises(DevboxError):
        apply(tmp_path / "made", diff)


@pytest.mark.parametrize("path", ["../hit", "link/hit", ".git/hooks/hit"])
def test_changes_stay_in_the_checkout(repository: Path, tmp_path: Path, path: str) -> None:
    (repository / "link").symlink_to(tmp_path)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "two")
    checkout(str(repository), head(repository), tmp_path / "made")
    diff = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    diff += "@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(DevboxError):
        apply(tmp_path / "made", diff.encode())
    assert not list(tmp_path.rglob("hit"))


def test_what_is_left_out(repository: Path) -> None:
    assert left_out(repository) == ()
    (repository / ".gitmodules").write_text("x")
    (repository / ".gitattributes").write_text("*.bin filter=lfs diff=lfs\n")
    assert len(left_out(repository)) == 2
