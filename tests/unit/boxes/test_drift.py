"""What ends running work, and what asks before it does, on a scripted engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from devbox import cli
from devbox.api import Devbox
from devbox.boxes.work import Ending
from devbox.cli.consent import Consent
from devbox.compute.engine.faults import PullFailed
from devbox.compute.engine.reports import BuildRequest
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError, Refused
from devbox.progress import Progress, Report, silent
from tests.unit.boxes import test_boxes as life

TOML = life.TOML
CHANGED = TOML + 'env = {COLOR = "red"}\n'


class Engine(life.Engine):
    """Its boxes run what a test says; ``meanwhile`` happens during a build."""

    def __init__(self) -> None:
        super().__init__()
        self.work = b""
        self.meanwhile: Callable[[], None] = lambda: None

    def _answer(self, argv: Sequence[str], data: bytes) -> ExecResult:
        if argv[0].endswith("/work"):
            return ExecResult(0, self.work, b"")
        return super()._answer(argv, data)

    def build(self, request: BuildRequest, report: Report = silent) -> None:
        self.meanwhile()
        super().build(request, report)

    def begin(self) -> None:
        self.work = b"task\t7\tpython train.py\n"


@pytest.fixture
def engine() -> Engine:
    made = Engine()
    made.registry.add("debian:bookworm-slim")
    return made


@pytest.fixture
def door(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devbox:
    project = tmp_path / "churn"
    project.mkdir()
    monkeypatch.chdir(project)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    made = Devbox(engine=engine)
    life.up(made)
    return made


class Asked:
    """Agrees to everything, and notes what it was asked."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []

    def __call__(self, ending: Ending) -> None:
        if ending.work:
            self.endings.append(ending)


def test_a_changed_config_never_ends_work_by_itself(door: Devbox, engine: Engine) -> None:
    engine.begin()
    (before,) = engine.containers({})
    builds = len(engine.built)
    with pytest.raises(Refused, match="would end 1 piece of running work") as refused:
        life.up(door, CHANGED + 'apt = ["jq"]\n')
    assert refused.value.detail == ("task 7: python train.py",)
    assert engine.containers({}) == (before,)
    assert len(engine.built) == builds  # it asks before it builds


def test_with_consent_it_is_applied(door: Devbox, engine: Engine) -> None:
    engine.begin()
    (before,) = engine.containers({})
    Path("devbox.toml").write_text(CHANGED)
    asked = Asked()
    plan = door.boxes.up(door.project().box().spec, agree=asked).plan
    assert [work.pid for work in plan.work] == [7]
    assert {ending.act for ending in asked.endings} == {"up"}
    (after,) = engine.containers({})
    assert after.id != before.id


def test_nothing_is_asked_where_nothing_runs_or_nothing_ends(door: Devbox, engine: Engine) -> None:
    life.up(door, CHANGED)
    engine.begin()
    assert door.boxes.up(door.project().box().spec).plan.empty


def test_what_begins_during_a_build_is_asked_about(door: Devbox, engine: Engine) -> None:
    engine.meanwhile = engine.begin
    (before,) = engine.containers({})
    with pytest.raises(Refused):
        life.up(door, TOML + 'apt = ["jq"]\n')
    assert engine.built[-1].tag.startswith("devbox/")
    assert engine.containers({}) == (before,)
    assert door.boxes.get("churn").state == "running"


@pytest.mark.parametrize(
    "error", [DevboxError("step 2 failed"), PullFailed("x", ref="x", unreachable=False)]
)
def test_a_failed_build_ends_nothing_even_with_consent(
    door: Devbox, engine: Engine, error: Exception
) -> None:
    engine.begin()
    (before,) = engine.containers({})
    engine.fail("build", error)
    Path("devbox.toml").write_text(TOML + 'apt = ["jq"]\n')
    with pytest.raises(type(error)):
        door.boxes.up(door.project().box().spec, agree=Asked())
    assert engine.containers({}) == (before,)
    assert "stop" not in engine.calls


@pytest.mark.parametrize("verb", ["stop", "down", "rm"])
def test_the_other_verbs_ask_too(door: Devbox, engine: Engine, verb: str) -> None:
    engine.begin()
    act = getattr(door.boxes, verb)
    with pytest.raises(Refused, match=f"{verb} would end"):
        act("churn")
    assert door.boxes.get("churn").state == "running"
    asked = Asked()
    act("churn", agree=asked)
    assert [ending.act for ending in asked.endings] == [verb]


def test_what_was_installed_by_hand_is_in_the_plan_and_told(door: Devbox, engine: Engine) -> None:
    (own,) = engine.containers({})
    engine.change(own.id, "/var/lib/dpkg/info/jq.list")
    engine.change(own.id, "/var/lib/dpkg/info/tree.list")
    Path("devbox.toml").write_text(TOML + 'apt = ["tree"]\n')
    spec = door.project().box().spec
    assert [package.name for package in door.boxes.plan(spec).lost.apt] == ["jq"]
    assert [package.name for package in door.boxes.status("churn").by_hand.apt] == ["jq", "tree"]
    assert door.boxes.ending("churn", "down").lost.apt
    assert not door.boxes.ending("churn", "stop").lost.apt
    told: list[Progress] = []
    door.boxes.up(spec, report=told.append)
    assert any(each.stage == "lose" and "jq" in each.text for each in told)
    assert any(each.stage == "change" and each.text == "+ tree" for each in told)


def test_a_person_is_asked_once_about_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    from devbox.boxes.work import Work

    first = Ending("a", "stop", (Work("task", 1, "x"),))
    consent = Consent(yes=True)
    consent.ask([first, Ending("b", "stop", ())])
    consent(first)
    assert capsys.readouterr().err == "This ends in box a:\n  task 1: x\n"
    consent(Ending("a", "stop", (Work("task", 2, "y"),)))
    assert "y" in capsys.readouterr().err
    with pytest.raises(Refused, match="Box a is left as it is"):
        Consent(yes=False)(first)


def test_a_change_asks_before_the_build_and_before_it_touches(
    door: Devbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.begin()
    Path("devbox.toml").write_text(TOML + 'apt = ["jq"]\n')
    asked, checks = Asked(), list[object]()
    here = door.boxes._workshop.here
    check = here.check

    def counted(*given: object) -> None:
        checks.append(given)
        check(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(here, "check", counted)
    engine.meanwhile = lambda: asked.endings.append(Ending("", "build", ()))
    door.boxes.up(door.project().box().spec, agree=asked)
    assert [ending.act for ending in asked.endings] == ["up", "build", "build", "up"]
    assert len(checks) == 1


def test_one_box_is_asked_about_once(
    door: Devbox,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine.begin()
    (own,) = engine.containers({})
    engine.change(own.id, "/var/lib/dpkg/info/jq.list")
    monkeypatch.setattr("devbox.compute.engine.docker.DockerEngine", lambda: engine)
    before = len(looks(engine))
    assert cli.run(["down", "churn", "--yes"]) == 0
    assert len(looks(engine)) == before + 1
    said = capsys.readouterr().err
    assert said.count("python train.py") == 1
    assert said.count("jq") == 1
    assert engine.containers({}) == ()


def looks(engine: Engine) -> list[object]:
    """How often somebody looked for work in a box."""
    return [each for each in engine.executed if each.argv[0].endswith("/work")]
