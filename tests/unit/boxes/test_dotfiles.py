from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from devbox.boxes import dotfiles
from devbox.boxes.dotfiles import Copy, latest
from devbox.config.spec import Dotfiles, Network
from devbox.progress import Progress


class Told(list[str]):
    """What was reported."""

    def __call__(self, progress: Progress) -> None:
        self.append(progress.text)


def git(*argv: str, cwd: Path) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *argv], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(repository: Path, **files: str) -> str:
    for name, content in files.items():
        (repository / name.replace("__", "/")).write_text(content)
    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "x", cwd=repository)
    return git("rev-parse", "HEAD", cwd=repository)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    git("init", "-q", cwd=made)
    return made


def fetch(repository: Path | str, home: Path, ref: str = "") -> tuple[Copy | None, Told]:
    told = Told()
    return latest(Dotfiles(str(repository), ref), Network(), home, told), told


def test_the_newest_commit_is_fetched_and_the_last_one_kept(repository: Path, home: Path) -> None:
    first = commit(repository, vimrc="one")
    copy, told = fetch(repository, home)
    assert copy
    assert (copy.id, told) == (first, [])
    second = commit(repository, vimrc="two")
    copy, _ = fetch(repository, home)
    assert copy
    assert copy.id == second
    assert len(list((home / "dotfiles").glob("*/*"))) == 1
    repository.rename(repository.parent / "away")
    again, told = fetch(repository, home)
    assert again == copy
    assert told[0].startswith("warning: the last copy is used: ")


def test_what_cannot_be_had_is_left_out(repository: Path, home: Path) -> None:
    commit(repository, vimrc="one")
    for wrong, ref in ((str(repository) + "-no", ""), (str(repository), "no-such-branch")):
        copy, told = fetch(wrong, home, ref)
        assert copy is None
        assert told[0].startswith("warning: left out: ")


def test_a_branch_a_tag_and_a_commit(repository: Path, home: Path) -> None:
    first = commit(repository, vimrc="one")
    git("tag", "-a", "-m", "t", "v1", cwd=repository)
    second = commit(repository, vimrc="two")
    tag = git("rev-parse", "v1", cwd=repository)
    for ref, wanted in (("main", second), ("v1", tag), (first, first), (first[:10], first)):
        copy, _ = fetch(repository, home, ref)
        assert copy
        assert copy.id == wanted
    # A commit never changes: nobody is asked again.
    repository.rename(repository.parent / "away")
    copy, told = fetch(repository, home, first)
    assert copy
    assert (copy.id, told) == (first, [])


def test_nothing_is_run_or_checked_out_here(repository: Path, home: Path, tmp_path: Path) -> None:
    (repository / "link").symlink_to("/etc/passwd")
    mark = tmp_path / "run-here"
    (repository / "install.sh").write_text(f"touch {mark}")
    (repository / ".gitattributes").write_text("* filter=evil\n")
    commit(repository)
    copy, _ = fetch(repository, home)
    assert copy
    assert not mark.exists()
    assert [path.suffix for path in (home / "dotfiles").glob("*/*")] == [".tar"]
    copy, told = fetch(f"ext::touch {mark}", home)
    assert (copy, mark.exists()) == (None, False)
    copy, told = fetch(f"--upload-pack=touch {mark}", home)
    assert (copy, mark.exists()) == (None, False)
    assert told


# What runs in the box, run here with a home of its own.


class Home:
    """A home folder in which the scripts of the box run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def run(self, script: str, *argv: str, data: bytes = b"", code: int = 0) -> list[str]:
        done = subprocess.run(
            ["sh", "-c", script, "script", *argv],
            env={"HOME": str(self.path), "PATH": os.environ["PATH"]},
            input=data,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout.decode().splitlines()

    def apply(self, copy: Copy | None, install: str = "", code: int = 0) -> list[str]:
        assert copy
        said = self.run(dotfiles._UNPACK, copy.id, data=copy.tar)
        return said + self.run(dotfiles._INSTALL, copy.id, install, code=code)

    def marker(self) -> str:
        return (self.path / ".dotfiles" / dotfiles.MARKER).read_text().strip()


@pytest.fixture
def box(tmp_path: Path) -> Home:
    return Home(tmp_path / "box home")


def test_dot_files_are_linked_and_nothing_is_lost(repository: Path, home: Path, box: Home) -> None:
    (repository / ".config" / "app").mkdir(parents=True)
    (repository / ".dangling").symlink_to("nowhere")
    files = {".bashrc": "new", ".vimrc": "new", ".config__app__c": "new", "README": "no"}
    made = commit(repository, **files)
    (box.path / ".config").mkdir()
    (box.path / ".config" / "own").write_text("own")
    (box.path / ".bashrc").write_text("own")
    (box.path / ".vimrc").write_text("own")
    (box.path / ".vimrc.before-dotfiles").write_text("older")
    copy, _ = fetch(repository, home)
    said = box.apply(copy)
    assert "kept: ~/.vimrc" in said
    assert (box.path / ".bashrc").read_text() == "new"
    assert (box.path / ".bashrc.before-dotfiles").read_text() == "own"
    assert (box.path / ".vimrc").read_text() == "own"
    assert (box.path / ".vimrc.before-dotfiles").read_text() == "older"
    assert (box.path / ".config" / "own").read_text() == "own"
    assert (box.path / ".config" / "app" / "c").read_text() == "new"
    assert not (box.path / ".config" / "app").is_symlink()
    assert (box.path / ".dangling").readlink() == box.path / ".dotfiles" / ".dangling"
    assert not (box.path / "README").exists()
    assert box.marker() == f"{made} installed"
    before = sorted(path.name for path in box.path.iterdir())
    assert box.apply(copy) == ["kept: ~/.vimrc"]
    assert sorted(path.name for path in box.path.iterdir()) == before


def test_a_newer_commit_takes_the_place_of_one_that_was_not_edited(
    repository: Path, home: Path, box: Home
) -> None:
    commit(repository, **{".bashrc": "one"})
    box.apply(fetch(repository, home)[0])
    commit(repository, **{".bashrc": "two"})
    box.apply(fetch(repository, home)[0])
    assert (box.path / ".bashrc").read_text() == "two"
    assert sorted(path.name for path in box.path.iterdir()) == [".bashrc", ".dotfiles"]
    for number, kept in ((3, ".dotfiles.edited"), (4, ".dotfiles.edited-2")):
        (box.path / ".bashrc").write_text(f"edited {number}")
        commit(repository, **{".bashrc": f"commit {number}"})
        assert kept in box.apply(fetch(repository, home)[0])
        assert (box.path / ".bashrc").read_text() == f"commit {number}"
        assert (box.path / kept / ".bashrc").read_text() == f"edited {number}"


def test_a_folder_of_their_own_is_kept(repository: Path, home: Path, box: Home) -> None:
    commit(repository, **{".bashrc": "new"})
    (box.path / ".dotfiles").mkdir()
    (box.path / ".dotfiles" / "mine").write_text("mine")
    assert ".dotfiles.own" in box.apply(fetch(repository, home)[0])
    assert (box.path / ".dotfiles.own" / "mine").read_text() == "mine"


def test_the_script_that_is_run(repository: Path, home: Path, box: Home) -> None:
    (repository / "scripts").mkdir()
    made = commit(
        repository,
        **{
            "setup.sh": "echo setup",
            "bootstrap.sh": "echo bootstrap; pwd",
            "scripts__mine": "#!/bin/sh\necho mine\nexit 4",
            ".bashrc": "not linked",
        },
    )
    copy, _ = fetch(repository, home)
    assert box.apply(copy) == ["bootstrap", str(box.path / ".dotfiles")]
    assert not (box.path / ".bashrc").exists()
    assert box.apply(copy, "scripts/mine", code=4) == ["mine"]
    assert box.marker() == f"{made} failed"
    assert box.apply(copy, "no/such", code=127) == ["there is no no/such in the dotfiles"]
    assert box.apply(copy, "setup.sh") == ["setup"]
    assert box.marker() == f"{made} installed setup.sh"
