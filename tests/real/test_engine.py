"""DockerEngine against a real engine."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devbox.compute.engine.build import BuildFailed
from devbox.compute.engine.docker import DockerEngine
from devbox.compute.engine.faults import PullFailed
from devbox.compute.engine.reports import BuildRequest, HeldRequest
from devbox.compute.engine.types import Container, Engine
from devbox.progress import Progress
from tests.contract_engine import EngineContract
from tests.real.box import until


class TestDockerEngine(EngineContract):
    @pytest.fixture
    def image(self, base_image: str) -> str:
        return base_image

    @pytest.fixture
    def project(self, engine: DockerEngine) -> Iterator[str]:
        # The owner is the project: what is left of it is removed with the owner's things.
        name = os.environ["DEVBOX_USER"]
        yield name
        engine.compose_down(name)

    @pytest.fixture
    def port(self) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    def pause(self, engine: Engine, container: Container) -> None:
        assert isinstance(engine, DockerEngine)
        engine.http.json("POST", f"/containers/{container.id}/pause")

    @pytest.mark.parametrize(
        "settings",
        [
            "",
            'CMD ["bash"]',
            'ENTRYPOINT ["env"]',
            'ENTRYPOINT ["env", "a"]\nCMD ["b"]\nUSER 12\nWORKDIR /usr\nENV A=b\nVOLUME /v',
            "ENTRYPOINT []\nCMD []",
        ],
    )
    def test_a_committed_image_has_the_settings_of_its_own(
        self, engine: DockerEngine, image: str, project: str, tmp_path: Path, settings: str
    ) -> None:
        tag, made = f"devbox/{project}:1", f"devbox/{project}:2"
        engine.build(BuildRequest(tag, tmp_path, f"FROM {image}\n{settings}\n"))
        held = engine.hold(HeldRequest(f"{project}-held", tag, {"devbox.made": "1"}))
        try:
            engine.commit(held.id, made, {})
        finally:
            held.close()
            engine.remove(held.id, force=True)
        below, above = (engine.http.json("GET", f"/images/{ref}/json") for ref in (tag, made))
        assert above["Config"]["Labels"].pop("devbox.made") == "1"
        told = [
            {key: value for key, value in each["Config"].items() if value and key != "ArgsEscaped"}
            for each in (below, above)
        ]
        assert told[0] == told[1]
        assert engine.remove_image(made) > 0
        assert engine.remove_image(tag) > 0

    def test_large_input_and_output_do_not_wait_for_each_other(
        self, engine: DockerEngine, running: Container
    ) -> None:
        data = os.urandom(20_000_000)
        assert engine.call(running.id, ["cat"], input=data).stdout == data
        assert engine.call(running.id, ["true"], input=data).code == 0

    def test_why_a_command_did_not_start(self, engine: DockerEngine, running: Container) -> None:
        assert engine.call(running.id, ["/etc/passwd"]).code == 126
        assert engine.call(running.id, ["/nosuch"]).code == 127
        assert engine.call(running.id, ["true"], cwd="/nosuch").code == 126
        assert engine.call(running.id, ["sh", "-c", "exit 126"]).code == 126

    def test_user_folder_and_environment(self, engine: DockerEngine, running: Container) -> None:
        done = engine.call(
            running.id,
            ["sh", "-c", "id -u; pwd; echo $A"],
            user="1234:1234",
            cwd="/usr",
            env={"A": "b c"},
        )
        assert done.stdout == b"1234\n/usr\nb c\n"

    def test_terminal_and_resize(self, engine: DockerEngine, running: Container) -> None:
        command = engine.exec(
            running.id,
            ["sh", "-c", "stty size; read line; stty size"],
            tty=True,
            stdin=True,
            size=(33, 99),
        )
        output = b""
        while b"33 99" not in output:
            assert select.select([command], [], [], 20)[0]
            chunk = command.read()
            assert chunk is not None
            output += chunk[1]
        command.resize(20, 70)
        command.write(b"\n")
        while chunk := command.read():
            output += chunk[1]
        assert b"20 70" in output
        assert command.exit_code() == 0
        command.close()

    def test_output_of_a_command_that_goes_on(
        self, engine: DockerEngine, running: Container
    ) -> None:
        done = engine.call(running.id, ["sh", "-c", "exec >/dev/null 2>&1; sleep 0.3; exit 5"])
        assert done.code == 5

    @pytest.mark.parametrize(
        "argv", [["sleep", "60"], ["sh", "-c", "echo so far; exec >/dev/null 2>&1; sleep 60"]]
    )
    def test_a_command_that_takes_too_long_is_given_up(
        self, engine: DockerEngine, running: Container, argv: list[str]
    ) -> None:
        begun = time.monotonic()
        done = engine.call(running.id, argv, timeout=0.5)
        assert time.monotonic() - begun < 10
        assert done.code == 137
        assert done.stdout == (b"so far\n" if len(argv) == 3 else b"")
        assert engine.call(running.id, ["sh", "-c", "exit 3"], timeout=60).code == 3
        assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())

    def test_a_killed_container_ends_its_commands(
        self, engine: DockerEngine, running: Container
    ) -> None:
        command = engine.exec(running.id, ["sleep", "600"])
        until(lambda: len(engine.processes(running.id)) > 1)
        killer = threading.Thread(target=engine.remove, args=(running.id,), kwargs={"force": True})
        killer.start()
        while command.read():
            pass
        killer.join()
        assert command.exit_code() == 137
        command.close()

    def test_logs(
        self,
        engine: DockerEngine,
        project: str,
        service: dict[str, Any],
        tmp_path: Path,
    ) -> None:
        text = r"echo one; printf '\377\n'; echo bad >&2; printf part; sleep 600"
        (box,) = self.up(engine, project, tmp_path, box=service | {"command": ["sh", "-c", text]})
        until(lambda: len(list(engine.logs(box.id))) == 3)
        lines = list(engine.logs(box.id))
        assert [line.text for line in lines if line.stream == "stdout"] == ["one", "�"]
        assert [line.text for line in lines if line.stream == "stderr"] == ["bad"]
        stamped = list(engine.logs(box.id, timestamps=True, tail=1))
        assert len(stamped) == 1
        assert stamped[0].time.startswith("20")
        assert list(engine.logs(box.id, since=time.time() + 60)) == []
        threading.Timer(0.2, engine.stop, (box.id, 0)).start()
        # The engine keeps an unfinished line back until its writer ends.
        assert len(list(engine.logs(box.id, follow=True))) == 4
        assert "part" in [line.text for line in engine.logs(box.id)]

    def test_logs_of_a_terminal(
        self, engine: DockerEngine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        loud = service | {"command": ["sh", "-c", "echo out; echo err >&2"], "tty": True}
        (box,) = self.up(engine, project, tmp_path, box=loud)
        until(lambda: len(list(engine.logs(box.id))) == 2)
        assert [line.text for line in engine.logs(box.id)] == ["out", "err"]

    def test_a_busy_container_uses_a_core(
        self, engine: DockerEngine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        busy = service | {"command": ["sh", "-c", "while :; do :; done"]}
        (box,) = self.up(engine, project, tmp_path, box=busy)
        samples = engine.samples(box.id)
        assert 0.1 < next(samples).cpu < 1.5
        engine.stop(box.id, timeout=0)
        until(lambda: next(samples, None) is None)

    def test_build(self, engine: DockerEngine, base_image: str, project: str) -> None:
        tag = f"devbox/{project}:1"
        told: list[Progress] = []
        dockerfile = (
            f"FROM {base_image}\nARG COLOR\n"
            "RUN --mount=type=secret,id=s --mount=type=secret,id=big "
            'echo "$COLOR $HTTP_PROXY $(cat /run/secrets/s) $(wc -c </run/secrets/big)"\n'
        )
        request = BuildRequest(
            tag=tag,
            context=Path(__file__).parent,
            dockerfile=dockerfile,
            args={"COLOR": "blue"},
            labels={"devbox.owner": project},
            secrets={"s": b"hush", "big": b"x" * 200_000},
            proxies={"HTTP_PROXY": "http://user:word@proxy:1"},
            no_cache=True,
        )
        engine.build(request, told.append)
        said = [each.text for each in told if each.log]
        assert said == ["blue http://user:word@proxy:1 hush 200000"]
        assert (told[-2].current, told[-2].total) == (2, 2) or told[0].total == 2
        image = engine.image(tag)
        assert image is not None
        assert image.labels["devbox.owner"] == project
        raw = str(engine.http.json("GET", f"/images/{tag}/history"))
        raw += str(engine.http.json("GET", f"/images/{tag}/json"))
        assert "hush" not in raw
        assert "user:word" not in raw
        assert engine.remove_image(tag) > 0

    def test_a_failing_step_shows_its_last_lines(
        self, engine: DockerEngine, base_image: str, tmp_path: Path
    ) -> None:
        steps = f"FROM {base_image}\nRUN seq 100 >&2; echo ouch >&2; exit 3\n"
        with pytest.raises(BuildFailed) as caught:
            engine.build(BuildRequest("devbox/fails:1", tmp_path, steps))
        assert "RUN seq 100" in caught.value.step
        assert "ouch" in caught.value.detail
        assert "1" not in caught.value.detail
        assert "exit code: 3" in caught.value.detail[-1]

    def test_a_missing_base_image(self, engine: DockerEngine, tmp_path: Path) -> None:
        steps = "FROM localhost:1/nobody/has-this:1\n"
        with pytest.raises(BuildFailed) as caught:
            engine.build(BuildRequest("devbox/fails:1", tmp_path, steps))
        assert caught.value.image == "localhost:1/nobody/has-this:1"
        assert caught.value.unreachable

    def test_pull_from_nowhere(self, engine: DockerEngine) -> None:
        with pytest.raises(PullFailed) as caught:
            engine.pull("localhost:1/nobody/has-this:1")
        assert caught.value.unreachable

    def test_a_mount_that_does_not_exist(
        self, engine: DockerEngine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        bind = {"type": "bind", "source": "/no/such/folder", "target": "/x"}
        mounting = service | {"volumes": [bind | {"bind": {"create_host_path": False}}]}
        with pytest.raises(Exception, match="/no/such/folder cannot be mounted"):
            self.up(engine, project, tmp_path, box=mounting)

    def test_interrupting_a_build_ends_it(
        self, engine: DockerEngine, base_image: str, tmp_path: Path
    ) -> None:
        code = (
            "import sys; from pathlib import Path\n"
            "from devbox.compute.engine.docker import DockerEngine\n"
            "from devbox.compute.engine.reports import BuildRequest\n"
            "steps = sys.argv[1]\n"
            "engine = DockerEngine()\n"
            "request = BuildRequest('devbox/never:1', Path('.'), steps, no_cache=True)\n"
            "engine.build(request, lambda p: print(p.text, flush=True))\n"
        )
        steps = f"FROM {base_image}\nRUN echo begun; sleep 600\n"
        child = subprocess.Popen(
            [sys.executable, "-c", code, steps],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdout is not None
        with child.stdout:
            assert any(line.strip() == "begun" for line in child.stdout)
            child.send_signal(signal.SIGINT)
            assert child.wait(30) != 0
        assert engine.image("devbox/never:1") is None
