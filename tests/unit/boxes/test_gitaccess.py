from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox import redact
from devbox.boxes import gitaccess
from devbox.boxes.gitaccess import git_access


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)


def git(*argv: str, cwd: Path) -> str:
    done = subprocess.run(["git", *argv], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    git("init", "-q", cwd=made)
    return made


def answering(tmp_path: Path, script: str) -> None:
    """Make git of this machine ask a helper of ours, which notes what it was asked."""
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\ncat >> {tmp_path}/asked\n{script}\n")
    helper.chmod(0o755)
    git("config", "--global", "credential.helper", str(helper), cwd=tmp_path)


def test_without_consent_only_who_the_person_is(project: Path, tmp_path: Path) -> None:
    answering(tmp_path, "echo username=ada; echo password=planted")
    git("config", "--global", "user.name", 'A "B" \\ C', cwd=project)
    git("config", "user.email", "here@example.com", cwd=project)
    git("remote", "add", "origin", "https://host.example/x.git", cwd=project)
    access = git_access(project, credentials=False)
    assert list(access.files) == ["gitconfig"]
    assert not (tmp_path / "asked").exists()
    (tmp_path / "box").write_bytes(access.files["gitconfig"])
    read = git("config", "--file", str(tmp_path / "box"), "--list", cwd=tmp_path).splitlines()
    assert read == [
        "safe.directory=/workspace",
        'user.name=A "B" \\ C',
        "user.email=here@example.com",
    ]


def test_each_host_of_the_remotes_is_asked_for_once(project: Path, tmp_path: Path) -> None:
    answering(tmp_path, "echo username=ada; echo password=planted; echo oauth_refresh_token=no")
    for number, url in enumerate(
        [
            "https://host.example/x.git",
            "https://host.example/y.git",
            "http://bob@other.example:8080/z",
            "git@ssh.example:x.git",
            "https://u:known@third.example/x",
            "https://bad host/x",
            "https://x.example:99999/",
            "ext::sh -c id",
            "/some/where",
        ]
    ):
        git("config", f"remote.r{number}.url", url, cwd=project)
    access = git_access(project, credentials=True)
    assert access.hosts == ("https://host.example", "http://other.example:8080")
    assert access.files["git-credential-1"] == b"username=ada\npassword=planted\n"
    asked = (tmp_path / "asked").read_text()
    assert "host=host.example\n" in asked
    assert "username=bob" in asked
    assert redact.masked("planted") == "***"
    (tmp_path / "box").write_bytes(access.files["gitconfig"])
    name = "credential.https://host.example.helper"
    helper = git("config", "--file", str(tmp_path / "box"), name, cwd=tmp_path)
    assert "/run/devbox/git-credential-1" in helper


@pytest.mark.parametrize("script", ["exit 1", "echo username=x", "echo quit=1", "sleep 60"])
def test_no_answer_is_no_file(
    project: Path, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(tmp_path, script)
    monkeypatch.setattr(gitaccess, "PATIENCE", 1.0)
    git("config", "remote.origin.url", "https://host.example/x.git", cwd=project)
    assert list(git_access(project, credentials=True).files) == ["gitconfig"]


def test_settings_that_a_program_in_the_box_wrote_are_not_run(
    project: Path, tmp_path: Path
) -> None:
    evil = f"!touch {tmp_path}/run-here"
    git("config", "credential.helper", evil, cwd=project)
    git("config", "core.fsmonitor", evil, cwd=project)
    git("config", "core.askPass", f"{tmp_path}/evil", cwd=project)
    git("config", "remote.origin.url", "https://host.example/x.git", cwd=project)
    git_access(project, credentials=True)
    assert not (tmp_path / "run-here").exists()


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(git_access(tmp_path, credentials=True).files) == ["gitconfig"]
    assert list(git_access(tmp_path / "none", credentials=True).files) == ["gitconfig"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(git_access(tmp_path, credentials=True).files) == ["gitconfig"]


@given(st.text())
def test_any_value_is_one_line_of_a_configuration(text: str) -> None:
    quoted = gitaccess._quoted(text)
    assert "\n" not in quoted
    inner = quoted[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner
    assert "\\" not in inner
