"""Profiles of teams from real git repositories, friendly and hostile ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from devbox.boxes.teams import TeamProfiles, repository
from devbox.config import Profiles
from devbox.errors import ConfigError, DevboxError, Refused, Unreachable, UsageError
from devbox.state import State
from tests.unit.boxes.teams.conftest import GPU, Remote, accept

Agree = Callable[[object], None]
SOCKET = "/var/run/docker.sock"
MOUNT = GPU + '[box]\nmounts = ["/srv/data:/srv/data"]\n'


@pytest.fixture
def installed(remote: Remote, teams: TeamProfiles) -> TeamProfiles:
    teams.add(str(remote.folder), agree=accept)
    return teams


def found(home: Path) -> list[str]:
    """What lies in the folder of profiles, two levels deep."""
    return sorted(
        path.relative_to(home / "profiles").as_posix()
        for pattern in ("*", "*/*")
        for path in (home / "profiles").glob(pattern)
    )


def test_a_plain_profile_needs_no_consent(
    remote: Remote, teams: TeamProfiles, home: Path, refuse: Agree
) -> None:
    commit = remote.git("rev-parse", "HEAD")
    change = teams.add(str(remote.folder), agree=refuse)
    assert (change.team, change.before, change.after) == ("acme", "", commit)
    assert [(each.name, each.act) for each in change.profiles] == [("gpu", "added")]
    assert found(home) == ["acme", f"acme/{commit}", "acme/record.json"]
    profile = Profiles().get("acme/gpu")
    assert (profile.origin, profile.commit, profile.name) == ("team", commit, "acme/gpu")
    assert "acme/gpu" in {each.name for each in Profiles().ls()}
    with State(home, actor="ada") as state:
        (event,) = state.events.ls(kind="profile.add")
    assert (event.subject, event.data["commit"]) == ("profile/acme", commit)


def test_adding_twice_changes_nothing(
    remote: Remote, installed: TeamProfiles, refuse: Agree, tmp_path: Path
) -> None:
    remote.commit(gpu=MOUNT)
    assert installed.add(str(remote.folder), agree=refuse).empty
    other = Remote(tmp_path / "other")
    other.commit(cpu=GPU)
    with pytest.raises(DevboxError, match="installed from"):
        installed.add(str(other.folder), name="acme", agree=accept)
    installed.add(str(other.folder), name="two", agree=accept)
    assert [team.name for team in installed.ls()] == ["acme", "two"]


def test_what_a_profile_asks_for_is_shown_and_agreed_to_once(
    remote: Remote, teams: TeamProfiles, home: Path, refuse: Agree
) -> None:
    remote.write("docker/Dockerfile", "FROM debian\n")
    remote.commit(
        gpu=GPU
        + """
[box]
ports = [8888, "0.0.0.0:80:80"]
secrets = ["TOKEN"]
mounts = ["/srv/data:/srv/data", "/etc:/host/etc:ro", "./docker:/docker:ro"]
data = { big = "/srv/big" }
[box.hooks]
on_create = "make"
timeout = "5m"
[box.services.db]
image = "postgres:16"
command = "postgres -c x=1"
volumes = ["pg:/var/pg", "/var/run/docker.sock:/docker.sock"]
ports = ["10.0.0.1:5432:5432"]
""",
        own='description = "x"\n[box]\nbuild = { context = "docker" }\n',
        image='description = "x"\n[box]\nimage = "debian:bookworm"\n',
    )
    with pytest.raises(Refused) as caught:
        teams.add(str(remote.folder), agree=refuse)
    assert list(caught.value.detail) == [
        "gpu: hook on_create: make",
        "gpu: mount /etc at /host/etc (read-only)",
        "gpu: mount /srv/big at /data/big (read-only)",
        "gpu: mount /srv/data at /srv/data (writable)",
        f"gpu: mount {SOCKET} at /docker.sock (writable): control of this machine's engine",
        "gpu: port 5432/tcp on 10.0.0.1, 5432",
        "gpu: port 80/tcp on 0.0.0.0, 80",
        "gpu: secret TOKEN",
        f"gpu: service db runs postgres:16 with {['postgres', '-c', 'x=1']}, keeps pg at /var/pg",
        "image: image debian:bookworm",
        "own: build docker/Dockerfile",
    ]
    assert found(home) == []
    teams.add(str(remote.folder), agree=accept)
    # An update that asks for nothing more needs nobody, one that does shows just that.
    text = (remote.folder / "gpu.toml").read_text()
    remote.commit(gpu=text.replace('"TOKEN"]', '"TOKEN"]\npip = ["rich"]'))
    change = teams.update("acme", agree=refuse)
    assert [(key.key, key.after) for key in change.profiles[0].keys] == [("box.pip", ["rich"])]
    remote.commit(gpu=text.replace('"TOKEN"]', '"TOKEN", "KEY"]').replace("/srv/data:", "/srv:"))
    with pytest.raises(Refused) as caught:
        teams.update("acme", agree=refuse)
    assert list(caught.value.detail) == [
        "gpu: mount /srv at /srv/data (writable)",
        "gpu: secret KEY",
    ]


def test_a_dry_run_asks_and_changes_nothing(
    remote: Remote, teams: TeamProfiles, home: Path, refuse: Agree
) -> None:
    remote.commit(gpu=MOUNT)
    change = teams.add(str(remote.folder), agree=refuse, dry_run=True)
    assert [ask.kind for ask in change.asks] == ["mount"]
    assert found(home) == []


def test_a_branch_that_moved_is_followed_only_by_an_update(
    remote: Remote, installed: TeamProfiles, home: Path
) -> None:
    first = Profiles().get("acme/gpu")
    second = remote.commit("Two \x1b[31mred", gpu=GPU + '[box]\npip = ["rich"]\n', cpu=GPU)
    assert Profiles().get("acme/gpu").commit == first.commit
    assert installed.update("acme", agree=accept, dry_run=True).after == second
    assert Profiles().get("acme/gpu").commit == first.commit
    change = installed.update("acme", agree=accept)
    assert Profiles().get("acme/gpu").commit == second
    assert [(each.name, each.act) for each in change.profiles] == [
        ("cpu", "added"),
        ("gpu", "changed"),
    ]
    (line,) = change.commits
    assert line.endswith("Two [31mred (Ada)")
    third = remote.commit(cpu=GPU + "\n")
    installed.update("acme", agree=accept)
    # The commit before stays for boxes that mount from it, and no older one.
    assert found(home) == sorted(["acme", f"acme/{second}", f"acme/{third}", "acme/record.json"])
    assert installed.update("acme", agree=accept).empty


def test_a_force_push_and_a_moved_tag_are_said_and_need_consent(
    remote: Remote, installed: TeamProfiles, refuse: Agree
) -> None:
    remote.git("tag", "v1")
    installed.add(f"{remote.folder}@v1", name="tagged", agree=accept)
    remote.git("commit", "--quiet", "--amend", "-m", "again", "--allow-empty")
    change = installed.update("acme", agree=accept, dry_run=True)
    assert "the default branch was rewritten" in change.warnings[0]
    with pytest.raises(Refused):
        installed.update("acme", agree=refuse)
    assert installed.update("tagged", agree=refuse).empty
    remote.git("tag", "--force", "v1")
    change = installed.update("tagged", agree=accept)
    assert change.warnings[0].startswith("the tag v1 was moved")


def test_a_ref_that_vanished(remote: Remote, teams: TeamProfiles) -> None:
    remote.git("branch", "old")
    teams.add(f"{remote.folder}@old", agree=accept)
    remote.git("branch", "-D", "old")
    with pytest.raises(DevboxError, match=r"no branch, tag or commit old any more; acme stays at"):
        teams.update("acme", agree=accept)
    assert Profiles().get("acme/gpu")
    # The same repository and another ref is how to follow something else.
    change = teams.add(f"{remote.folder}@main", agree=accept)
    assert (change.ref, change.before, change.warnings) == ("main", change.after, ())
    assert teams.ls()[0].ref == "main"


def test_a_commit_as_ref(remote: Remote, teams: TeamProfiles) -> None:
    first = remote.git("rev-parse", "HEAD")
    remote.commit(cpu=GPU)
    assert teams.add(f"{remote.folder}@{first[:10]}", agree=accept).after == first
    assert teams.update("acme", agree=accept).empty
    with pytest.raises(DevboxError, match="no branch, tag or commit 0123456789"):
        teams.add(f"{remote.folder}@0123456789", name="b", agree=accept)
    with pytest.raises(DevboxError, match="no branch, tag or commit nope"):
        teams.add(f"{remote.folder}@nope", name="b", agree=accept)


@pytest.mark.parametrize(
    ("name", "target"),
    [("a.toml", "/etc/passwd"), ("data", "../../../../etc"), ("docker/Dockerfile", "../gpu.toml")],
)
def test_symbolic_links_are_refused_by_name(
    remote: Remote, teams: TeamProfiles, home: Path, target: str, name: str
) -> None:
    link = remote.folder / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(target)
    remote.commit()
    with pytest.raises(DevboxError, match=f"{name} of the repository is a symbolic link"):
        teams.add(str(remote.folder), agree=accept)
    assert found(home) == []


def test_submodules_are_left_out_and_nothing_of_theirs_is_fetched(
    remote: Remote, teams: TeamProfiles, tmp_path: Path, home: Path
) -> None:
    inner = Remote(tmp_path / "inner")
    inner.commit(evil=GPU)
    remote.git("submodule", "--quiet", "add", str(inner.folder), "profiles")
    remote.commit()
    told: list[str] = []
    teams.add(str(remote.folder), agree=accept, report=lambda step: told.append(step.text))
    assert "note: profiles is a submodule: left out" in told
    assert not list(home.rglob("evil.toml"))
    assert Profiles().get("acme/gpu")


def test_nothing_of_a_repository_runs(
    remote: Remote, teams: TeamProfiles, tmp_path: Path, home: Path
) -> None:
    ran = tmp_path / "ran"
    for hook in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        path = remote.folder / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {ran}\n")
        path.chmod(0o755)
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        path = template / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {ran}\n")
        path.chmod(0o755)
    (tmp_path / "home" / ".gitconfig").write_text(
        f'[init]\ntemplateDir = {template}\n[filter "x"]\nsmudge = touch {ran}\nrequired = true\n'
        f"[core]\nhooksPath = {template}/hooks\nfsmonitor = touch {ran}\n"
    )
    remote.write(".gitattributes", "*.toml filter=x diff=x merge=x\n")
    remote.write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = ext::touch ran\n')
    remote.write("profiles/.git", "gitdir: /etc\n")
    remote.git("-c", "filter.x.required=false", "-c", "filter.x.smudge=", "add", "--all")
    (remote.folder / ".git" / "hooks" / "reference-transaction").unlink()
    subprocess.run(
        ["git", "-C", str(remote.folder), *_me(), "commit", "-qm", "x", "--no-verify"],
        check=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    ran.unlink(missing_ok=True)
    teams.add(str(remote.folder), agree=accept)
    teams.update("acme", agree=accept)
    assert not ran.exists()


def _me() -> list[str]:
    return ["-c", "user.name=a", "-c", "user.email=a@b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GPU + '[box]\nbuild = { context = "../.." }\n', "outside|leaves the team's folder"),
        (GPU + '[box]\nbuild = { context = "/etc" }\n', "outside the team's folder"),
        (GPU + '[box]\nmounts = ["../../x:/x"]\n', "leaves the team's folder"),
        (GPU + '[box]\nmounts = ["./sub:/x"]\n', "only be mounted read-only"),
        ('description = "x"\nextends = "/etc/x.toml"\n', "leaves the team's folder"),
        ('description = "x"\nextends = "../../../x.toml"\n', "leaves the team's folder"),
        ('description = "x"\nextends = "~/x.toml"\n', "there is no"),
        ('description = "x"\nextends = "mine"\n', "unknown profile 'mine'"),
        ('description = "x"\nextends = "acme/gpu2"\n', "unknown profile"),
        ('description = "x"\nimage = "../base"\n', "image"),
        ("not toml", "not valid TOML"),
        (GPU + "[box]\nprivileged = true\n", "unknown key 'privileged'"),
    ],
)
def test_a_profile_that_reaches_outside_or_is_wrong(
    remote: Remote, teams: TeamProfiles, home: Path, text: str, message: str
) -> None:
    person = Path(os.environ["DEVBOX_CONFIG"]).parent / "profiles"
    person.mkdir()
    (person / "mine.toml").write_text(GPU)
    remote.commit(gpu=text)
    with pytest.raises(ConfigError, match=message) as caught:
        teams.add(str(remote.folder), agree=accept)
    assert caught.value.problems[0].file == "acme/gpu.toml"
    assert found(home) == []


def test_siblings_and_files_of_the_folder(remote: Remote, teams: TeamProfiles) -> None:
    remote.write("shared/common.toml", 'extends = "python"\n[box]\nsecrets = ["TOKEN"]\n')
    remote.commit(
        gpu='description = "x"\nextends = "./shared/common.toml"\n',
        more='description = "x"\nextends = "gpu"\n',
    )
    change = teams.add(str(remote.folder), agree=accept)
    assert [str(ask) for ask in change.asks] == ["gpu: secret TOKEN", "more: secret TOKEN"]
    chain = Profiles().chain("acme/more")
    assert [each.name for each in chain] == [
        "acme/more",
        "acme/gpu",
        "acme/common",
        "python",
        "base",
    ]


def test_profiles_in_their_folder_go_before_the_top(remote: Remote, teams: TeamProfiles) -> None:
    remote.write("profiles/cpu.toml", GPU)
    remote.commit(pyproject="[project]\nname = 'x'\n")
    teams.add(str(remote.folder), agree=accept)
    assert [each.name for each in Profiles().ls() if each.origin == "team"] == ["acme/cpu"]


def test_no_profile_no_commit_no_repository(
    tmp_path: Path, teams: TeamProfiles, remote: Remote, home: Path
) -> None:
    empty = Remote(tmp_path / "empty")
    with pytest.raises(DevboxError, match="is empty: it has no commit"):
        teams.add(str(empty.folder), agree=accept)
    empty.write("README.md", "hello")
    empty.commit()
    with pytest.raises(DevboxError, match="holds no profiles"):
        teams.add(str(empty.folder), agree=accept)
    with pytest.raises(DevboxError, match=r"cannot be fetched: .*does not appear to be a git"):
        teams.add(str(tmp_path / "nowhere"), agree=accept)
    with pytest.raises(Unreachable, match="cannot be fetched"):
        teams.add("https://127.0.0.1:9/x.git", agree=accept)
    with pytest.raises(UsageError, match="No team 'acme'"):
        teams.update("acme", agree=accept)
    with pytest.raises(UsageError, match=r"No team '../x'"):
        teams.rm("../x")
    assert found(home) == []


def test_too_much_of_it(
    remote: Remote, teams: TeamProfiles, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.write("big.bin", os.urandom(2 << 20))
    remote.commit()
    monkeypatch.setattr(repository, "LARGEST_TREE", 1 << 20)
    with pytest.raises(DevboxError, match="holds more than 1 MiB"):
        teams.add(str(remote.folder), agree=accept)
    monkeypatch.setattr(repository, "LARGEST_FETCH", 1 << 20)
    with pytest.raises(DevboxError, match="is larger than 1 MiB"):
        teams.add(str(remote.folder), agree=accept)
    assert found(home) == []


def test_a_tree_that_holds_itself_many_times_over(
    remote: Remote, teams: TeamProfiles, tmp_path: Path
) -> None:
    blob = remote.git("hash-object", "-w", "gpu.toml")
    entry = f"100644 blob {blob}\tx"
    for _ in range(12):
        lines = "".join(entry.replace("\tx", f"\t{n}") + "\n" for n in range(10))
        made = subprocess.run(
            ["git", "-C", str(remote.folder), "mktree"],
            input=lines,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        entry = f"040000 tree {made}\tx"
    commit = remote.git("commit-tree", made, "-m", "bomb")
    remote.git("branch", "bomb", commit)
    with pytest.raises(DevboxError, match="2000 files"):
        teams.add(f"{remote.folder}@bomb", agree=accept)


@pytest.mark.parametrize("name", ["..", ".git", "a\\b", "a\x1b[31m"])
def test_names_that_lead_elsewhere(remote: Remote, teams: TeamProfiles, name: str) -> None:
    blob = remote.git("hash-object", "-w", "gpu.toml")
    tree = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    made = (
        subprocess.run(
            [
                "git",
                "-C",
                str(remote.folder),
                "hash-object",
                "-w",
                "-t",
                "tree",
                "--stdin",
                "--literally",
            ],
            input=tree,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    remote.git("branch", "odd", remote.git("commit-tree", made, "-m", "odd"))
    with pytest.raises(DevboxError, match=r"a file with the name|cannot be fetched"):
        teams.add(f"{remote.folder}@odd", agree=accept)


@pytest.mark.parametrize("how", ["changed", "missing", "link", "extra", "fifo"])
def test_files_that_were_changed_on_disk_are_not_read_and_come_back(
    remote: Remote, installed: TeamProfiles, home: Path, how: str, refuse: Agree
) -> None:
    (file,) = home.rglob("gpu.toml")
    if how == "extra":
        (file.parent / "new").write_text("x")
    elif how == "changed":
        file.write_text(MOUNT)
    else:
        file.unlink()
    if how == "link":
        file.symlink_to("/etc/passwd")
    if how == "fifo":
        os.mkfifo(file)
    with pytest.raises(ConfigError, match=r"acme/(gpu.toml|new)") as caught:
        Profiles().get("acme/gpu")
    assert "devbox profile update acme" in caught.value.problems[0].hint
    assert installed.update("acme", agree=refuse).restored
    assert Profiles().get("acme/gpu").description == "GPUs"


def test_a_broken_record(remote: Remote, installed: TeamProfiles, home: Path) -> None:
    (home / "profiles" / "acme" / "record.json").write_text("{")
    for broken in (Profiles().ls, installed.ls, lambda: Profiles().get("acme/gpu")):
        with pytest.raises(ConfigError, match="devbox profile rm acme"):
            broken()
    installed.rm("acme")
    assert found(home) == []
    installed.add(str(remote.folder), agree=accept)
    installed.rm("acme")
    with pytest.raises(UsageError, match="the profiles of acme are not installed"):
        Profiles().get("acme/gpu")


def test_consent_is_bound_to_what_was_asked(
    remote: Remote, teams: TeamProfiles, home: Path, tmp_path: Path
) -> None:
    from devbox.config import Settings, load

    remote.commit(gpu=MOUNT)
    teams.add(str(remote.folder), agree=accept)
    project = tmp_path / "project"
    project.mkdir()
    (project / "devbox.toml").write_text('[box]\nprofile = "acme/gpu"\n')
    assert load(project, settings=Settings("ada")).box().spec.mounts[0].source == "/srv/data"
    record = home / "profiles" / "acme" / "record.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"consent": []}))
    with pytest.raises(Refused, match="asks for more than you agreed to") as caught:
        load(project, settings=Settings("ada"))
    assert caught.value.detail == ("gpu: mount /srv/data at /srv/data (writable)",)
    teams.update("acme", agree=accept)
    assert load(project, settings=Settings("ada"))


def test_two_at_once_install_one(remote: Remote, home: Path) -> None:
    command = [sys.executable, "-m", "devbox", "profile", "add", str(remote.folder), "--json"]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert json.loads(out)[0]["team"] == "acme"
    assert found(home)[0] == "acme"
    assert len(found(home)) == 3


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_kill_at_any_moment_leaves_all_or_nothing(remote: Remote, home: Path) -> None:
    command = [sys.executable, "-m", "devbox", "profile", "add", str(remote.folder), "--yes"]
    remote.write("notes", os.urandom(1 << 20))
    remote.commit(gpu=MOUNT)
    for wait in (0.15, 0.2, 0.25, 0.3, 0.35, 0.4):
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        # With the git that it runs, which would go on writing.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        while group_lives(process.pid):
            time.sleep(0.01)
        known = {each.name for each in Profiles().ls()}
        assert "acme/gpu" not in known or Profiles().get("acme/gpu").description == "GPUs"
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert Profiles().get("acme/gpu")
    assert len(found(home)) == 3
