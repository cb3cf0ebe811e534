"""The scripts: what they refuse, what they leave alone, and what they do only once.

Each runs from a copy of the checkout in a temporary folder, with stand-ins for docker and Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ["engine", "quickstart", "test", "lock"]

# Answers like a docker client whose engine is up (or, without the file "up" beside it, down).
DOCKER = """#!/bin/sh
case "$1 $2" in
    "version --format") test -e "$(dirname "$0")/up" && echo 27.0.1 ;;
    "context inspect") echo "${STUB_TARGET:-unix:///var/run/docker.sock}" ;;
    "compose version") echo 2.30.0 ;;
    "buildx version") echo "github.com/docker/buildx v0.13.1" ;;
    *) exit 1 ;;
esac
"""

# A Python 3.11 that makes "environments" of itself and writes down what it was asked for.
PYTHON = """#!/bin/sh
case "$1 $2" in
    "-c "*) exit "${STUB_OLD:-0}" ;;
    "--version "*) echo Python 3.11.9 ;;
    "-m venv")
        echo venv >>"$STUB_CALLS"
        rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
        echo "VIRTUAL_ENV=$4" >"$4/bin/activate" && touch "$4/pyvenv.cfg" ;;
    "-m pip")
        test "$3" = --version && exit 0
        echo "pip ${STUB_PIP:-0}" >>"$STUB_CALLS"
        exit "${STUB_PIP:-0}" ;;
    "-m pytest") echo pytest >>"$STUB_CALLS" ;;
esac
"""


class Checkout:
    """A copy of the scripts with nothing installed, and a PATH that leads to stand-ins first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.venv = folder / ".venv"
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            shutil.copy(ROOT / name, folder / name)
        self.bin.mkdir()
        self.stub("docker", DOCKER)
        self.stub("python-stub", PYTHON)

    def stub(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        keep = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DOCKER_", "DEVBOX_")) and name != "CI"
        }
        settings = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.folder.parent / "home"),
            "DEVBOX_PYTHON": str(self.bin / "python-stub"),
            "DEVBOX_ENGINE_PREFIX": str(self.folder / "prefix"),
            "DEVBOX_ENGINE_STATE": str(self.folder / "state"),
            "STUB_CALLS": str(self.calls),
        }
        return subprocess.run(
            ["bash", *command],
            cwd=self.folder,
            env=keep | settings | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def library(self, script: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run shell lines with the engine's functions at hand."""
        head = (
            f"PREFIX={self.folder}/prefix STATE={self.folder}/state SOCK=/nowhere LINK=1\n"
            "PARTS=$PREFIX/parts\nset -euo pipefail\n"
        )
        for name in ("say", "apt", "docker_parts", "dockerd"):
            head += f". scripts/lib/{name}.sh\n"
        return self.run("-c", head + script, **env)

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


@pytest.mark.parametrize("name", PROGRAMS)
def test_scripts_parse_and_can_be_run(name: str) -> None:
    script = ROOT / "scripts" / name
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("name", ["engine", "quickstart", "test"])
def test_help_goes_to_stdout(checkout: Checkout, name: str) -> None:
    done = checkout.run(f"scripts/{name}", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: scripts/{name}")
    assert not done.stderr


class TestEngine:
    def test_an_engine_that_answers_is_taken(self, checkout: Checkout) -> None:
        (checkout.bin / "up").touch()
        done = checkout.run("scripts/engine")
        assert done.returncode == 0
        assert "Docker 27.0.1 at unix:///var/run/docker.sock (running)" in done.stderr
        assert not done.stdout
        assert not (checkout.folder / "state").exists()

    def test_status_says_that_none_answers(self, checkout: Checkout) -> None:
        done = checkout.run("scripts/engine", "status", DOCKER_HOST="unix:///nowhere.sock")
        assert done.returncode == 3
        assert "no Docker engine answers at unix:///nowhere.sock" in done.stderr

    @pytest.mark.parametrize(
        "elsewhere", [{"DOCKER_HOST": "tcp://127.0.0.1:1"}, {"STUB_TARGET": "ssh://gpu"}]
    )
    def test_an_engine_elsewhere_is_not_ours_to_start(
        self, checkout: Checkout, elsewhere: dict[str, str]
    ) -> None:
        done = checkout.run("scripts/engine", "start", **elsewhere)
        assert done.returncode == 3
        assert "no Docker engine answers at " in done.stderr
        assert "hint: " in done.stderr
        assert not (checkout.folder / "state").exists()

    @pytest.mark.skipif(
        shutil.which("dockerd", path="/usr/sbin:/usr/bin") is not None,
        reason="this machine has a dockerd of its own",
    )
    def test_installing_can_be_refused(self, checkout: Checkout) -> None:
        socket = str(checkout.folder / "own.sock")
        done = checkout.run(
            "scripts/engine",
            "start",
            "--no-install",
            DEVBOX_ENGINE_SOCK=socket,
            PATH=f"{checkout.bin}:/usr/bin:/bin",
        )
        assert done.returncode == 4
        assert "missing: daemon" in done.stderr

    def test_env_points_the_client_at_a_socket_of_its_own(self, checkout: Checkout) -> None:
        done = checkout.run(
            "scripts/engine", "env", DEVBOX_ENGINE_SOCK="/tmp/a b.sock", DEVBOX_ENGINE_LINK="0"
        )
        shown = subprocess.run(
            ["bash", "-c", f'{done.stdout}\necho "$DOCKER_HOST" "$DOCKER_CONFIG"'],
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == f"unix:///tmp/a b.sock {checkout.folder}/state/cli\n"

    def test_env_is_empty_where_nothing_is_special(self, checkout: Checkout) -> None:
        assert checkout.run("scripts/engine", "env").stdout == ""

    def test_stop_leaves_a_process_alone_that_a_stale_pid_file_names(
        self, checkout: Checkout
    ) -> None:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
            state = checkout.folder / "state"
            state.mkdir()
            (state / "dockerd.pid").write_text(f"{other.pid}\n")
            done = checkout.run("scripts/engine", "stop")
            assert done.returncode == 0
            assert "nothing to stop" in done.stderr
            assert other.poll() is None
            other.communicate(b"\n")

    @pytest.mark.skipif(sys.platform != "linux", reason="engines run on Linux")
    def test_a_second_engine_is_refused(self, checkout: Checkout) -> None:
        shutil.copy(shutil.which("sleep") or "/bin/sleep", checkout.bin / "dockerd")
        with subprocess.Popen([checkout.bin / "dockerd", "600"]) as other:
            try:
                alone = f'is_running() {{ [ "$1" = {other.pid} ]; }}\n'
                done = checkout.library(f"{alone}run_dockerd /bin/false")
            finally:
                other.kill()
        assert done.returncode == 3
        assert f"another Docker engine (process {other.pid}) runs here" in done.stderr
        assert "hint: " in done.stderr

    @pytest.mark.skipif(sys.platform != "linux", reason="engines run on Linux")
    def test_our_own_engine_is_no_second_one(self, checkout: Checkout) -> None:
        done = checkout.library(
            'is_running() { [ "$1" = $$ ]; }\nour_pid() { echo $$; }\nother_dockerd'
        )
        assert (done.returncode, done.stdout) == (0, "")

    @pytest.mark.parametrize("arguments", [["bogus"], ["start", "--bogus"]])
    def test_a_wrong_argument_is_a_usage_error(
        self, checkout: Checkout, arguments: list[str]
    ) -> None:
        done = checkout.run("scripts/engine", *arguments)
        assert done.returncode == 2
        assert "usage: scripts/engine" in done.stderr

    def test_links_replace_only_what_leads_nowhere(self, checkout: Checkout) -> None:
        (checkout.folder / "theirs").write_text("theirs")
        (checkout.folder / "gone").symlink_to("/nowhere/at/all")
        done = checkout.library(
            "link_unless_there /bin/true theirs\n"
            "link_unless_there /bin/true gone\n"
            "link_unless_there /bin/true deep/new\n"
        )
        assert done.returncode == 0
        assert (checkout.folder / "theirs").read_text() == "theirs"
        assert (checkout.folder / "gone").readlink() == Path("/bin/true")
        assert (checkout.folder / "deep/new").readlink() == Path("/bin/true")

    @pytest.mark.parametrize(
        ("candidates", "packages"),
        [
            # Debian 13; Ubuntu 24.04; Debian 12, whose engine is too old; no docker at all.
            (
                "docker.io=26.1.5 docker-cli=26.1.5 docker-compose=2.26 docker-buildx=0.13",
                "docker-cli docker-compose docker-buildx docker.io",
            ),
            (
                "docker.io=28.2 docker-compose=1.29 docker-compose-v2=2.37 docker-buildx=0.21",
                "docker.io docker-compose-v2 docker-buildx docker.io",
            ),
            ("docker.io=20.10.24 docker-compose=1.29", ""),
            ("docker.io=26.1 docker-cli=26.1 docker-compose=1.29 docker-buildx=0.13", ""),
            ("", ""),
        ],
    )
    def test_the_machines_own_packages_are_taken_where_they_are_new_enough(
        self, checkout: Checkout, candidates: str, packages: str
    ) -> None:
        done = checkout.library(
            'candidate() { tr " " "\\n" <<<"$CANDIDATES" | sed -n "s/^$1=//p"; }\n'
            "own_packages client compose buildx daemon",
            CANDIDATES=candidates,
        )
        assert done.stdout.split() == packages.split()

    @pytest.mark.parametrize(
        ("version", "major"), [("20.10.24+dfsg1-1", "20"), ("5:27.3.1-1~debian", "27"), ("0", "0")]
    )
    def test_major(self, checkout: Checkout, version: str, major: str) -> None:
        assert checkout.library(f"major '{version}'").stdout == f"{major}\n"


class TestQuickstart:
    @pytest.mark.parametrize(
        "arguments",
        [["--dir"], ["--dir", ""], ["--bogus"], ["--dir", "inside"], ["--dir=./build/x"]],
    )
    def test_a_wrong_argument_is_one_clear_error(
        self, checkout: Checkout, arguments: list[str]
    ) -> None:
        done = checkout.run("scripts/quickstart", *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert not checkout.called()

    def test_an_old_python_is_refused(self, checkout: Checkout) -> None:
        done = checkout.run("scripts/quickstart", STUB_OLD="1")
        assert done.returncode == 1
        assert "Python 3.11 or newer is needed" in done.stderr
        assert "hint: " in done.stderr

    def test_without_permission_no_engine_is_started(self, checkout: Checkout) -> None:
        done = checkout.run("scripts/quickstart", "--no-engine")
        assert done.returncode == 3
        assert "--no-engine forbids" in done.stderr
        assert not (checkout.folder / "state").exists()

    def test_a_folder_that_is_no_environment_is_left_alone(self, checkout: Checkout) -> None:
        checkout.venv.mkdir()
        (checkout.venv / "thesis.tex").touch()
        done = checkout.run("scripts/quickstart", "--no-engine")
        assert done.returncode == 1
        assert "is in the way" in done.stderr
        assert (checkout.venv / "thesis.tex").exists()


class TestEnvironment:
    """scripts/test and scripts/quickstart make the virtual environment the same way."""

    def set_up(self, checkout: Checkout, **env: str) -> subprocess.CompletedProcess[str]:
        return checkout.run("scripts/quickstart", "--no-engine", **env)

    def test_it_is_made_once(self, checkout: Checkout) -> None:
        self.set_up(checkout)
        assert checkout.called() == ["venv", "pip 0", "pip 0"]
        checkout.calls.unlink()
        self.set_up(checkout)
        assert checkout.called() == []

    def test_a_changed_lock_is_installed(self, checkout: Checkout) -> None:
        self.set_up(checkout)
        checkout.calls.unlink()
        with (checkout.folder / "requirements.lock").open("a") as lock:
            lock.write("# another\n")
        self.set_up(checkout)
        assert checkout.called() == ["pip 0", "pip 0"]

    def test_what_the_tests_need_contains_what_users_need(self, checkout: Checkout) -> None:
        assert checkout.run("scripts/test", "--unit", "-q").returncode == 0
        checkout.calls.unlink()
        self.set_up(checkout)
        assert checkout.called() == []

    def test_a_failing_pip_is_tried_again_then_one_clear_error(self, checkout: Checkout) -> None:
        done = self.set_up(checkout, STUB_PIP="1")
        assert done.returncode == 1
        assert checkout.called() == ["venv", "pip 1", "pip 1", "pip 1"]
        assert "error: the Python packages could not be installed" in done.stderr

    def test_after_a_killed_installation_it_is_made_anew(self, checkout: Checkout) -> None:
        self.set_up(checkout, STUB_PIP="1")
        checkout.calls.unlink()
        self.set_up(checkout)
        assert checkout.called() == ["venv", "pip 0", "pip 0"]


class TestLocks:
    LOCKS = ("requirements.lock", "requirements-dev.lock")

    def pins(self, lock: str) -> dict[str, str]:
        text = (ROOT / lock).read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))

    @pytest.mark.parametrize("lock", LOCKS)
    def test_no_address_and_every_pin_has_a_hash(self, lock: str) -> None:
        text = (ROOT / lock).read_text()
        assert "://" not in text
        assert not re.search(r"^ *(-i|-f|--index|--extra|--find)", text, re.MULTILINE)
        entries = re.split(r"\n(?=\S)", text.strip())
        assert all("--hash=sha256:" in entry for entry in entries)

    def test_the_locks_fit_pyproject(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extras = project["optional-dependencies"]
        every = [each for extra in extras.values() for each in extra]
        for lock, needed in zip(self.LOCKS, (project["dependencies"], every), strict=True):
            names = {re.split(r"[<>=!~;\[ ]", each)[0].lower() for each in needed}
            names.discard(project["name"])  # an extra that is made of others
            assert names <= self.pins(lock).keys(), "run scripts/lock"

    def test_users_get_what_was_tested(self) -> None:
        users, tests = (self.pins(lock) for lock in self.LOCKS)
        assert users.items() <= tests.items()


class TestCountReal:
    REPORT = """<testsuites><testsuite>
        <testcase classname="tests.unit.test_a" name="a"/>
        <testcase classname="tests.real.test_b" name="b"/>
        <testcase classname="tests.real.test_b.TestC" name="c"/>
        <testcase classname="tests.real.test_b" name="d"><skipped message="no GPU"/></testcase>
    </testsuite></testsuites>"""

    def count(
        self, tmp_path: Path, engine: str, *, report: str = REPORT, **env: str
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "tests.xml").write_text(report)
        script = ROOT / "scripts/lib/count_real.py"
        return subprocess.run(
            [sys.executable, str(script), str(tmp_path / "tests.xml"), engine],
            env={"PATH": os.environ["PATH"], **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_counts_what_ran_and_what_was_skipped(self, tmp_path: Path) -> None:
        done = self.count(tmp_path, "27.0", CI="true")
        assert (done.returncode, done.stdout) == (
            0,
            "real-engine tests: 2 ran, 1 skipped (Docker 27.0)\n",
        )

    @pytest.mark.parametrize(("engine", "report"), [("none", REPORT), ("27.0", "<testsuites/>")])
    def test_where_none_ran_only_ci_fails(self, tmp_path: Path, engine: str, report: str) -> None:
        assert self.count(tmp_path, engine, report=report).returncode == 0
        assert self.count(tmp_path, engine, report=report, CI="true").returncode == 1


def test_the_starter_project_is_complete() -> None:
    starter = ROOT / "profiles/datascience/starter"
    box = tomllib.loads((starter / "devbox.toml").read_text())["box"]
    assert box["profile"] == "datascience"
    for script in ("train.py", "tumour.py"):
        compile((starter / script).read_text(), script, "exec")
    assert "metrics.json" in (starter / ".gitignore").read_text().split()
