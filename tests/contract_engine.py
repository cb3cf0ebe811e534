"""What every engine does, the real one and the fake: the same tests run against both.

Who uses the class gives the fixtures ``engine`` (with a shell, cat and true in ``image``, and
``nosuch`` for no command), ``image``, and ``project``, a name that nobody else uses.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from devbox.compute.engine.compose import ComposeFailed
from devbox.compute.engine.faults import Conflict, NotFound, PullFailed
from devbox.compute.engine.reports import HeldMount, HeldRequest
from devbox.compute.engine.types import Container, Engine, Held
from devbox.progress import Progress


class EngineContract:
    """Behaviour that callers rely on."""

    @pytest.fixture
    def labels(self, project: str) -> dict[str, str]:
        return {"devbox.owner": project}

    @pytest.fixture
    def service(self, image: str, labels: dict[str, str]) -> dict[str, Any]:
        return {
            "image": image,
            "command": ["sleep", "600"],
            "stop_grace_period": "0s",
            "labels": labels | {"devbox.box": "b"},
        }

    def up(
        self, engine: Engine, project: str, folder: Path, volumes: Any = None, **services: Any
    ) -> tuple[Container, ...]:
        file = folder / "compose.yaml"
        file.write_text(json.dumps({"services": services, "volumes": volumes or {}}))
        engine.compose_up(project, file)
        return engine.containers({"devbox.owner": project})

    @pytest.fixture
    def running(
        self, engine: Engine, project: str, tmp_path: Path, service: dict[str, Any]
    ) -> Container:
        (container,) = self.up(engine, project, tmp_path, box=service)
        return container

    def test_it_answers(self, engine: Engine) -> None:
        engine.ping()
        info = engine.info()
        assert info.version
        assert info.cpus > 0
        assert info.memory > 0

    def test_what_is_absent_is_none(self, engine: Engine, project: str) -> None:
        assert engine.container(project) is None
        assert engine.container("") is None
        assert engine.image(f"devbox/{project}:none") is None
        assert engine.containers({"devbox.owner": project}) == ()
        assert engine.volumes({"devbox.owner": project}) == ()
        assert engine.images({"devbox.owner": project}) == ()

    def test_up_makes_labelled_containers(
        self, engine: Engine, project: str, running: Container
    ) -> None:
        assert running.name == f"{project}-box-1"
        assert running.state == "running"
        assert running.labels["devbox.box"] == "b"
        assert [c.id for c in engine.containers({"devbox.owner": project, "devbox.box": ""})] == [
            running.id
        ]
        assert engine.containers({"devbox.owner": project, "devbox.box": "other"}) == ()
        inspected = engine.container(running.name)
        assert inspected is not None
        assert (inspected.id, inspected.image_id) == (running.id, running.image_id)
        assert inspected.pid > 0
        assert inspected.started > 0
        assert inspected.exit_code is None

    def test_up_again_keeps_what_is_right(
        self,
        engine: Engine,
        project: str,
        running: Container,
        service: dict[str, Any],
        tmp_path: Path,
    ) -> None:
        (again,) = self.up(engine, project, tmp_path, box=service)
        assert again.id == running.id

    def test_up_recreates_what_changed_and_removes_orphans(
        self,
        engine: Engine,
        project: str,
        running: Container,
        service: dict[str, Any],
        tmp_path: Path,
    ) -> None:
        both = self.up(engine, project, tmp_path, box=service, db=service)
        assert len(both) == 2
        changed = service | {"environment": {"PRICE": "5 $$"}}
        (after,) = self.up(engine, project, tmp_path, box=changed)
        assert after.id != running.id
        inspected = engine.container(after.id)
        assert inspected is not None
        assert "PRICE=5 $" in inspected.env

    def test_an_inspection_tells_health_check_and_limits(
        self, engine: Engine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        check = {"test": "true $$A", "interval": "1m30s", "timeout": "1500ms", "retries": 4}
        limits = {"cpus": 0.5, "mem_limit": 64 << 20, "shm_size": 32 << 20}
        some = service | limits | {"healthcheck": check}
        none = service | {"healthcheck": {"disable": True}}
        told = {}
        for container in self.up(engine, project, tmp_path, some=some, none=none):
            inspected = engine.container(container.id)
            assert inspected is not None
            told[inspected.name.split("-")[-2]] = inspected.raw
        assert told["none"]["Config"]["Healthcheck"] == {"Test": ["NONE"]}
        assert told["some"]["Config"]["Healthcheck"] == {
            "Test": ["CMD-SHELL", "true $A"],
            "Interval": 90 * 10**9,
            "Timeout": 1500 * 10**6,
            "Retries": 4,
        }
        names = ("NanoCpus", "Memory", "ShmSize", "DeviceRequests")
        for name, wanted in (
            ("some", (500_000_000, 64 << 20, 32 << 20)),
            ("none", (0, 0, 64 << 20)),
        ):
            values = [told[name]["HostConfig"][each] or None for each in names]
            assert values == [*(value or None for value in wanted), None]

    def test_up_tells_its_steps(
        self, engine: Engine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        told: list[Progress] = []
        file = tmp_path / "compose.yaml"
        file.write_text(json.dumps({"services": {"box": service}}))
        engine.compose_up(project, file, report=told.append)
        assert any("Started" in each.text for each in told)
        assert {each.stage for each in told} == {"start"}

    def test_up_without_the_image_is_a_failed_pull(
        self, engine: Engine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        missing = service | {"image": "localhost:1/nobody/has-this:1"}
        with pytest.raises(PullFailed):
            self.up(engine, project, tmp_path, box=missing)

    def test_up_names_the_port_that_is_taken(
        self, engine: Engine, project: str, service: dict[str, Any], tmp_path: Path, port: int
    ) -> None:
        publishing = service | {"ports": [f"127.0.0.1:{port}:80"]}
        with pytest.raises(ComposeFailed, match=str(port)) as caught:
            self.up(engine, project, tmp_path, one=publishing, two=publishing)
        assert caught.value.port == port
        (live,) = [c for c in engine.containers({"devbox.owner": project}) if c.state == "running"]
        assert (live.ports[0].port, live.ports[0].host_port) == (80, port)

    def test_down_keeps_volumes(
        self,
        engine: Engine,
        project: str,
        service: dict[str, Any],
        labels: dict[str, str],
        tmp_path: Path,
    ) -> None:
        name = f"{project}-home"
        mounted = service | {"volumes": ["home:/data"]}
        volumes = {"home": {"name": name, "labels": labels}}
        (box,) = self.up(engine, project, tmp_path, volumes, box=mounted)
        with pytest.raises(Conflict):
            engine.remove_volume(name)
        inspected = engine.container(box.id)
        assert inspected is not None
        assert [m["Name"] for m in inspected.mounts] == [name]
        engine.compose_down(project)
        assert engine.containers(labels) == ()
        assert [v.name for v in engine.volumes(labels)] == [name]
        engine.remove_volume(name)
        engine.remove_volume(name)
        assert engine.volumes(labels) == ()
        engine.compose_down(project)

    def test_stop_and_start(self, engine: Engine, running: Container) -> None:
        engine.stop(running.id, timeout=0)
        engine.stop(running.id, timeout=0)
        stopped = engine.container(running.id)
        assert stopped is not None
        assert (stopped.state, stopped.exit_code) == ("exited", 137)
        assert stopped.started < stopped.finished
        assert [c.state for c in engine.containers(running.labels)] == ["exited"]
        with pytest.raises(Conflict):
            engine.call(running.id, ["true"])
        engine.start(running.id)
        engine.start(running.id)
        started = engine.container(running.id)
        assert started is not None
        assert started.state == "running"

    def pause(self, engine: Engine, container: Container) -> None:
        """Freeze a running container, as only somebody else does it."""
        raise NotImplementedError

    def test_a_paused_container_is_stopped(self, engine: Engine, running: Container) -> None:
        self.pause(engine, running)
        paused = engine.container(running.id)
        assert paused is not None
        assert paused.state == "paused"
        engine.stop(running.id, timeout=0)
        stopped = engine.container(running.id)
        assert stopped is not None
        assert (stopped.state, stopped.exit_code, stopped.pid) == ("exited", 137, 0)

    def test_a_paused_container_goes_on(self, engine: Engine, running: Container) -> None:
        self.pause(engine, running)
        engine.unpause(running.id)
        assert [c.state for c in engine.containers(running.labels)] == ["running"]

    def test_a_listing_does_not_tell_what_an_inspection_does(
        self, engine: Engine, project: str, service: dict[str, Any], tmp_path: Path
    ) -> None:
        full = service | {"environment": {"A": "b"}, "volumes": [f"{tmp_path}:/data"]}
        (listed,) = self.up(engine, project, tmp_path, box=full)
        inspected = engine.container(listed.id)
        assert inspected is not None
        assert inspected.started
        assert inspected.pid
        assert [mount["Destination"] for mount in inspected.mounts] == ["/data"]
        assert "A=b" in inspected.env
        engine.stop(listed.id, timeout=0)
        for each in (listed, *engine.containers(listed.labels)):
            assert (each.started, each.finished, each.pid) == (0.0, 0.0, 0)
            assert (each.exit_code, each.oom_killed) == (None, False)
            assert (each.mounts, each.env) == ((), ())

    def test_remove(self, engine: Engine, running: Container) -> None:
        with pytest.raises(Conflict):
            engine.remove(running.id)
        engine.remove(running.id, force=True)
        engine.remove(running.id, force=True)
        assert engine.container(running.id) is None

    @pytest.mark.parametrize("act", ["start", "stop", "processes", "sample"])
    def test_acts_on_nothing(self, engine: Engine, project: str, act: str) -> None:
        with pytest.raises(NotFound):
            getattr(engine, act)(project)

    def test_call(self, engine: Engine, running: Container) -> None:
        done = engine.call(running.id, ["sh", "-c", "echo out; echo err >&2; exit 7"])
        assert (done.code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
        assert engine.call(running.id, ["cat"], input=b"in\0put").stdout == b"in\0put"
        missing = engine.call(running.id, ["nosuch"])
        assert missing.code == 127
        assert missing.stdout == b""
        assert b"nosuch" in missing.stderr

    def test_exec_streams(self, engine: Engine, running: Container) -> None:
        command = engine.exec(running.id, ["cat"], stdin=True)
        try:
            assert command.fileno() > 0
            command.write(b"hello")
            command.close_stdin()
            output = b""
            while chunk := command.read():
                assert chunk[0] == 1
                output += chunk[1]
            assert output == b"hello"
            assert command.exit_code() == 0
        finally:
            command.close()

    def test_processes_and_sample(self, engine: Engine, running: Container) -> None:
        assert any("sleep" in process["CMD"] for process in engine.processes(running.id))
        sample = engine.sample(running.id)
        assert 0 < sample.memory <= sample.memory_limit
        assert sample.processes >= 1
        assert sample.cpu >= 0
        assert next(iter(engine.samples(running.id))).memory > 0

    def test_events(self, engine: Engine, labels: dict[str, str], running: Container) -> None:
        found = list(engine.events(labels, since=running.created - 60, until=time.time() + 0.1))
        starts = [event for event in found if event.action == "start"]
        assert [event.id for event in starts] == [running.id]
        assert starts[0].kind == "container"
        assert starts[0].attributes["name"] == running.name

    def test_archives(self, engine: Engine, running: Container) -> None:
        engine.put(running.id, "/tmp", iter([tar({"note": b"x" * 100_000})]))
        with tarfile.open(fileobj=io.BytesIO(b"".join(engine.get(running.id, "/tmp/note")))) as got:
            member = got.extractfile("note")
            assert member is not None
            assert member.read() == b"x" * 100_000
        with pytest.raises(NotFound):
            list(engine.get(running.id, "/nosuch"))

    def test_changes(self, engine: Engine, running: Container) -> None:
        assert all(change.path != "/tmp/note" for change in engine.changes(running.id))
        engine.put(running.id, "/tmp", iter([tar({"note": b"x"})]))
        found = {change.path: change.kind for change in engine.changes(running.id)}
        assert found["/tmp/note"] == "added"
        engine.stop(running.id, timeout=0)
        assert any(change.path == "/tmp/note" for change in engine.changes(running.id))
        with pytest.raises(NotFound):
            engine.changes("nosuch")

    def test_images(
        self, engine: Engine, project: str, labels: dict[str, str], tmp_path: Path
    ) -> None:
        archive = tmp_path / "root.tar"
        archive.write_bytes(tar({"etc/name": b"devbox"}))
        tag, other = f"devbox/{project}:1", f"devbox/{project}:2"
        made = engine.import_image(archive, tag, [f"LABEL devbox.owner={project}"])
        engine.tag(tag, other)
        (image,) = engine.images(labels)
        assert (image.id, sorted(image.tags), image.containers) == (made, [tag, other], 0)
        assert image.labels == labels
        assert engine.remove_image(tag) == 0
        assert engine.image(tag) is None
        assert engine.remove_image(other) == image.size
        assert engine.remove_image(other) == 0
        assert engine.images(labels) == ()
        with pytest.raises(NotFound):
            engine.tag(tag, other)

    @pytest.fixture
    def held(self, engine: Engine, project: str, image: str) -> Iterator[Held]:
        made = engine.hold(
            HeldRequest(
                f"{project}-held",
                image,
                {"devbox.made": project},
                (HeldMount(f"{project}-v", "/kept", volume=True),),
                {"/memory": "mode=0755"},
            )
        )
        yield made
        made.close()
        engine.remove(made.id, force=True)
        engine.remove_volume(f"{project}-v")

    def test_a_held_container_ends_with_its_holder(
        self, engine: Engine, project: str, held: Held
    ) -> None:
        there = engine.container(f"{project}-held")
        assert there is not None
        assert (there.id, there.state) == (held.id, "running")
        assert there.labels["devbox.made"] == project
        assert [mount["Name"] for mount in there.mounts if "Name" in mount] == [f"{project}-v"]
        command = engine.exec(held.id, ["cat"], stdin=True)
        held.close()
        while command.read():
            pass
        command.close()
        while engine.container(held.id) is not None:
            time.sleep(0.01)

    def test_a_held_container_has_a_name_of_its_own(
        self, engine: Engine, project: str, image: str, held: Held
    ) -> None:
        with pytest.raises(Conflict):
            engine.hold(HeldRequest(f"{project}-held", image))
        with pytest.raises(NotFound):
            engine.hold(HeldRequest(f"{project}-other", f"devbox/{project}:none"))
        assert engine.container(f"{project}-other") is None

    def test_an_image_of_what_a_container_changed(
        self, engine: Engine, project: str, image: str, held: Held
    ) -> None:
        tag, labels = f"devbox/{project}:1", {"devbox.kind": "x", "devbox.made": ""}
        engine.call(held.id, ["sh", "-c", "echo 1 >/here"])
        engine.commit(held.id, tag, labels)
        below, made = engine.image(image), engine.image(tag)
        assert below is not None
        assert made is not None
        assert made.id != below.id
        assert made.labels == {**below.labels, **labels}
        assert made.env == below.env
        assert engine.remove_image(tag) > 0

    def test_an_image_in_use_stays(self, engine: Engine, image: str, running: Container) -> None:
        with pytest.raises(Conflict):
            engine.remove_image(running.image_id)
        (found,) = [each for each in engine.images({}) if each.id == running.image_id]
        assert found.containers >= 1

    def test_volumes_carry_labels(self, engine: Engine, labels: Mapping[str, str]) -> None:
        name = f"{labels['devbox.owner']}-v"
        engine.create_volume(name, labels)
        engine.create_volume(name, labels)
        (volume,) = engine.volumes(labels)
        assert (volume.name, volume.labels) == (name, labels)
        engine.remove_volume(name)

    def test_usage(self, engine: Engine) -> None:
        assert {"Images", "Containers", "Volumes", "BuildCache"} <= set(engine.usage())


def tar(files: Mapping[str, bytes]) -> bytes:
    """A tar archive in memory."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()
