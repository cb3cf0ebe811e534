"""The life of a box on a real engine, through the command line."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person, until

BASE = '[box]\nname = "b"\nprofile = "base"\n'


def own_labels(person: Person) -> dict[str, str]:
    return {"devbox.owner": person.owner}


def test_up_brings_up_a_box_and_says_how_to_get_in(person: Person) -> None:
    told = person.run("up").stderr
    assert "devbox shell" in told
    assert person.sh("pwd; echo $HOME; id -un") == "/workspace\n/home/dev\nroot"
    (box,) = person.json("ps")
    assert (box["name"], box["state"], box["profile"]) == ("b", "running", "base")


def test_up_again_changes_nothing(person: Person, engine: DockerEngine) -> None:
    person.run("up")
    (before,) = engine.containers(own_labels(person))
    assert person.json("up")[0]["plan"]["act"] == "nothing"
    (after,) = engine.containers(own_labels(person))
    assert (after.id, after.created) == (before.id, before.created)


def test_files_survive_down_change_and_rebuild(person: Person) -> None:
    person.run("up")
    person.sh("echo mine > ~/note; echo work > /workspace/result")
    person.run("down")
    person.toml(BASE + 'env = {COLOR = "blue"}\n')
    person.run("up")
    assert person.sh("cat ~/note /workspace/result; echo $COLOR") == "mine\nwork\nblue"
    person.run("up", "--rebuild")
    assert person.sh("cat ~/note") == "mine"
    assert (person.project / "result").read_text() == "work\n"


def test_a_changed_setting_is_planned_then_applied(person: Person) -> None:
    person.run("up")
    person.toml(BASE + 'env = {COLOR = "red"}\n')
    (plan,) = person.json("up", "--dry-run")
    assert plan["act"] == "recreate"
    assert plan["changes"] == [{"key": "env.COLOR", "before": None, "after": "red"}]
    assert person.sh("echo $COLOR") == ""
    person.run("up")
    assert person.sh("echo $COLOR") == "red"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_the_user_in_the_box_is_who_owns_the_workspace(person: Person) -> None:
    os.chown(person.project, 4321, 5432)
    person.run("up")
    assert person.sh("id -u; id -g; id -un; stat -c %u ~ /cache/pip") == (
        "4321\n5432\ndev\n4321\n4321"
    )
    person.sh("touch made-inside ~/at-home")
    made = (person.project / "made-inside").stat()
    assert (made.st_uid, made.st_gid) == (4321, 5432)
    # The numbers are in no image: another owner maps to itself in a new container.
    person.run("down")
    os.chown(person.project, 7654, 7654)
    person.run("up")
    assert person.sh("id -u; stat -c %u ~/at-home") == "7654\n7654"


def test_a_workspace_of_root_is_said_so(person: Person) -> None:
    if person.project.stat().st_uid == 0:
        assert "works as root" in person.run("up").stderr


def test_limits_hold(person: Person) -> None:
    person.toml(BASE + '[box.resources]\ncpus = 0.5\nmemory = "256MiB"\nshm_size = "64MiB"\n')
    person.run("up")
    status = person.json("status")[0]
    assert (status["cpus"], status["memory"], status["shm_size"]) == (0.5, 256 << 20, 64 << 20)
    limit = person.sh(
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || :"
    )
    assert limit == str(256 << 20)
    assert person.sh("df -B1 /dev/shm | awk 'NR==2 {print $2}'") == str(64 << 20)
    # More than the limit is killed by the kernel, not granted.
    grab = "head -c 400m /dev/zero | tail >/dev/null"
    assert person.run("exec", "--", "sh", "-c", grab, code=137).returncode == 137


def test_gpus_that_are_not_there_are_refused_unless_optional(person: Person) -> None:
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    person.toml(BASE + "[box.resources]\ngpus = 1\n")
    error = person.run("up", code=1).stderr
    assert "GPU" in error
    assert 'gpus = "optional"' in error
    assert person.json("ps") == []
    person.toml(BASE + '[box.resources]\ngpus = "optional"\n')
    person.run("up")


def test_a_port_in_use_is_one_clear_error_and_leaves_nothing(
    person: Person, engine: DockerEngine
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        person.toml(BASE + f'ports = ["{port}:80"]\n')
        error = person.run("up", code=1).stderr
        assert str(port) in error
        assert engine.containers(own_labels(person)) == ()
    person.run("up")
    (published,) = person.json("ports")
    assert published["host_port"] == port
    assert published["address"] == "127.0.0.1"


def test_stop_start_restart_down_rm(person: Person, engine: DockerEngine) -> None:
    person.run("up")
    person.sh("echo kept > /tmp/in-the-container; echo home > ~/file")
    assert person.json("stop")[0]["state"] == "stopped"
    assert "devbox start" in person.run("exec", "--", "true", code=125).stderr
    assert person.json("start")[0]["state"] == "running"
    assert person.sh("cat /tmp/in-the-container") == "kept"
    assert person.json("restart")[0]["state"] == "running"
    assert person.json("down")[0]["state"] == "down"
    assert engine.containers(own_labels(person)) == ()
    assert person.json("ps")[0]["state"] == "down"
    person.run("rm")
    assert person.json("ps") == []
    person.run("up")
    assert person.sh("cat ~/file") == "home"


def test_data_goes_only_when_it_is_said(person: Person, engine: DockerEngine) -> None:
    person.run("up")
    refused = person.run("rm", "--volumes", code=4)
    assert "DELETE volume" in refused.stderr
    assert "--yes" in refused.stderr
    assert person.json("ps")[0]["state"] == "running"
    person.run("rm", "--volumes", "--yes")
    names = [volume.name for volume in engine.volumes(own_labels(person))]
    assert f"devbox-{person.owner}_b-home" not in names


def test_a_stop_lets_programs_save_their_work(person: Person) -> None:
    person.run("up")
    script = (
        "trap 'echo saved > /workspace/saved; exit' TERM; touch started;"
        " while :; do sleep 0.1; done"
    )
    running = person.start("exec", "--", "sh", "-c", script)
    until((person.project / "started").exists)
    person.run("stop", "--yes")
    assert (person.project / "saved").read_text() == "saved\n"
    running.communicate(timeout=30)


def test_hooks_run_when_they_should(person: Person) -> None:
    person.toml(
        BASE
        + '[box.hooks]\non_create = "echo created >> /workspace/log"\n'
        + 'on_start = ["echo started >> log", "id -u >> log"]\n'
        + 'on_attach = "echo attached >> log"\n'
    )
    person.run("up")
    uid = str(person.project.stat().st_uid)
    log = person.project / "log"
    assert log.read_text().split() == ["created", "started", uid]
    person.run("up")
    assert log.read_text().split() == ["created", "started", uid]
    person.run("restart")
    assert log.read_text().split() == ["created", *["started", uid] * 2]
    assert person.run("shell", input="echo in the shell\n").stdout == "in the shell\n"
    assert log.read_text().split()[-1] == "attached"


def test_a_failing_hook_shows_its_lines_and_leaves_a_box_to_enter(person: Person) -> None:
    person.toml(BASE + '[box.hooks]\non_create = "echo what went wrong; exit 3"\n')
    error = person.run("up", code=1).stderr
    assert "on_create failed with exit code 3" in error
    assert "what went wrong" in error
    assert person.sh("echo inside") == "inside"
    person.toml(BASE + '[box.hooks]\non_create = "touch /workspace/mended"\n')
    person.run("up")
    assert (person.project / "mended").exists()


def test_services_are_ready_before_hooks_and_found_by_name(person: Person, base_image: str) -> None:
    ready = "sleep 0.5; touch /ready; exec sleep 1000"
    person.toml(
        BASE
        + '[box.hooks]\non_start = "getent hosts db > /workspace/found"\n'
        + f'[box.services.db]\nimage = "{base_image}"\ncommand = ["sh", "-c", "{ready}"]\n'
        + 'healthcheck = {command = "test -e /ready"}\n'
    )
    person.run("up")
    assert "db" in (person.project / "found").read_text()
    services = {s["name"]: s["state"] for s in person.json("status")[0]["box"]["services"]}
    assert services == {"box": "running", "db": "running"}


def test_a_service_that_ends_is_named_with_its_last_lines(person: Person, base_image: str) -> None:
    person.toml(
        BASE
        + f'[box.services.db]\nimage = "{base_image}"\n'
        + 'command = ["sh", "-c", "echo no disk; exit 1"]\n'
    )
    error = person.run("up", code=1).stderr
    assert "db" in error
    assert "no disk" in error


def test_two_at_once_make_one_box(person: Person, engine: DockerEngine) -> None:
    both = [person.start("up", "--json") for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    assert len(engine.containers(own_labels(person))) == 1
    assert person.json("up")[0]["plan"]["act"] == "nothing"


def kill_and_repair(person: Person, rounds: int, seed: int) -> None:
    moments = random.Random(seed)
    person.toml(BASE + '[box.hooks]\non_create = "echo x >> /workspace/created"\n')
    for _ in range(rounds):
        process = person.start("up", process_group=0)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moments.uniform(0.05, 0.9))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        person.run("up")
        assert person.sh("echo works") == "works"
        assert person.json("up")[0]["plan"]["act"] == "nothing"
        assert "x" in (person.project / "created").read_text()
        if moments.random() < 0.7:
            person.run("down")


def test_a_kill_at_any_moment_is_repaired_by_the_next_up(person: Person) -> None:
    kill_and_repair(person, rounds=5, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills(person: Person) -> None:
    kill_and_repair(person, rounds=100, seed=2)


def test_a_lost_state_file_is_rebuilt_from_the_engine(person: Person) -> None:
    person.run("up")
    container = person.container
    for file in Path(os.environ["DEVBOX_HOME"]).glob("state.db*"):
        file.unlink()
    assert person.json("ps")[0]["state"] == "running"
    person.run("up")
    assert person.container == container
    assert person.json("up")[0]["plan"]["act"] == "nothing"


def test_a_name_belongs_to_one_project(person: Person, tmp_path: Path) -> None:
    person.run("up")
    other = Person(tmp_path / "other", person.owner)
    other.project.mkdir()
    other.toml(BASE)
    error = other.run("up", code=2).stderr
    assert str(person.project) in error


def test_a_box_runs_from_anywhere_by_its_name(person: Person, tmp_path: Path) -> None:
    person.run("up")
    elsewhere = Person(tmp_path, person.owner)
    assert elsewhere.run("exec", "b", "--", "pwd").stdout == "/workspace\n"
    elsewhere.run("stop", "b")
    assert "Did you mean b?" in elsewhere.run("stop", "bb", code=2).stderr


def test_a_broken_file_never_keeps_a_box_from_being_stopped(person: Person) -> None:
    person.run("up")
    person.toml("[box\n")
    person.run("up", code=2)
    assert person.json("stop")[0]["state"] == "stopped"
    person.run("rm")


def test_logs_stats_and_ports(person: Person) -> None:
    person.toml(BASE + "ports = [8000]\n")
    person.run("up")
    assert "box | devbox: ready" in person.run("logs").stdout
    sample = person.json("stats")["b"]["box"]
    assert sample["memory"] > 0
    assert sample["processes"] >= 2
    (port,) = person.json("ports")
    assert port["port"] == 8000
    assert 0 < port["host_port"] < 65536


def test_copying_both_ways(person: Person, tmp_path: Path) -> None:
    person.run("up")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(bytes(range(256)) * 1000)
    person.run("cp", str(folder), ":/tmp/there")
    assert person.sh("find /tmp/there -type f") == "/tmp/there/deep/file"
    person.run("cp", str(folder), "b:/tmp/")
    assert person.sh("ls /tmp/folder/deep") == "file"
    person.run("cp", ":/tmp/there", str(tmp_path / "back"))
    assert (tmp_path / "back" / "deep" / "file").read_bytes() == bytes(range(256)) * 1000
    person.run("cp", ":/nowhere", str(tmp_path), code=1)
    person.run("cp", "a", "b", code=2)


def test_nothing_of_a_box_is_written_outside_of_the_target(person: Person, tmp_path: Path) -> None:
    person.run("up")
    target = tmp_path / "target"
    target.mkdir()
    person.sh(f"mkdir /tmp/evil && ln -s {tmp_path} /tmp/evil/out")
    error = person.run("cp", ":/tmp/evil", str(target), code=1).stderr
    assert "Refused" in error
    assert not (target / "evil" / "out").exists()


def test_a_box_of_another_project_with_the_same_name_is_never_meant(
    person: Person, tmp_path: Path
) -> None:
    person.run("up")
    person.sh("echo precious > ~/file")
    other = Person(tmp_path / "other", person.owner)
    other.project.mkdir()
    other.toml(BASE)
    for verb in ("stop", "start", "restart", "down", "rm", "status", "logs", "ports"):
        assert "has no box yet" in other.run(verb, code=1).stderr
    other.run("rm", "--volumes", "--yes", code=1)
    assert person.sh("cat ~/file") == "precious"


def test_published_ports_are_kept(person: Person) -> None:
    person.toml(BASE + "ports = [8765, 80]\n")
    person.run("up")
    first = person.json("ports")
    person.run("restart")
    assert person.json("ports") == first
    person.toml(BASE + 'ports = [8765, 80]\nenv = {A = "1"}\n')
    person.run("up")
    assert person.json("ports") == first


def test_a_failed_up_keeps_what_there_was(person: Person) -> None:
    person.run("up")
    container = person.container
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        person.toml(BASE + f'ports = ["{port}:80"]\n')
        for args in (["up", "--dry-run"], ["up"]):
            assert f"Port {port} of this machine is in use" in person.run(*args, code=1).stderr
        assert person.container == container
        assert person.sh("echo still here") == "still here"
        person.run("down")
        person.run("up", code=1)
    assert person.json("ps")[0]["state"] == "down"
    person.run("rm", "--volumes", "--yes")


def test_more_cpus_than_there_are(person: Person) -> None:
    person.toml(BASE + "[box.resources]\ncpus = 4096\n")
    error = person.run("up", code=1).stderr
    assert "asks for 4096 CPUs" in error
    assert "resources.cpus" in error


def test_a_changed_hook_runs(person: Person) -> None:
    person.toml(BASE + '[box.hooks]\non_start = "echo one >> /workspace/log"\n')
    person.run("up")
    person.toml(BASE + '[box.hooks]\non_start = "echo two >> /workspace/log"\n')
    (plan,) = person.json("up", "--dry-run")
    assert [change["key"] for change in plan["changes"]] == ["hooks.on_start"]
    person.run("up")
    assert (person.project / "log").read_text() == "one\ntwo\n"


@pytest.mark.parametrize(("verb", "then"), [("stop", "up"), ("stop", "start"), ("down", "up")])
def test_an_interrupted_stop_does_not_end_the_next_start(
    person: Person, verb: str, then: str
) -> None:
    person.run("up")
    script = "trap '' TERM; touch /workspace/deaf; while :; do sleep 0.1; done"
    deaf = person.start("exec", "--", "sh", "-c", script)
    until((person.project / "deaf").exists)
    stopping = person.start(verb, "--yes")
    until(lambda: person.json("ps")[0]["state"] == "unfinished")
    stopping.kill()
    stopping.communicate()
    person.run(then)
    deaf.communicate(timeout=60)
    mark = person.container
    person.sh("sleep 3")
    assert person.container == mark
    assert person.json("ps")[0]["state"] == "running"


def test_a_paused_box_comes_back(person: Person, engine: DockerEngine) -> None:
    person.run("up")
    engine.http.json("POST", f"/containers/{person.container}/pause")
    person.run("up")
    assert person.sh("echo awake") == "awake"


def test_a_killed_up_leaves_no_hook_behind(person: Person) -> None:
    person.toml(BASE + '[box.hooks]\non_start = "touch /workspace/begun; sleep 4011"\n')
    process = person.start("up")
    until((person.project / "begun").exists)
    process.kill()
    process.communicate()
    find = "grep -l 4011 /proc/[0-9]*/cmdline 2>/dev/null | grep -v self || :"
    until(lambda: person.sh(f"{find.replace('4011', '40[1]1')}") == "")


def test_up_that_is_terminated_ends_its_children(person: Person) -> None:
    person.toml(BASE + '[box.hooks]\non_start = "touch /workspace/begun; sleep 4012"\n')
    process = person.start("up")
    until((person.project / "begun").exists)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
