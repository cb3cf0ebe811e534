"""The life of a box on a scripted engine: what is called, and what failures leave behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from devbox import cli, errors
from devbox.api import Devbox
from devbox.boxes.hooks import CREATED, HookFailed
from devbox.boxes.lock.file import place
from devbox.boxes.ready import READY
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.fakefacts import INFO
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError, Unreachable, UsageError
from devbox.progress import Progress

TOML = '[box]\nname = "churn"\nprofile = "base"\n'


class Engine(FakeEngine):
    """Its boxes say that they are ready, as the init script does."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.created: set[str] = set()
        self.codes: dict[str, int] = {}

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        if list(argv) == ["test", "-e", CREATED]:
            return ExecResult(0 if "churn" in self.created else 1, b"", b"")
        if argv[0] == "sh" and argv[-1] == CREATED:
            self.created.add("churn")
        return ExecResult(self.codes.get(argv[-1], 0), b"a last line\n", b"")

    def compose_up(self, project: str, file: Path, **options: object) -> None:
        before = {c.id for c in self.containers({})}
        super().compose_up(project, file)
        for container in self.containers({}):
            if container.id not in before or container.state != "running":
                self.say(container.id, READY)

    def ran(self) -> list[str]:
        return [each.argv[-1] for each in self.executed if each.argv[-2:-1] == ("-c",)]


@pytest.fixture
def engine() -> Engine:
    made = Engine()
    made.registry.add("debian:bookworm-slim")
    return made


@pytest.fixture
def door(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devbox:
    project = tmp_path / "churn"
    project.mkdir()
    (project / "devbox.toml").write_text(TOML)
    monkeypatch.chdir(project)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return Devbox(engine=engine)


def up(door: Devbox, text: str = TOML) -> None:
    Path("devbox.toml").write_text(text)
    door.boxes.up(door.project().box().spec)


def test_up_builds_starts_and_remembers(door: Devbox, engine: Engine) -> None:
    up(door)
    assert [request.tag.split(":")[0] for request in engine.built] == ["devbox/base", "devbox/box"]
    (box,) = door.boxes.ls()
    assert (box.name, box.state, box.profile) == ("churn", "running", "base")
    assert {v.name for v in engine.volumes({})} == {
        "devbox-tester_churn-home",
        f"devbox-tester-cache-{Path.cwd().stat().st_uid}",
    }
    assert [event.kind for event in door.state.events.ls()] == ["box.up"]


def test_up_again_asks_little_and_changes_nothing(door: Devbox, engine: Engine) -> None:
    up(door)
    engine.calls.clear()
    assert door.boxes.up(door.project().box().spec).plan.empty
    assert "compose_up" not in engine.calls
    assert len(engine.calls) <= 4


def test_a_failed_build_keeps_the_old_box(door: Devbox, engine: Engine) -> None:
    up(door)
    (before,) = engine.containers({})
    engine.fail("build", DevboxError("the build failed"))
    with pytest.raises(DevboxError, match="the build failed"):
        up(door, TOML + 'apt = ["jq"]\n')
    assert engine.containers({}) == (before,)
    assert door.boxes.get("churn").state == "running"


def test_a_failed_first_start_leaves_nothing(door: Devbox, engine: Engine) -> None:
    engine.fail("compose_up", DevboxError("port 80 is taken"))
    with pytest.raises(DevboxError, match="port 80"):
        up(door)
    assert door.boxes.ls() == ()


def test_a_failing_hook_is_tried_again(door: Devbox, engine: Engine) -> None:
    text = TOML + '[box.hooks]\non_create = "make data"\non_start = "make serve"\n'
    engine.codes["make data"] = 2
    with pytest.raises(HookFailed) as failed:
        up(door, text)
    assert failed.value.detail == ("a last line",)
    assert door.boxes.get("churn").state == "unfinished"
    engine.codes.clear()
    up(door, text)
    assert engine.ran() == ["make data", "make data", "make serve"]
    door.boxes.stop("churn")
    door.boxes.start("churn")
    assert engine.ran()[3:] == ["make serve"]


def test_a_restart_behind_our_back_is_finished_by_the_next_up(door: Devbox, engine: Engine) -> None:
    text = TOML + '[box.hooks]\non_start = "make serve"\n'
    up(door, text)
    (container,) = engine.containers({})
    engine.set(container.id, started=container.started + 100)
    up(door, text)
    assert engine.ran() == ["make serve", "make serve"]


def test_root_in_a_rootless_engine(door: Devbox, engine: Engine) -> None:
    engine._info = replace(INFO, rootless=True)
    done = door.boxes.up(door.project().box().spec)
    assert done.box.user == "0:0"
    assert "rootless" in done.notes[0]


def test_an_optional_gpu_is_left_out_and_a_wanted_one_refused(door: Devbox, engine: Engine) -> None:
    up(door, TOML + '[box.resources]\ngpus = "optional"\n')
    with pytest.raises(DevboxError, match="GPU") as refused:
        up(door, TOML + "[box.resources]\ngpus = 2\n")
    assert "optional" in refused.value.hint
    assert door.boxes.get("churn").state == "running"


def test_missing_data_is_named_before_anything_happens(door: Devbox, engine: Engine) -> None:
    with pytest.raises(DevboxError, match="/no/such/place"):
        up(door, TOML + 'data = ["/no/such/place"]\n')
    assert engine.built == []


def test_rm_says_what_goes(door: Devbox, engine: Engine) -> None:
    up(door)
    plan = door.boxes.removal("churn", volumes=True)
    assert plan.running == plan.containers == ("devbox-tester_churn-box-1",)
    assert plan.volumes == ("devbox-tester_churn-home",)
    assert door.boxes.removal("churn", volumes=False).kept == plan.volumes
    door.boxes.rm("churn", volumes=True)
    assert door.boxes.ls() == ()
    assert [v.name for v in engine.volumes({}) if v.name.endswith("home")] == []


def test_rm_of_a_box_that_is_down(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    up(door)
    door.boxes.down("churn")
    assert door.boxes.removal("churn", volumes=False).project == str(Path.cwd())
    engine.calls.clear()
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    assert cli.run(["rm", "churn", "--json"]) == 0
    said = capsys.readouterr()
    (done,) = json.loads(said.out)
    assert (done["name"], done["owner"], done["containers"]) == ("churn", "tester", [])
    assert "id" not in done
    assert "removing its containers" not in said.err
    # A `down` that was interrupted may have left a network.
    assert "compose_down" in engine.calls


def test_what_compose_says_at_the_end_is_output_of_the_work(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    for options, shown in ((["--verbose"], True), ([], False)):
        up(door)
        capsys.readouterr()
        assert cli.run(["rm", *options]) == 0
        said = capsys.readouterr().err
        assert ("Container devbox-tester_churn-box-1 Removed" in said) is shown
        assert "Box churn is removed." in said


def test_the_status_says_whether_a_lock_is_kept(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    up(door)
    assert cli.run(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["lock"] is None
    place(Path.cwd()).write_text("version = 1\n")
    reason = "it does not have the box churn"
    assert cli.run(["status", "--json"]) == 0
    lock = json.loads(capsys.readouterr().out)[0]["lock"]
    assert lock == {"fits": False, "reasons": [reason]}
    assert cli.run(["status"]) == 0
    said = capsys.readouterr().out
    assert f"lock  does not fit devbox.toml ({reason}); built without it\n" in said


def test_a_forward_that_is_not_there_is_told(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    up(door)
    for argv, said in ((["--stop", "8000"], " from port 8000"), (["--stop"], "")):
        assert cli.run(["ports", *argv]) == 0
        assert capsys.readouterr().err == f"Nothing is forwarded{said}.\n"


def test_what_is_remembered_is_there_without_an_engine(door: Devbox, engine: Engine) -> None:
    up(door)
    engine.fail("containers", Unreachable("gone"))
    with pytest.raises(Unreachable):
        door.boxes.ls()
    (box,) = door.last_known()
    assert (box.name, box.state) == ("churn", "unknown")


def test_an_unknown_box(door: Devbox) -> None:
    up(door)
    with pytest.raises(UsageError) as unknown:
        door.boxes.stop("chrun")
    assert unknown.value.hint == "Did you mean churn?"


def test_several_boxes_are_named(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    Path("devbox.toml").write_text('[boxes.a]\nprofile = "base"\n[boxes.b]\nprofile = "base"\n')
    for box in door.project().boxes.values():
        door.boxes.up(box.spec)
    with pytest.raises(UsageError) as several:
        door.boxes.running(None, Path.cwd())
    assert several.value.hint == "Name one: a, b."
    assert cli.run(["cp", "devbox.toml", ":/tmp/"]) == errors.EXIT_USAGE
    assert "Name one: a, b.\n" in capsys.readouterr().err
    assert door.boxes.running("b", None)[0].name == "b"


def test_progress_is_told(door: Devbox) -> None:
    told: list[Progress] = []
    door.boxes.up(door.project().box().spec, report=told.append)
    assert {"image", "start"} <= {progress.stage for progress in told}
