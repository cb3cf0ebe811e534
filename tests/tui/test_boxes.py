"""What a person does with boxes in the UI, on a scripted engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.compute.engine.types import ExecResult
from devbox.errors import DevboxError
from tests.tui.conftest import Person, Scripted, make_box, sitting
from tui.screens.boxes import BoxesScreen
from tui.widgets.dialog import Ask, Read


def boxes_screen(person: Person) -> BoxesScreen:
    area = person.app.area
    assert isinstance(area, BoxesScreen)
    return area


def states(door: Devbox) -> dict[str, str]:
    return {box.name: box.state for box in door.boxes.ls()}


async def test_the_list_shows_what_runs_and_what_it_uses(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        for name in boxes:
            await person.sees(name)
        await person.sees("● running")
        await person.sees("0.50")
        await person.sees("64.0M")
        await person.sees("3 running")


async def test_without_a_box_it_says_how_to_make_one(door: Devbox) -> None:
    async with sitting(door) as person:
        await person.sees("No box yet. n makes one")


async def test_stop_needs_no_question_where_nothing_runs(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("● running")
        await person.press("s")
        await person.sees("○ stopped")
        assert states(door) == {"churn": "stopped", "fraud": "running", "ranker": "running"}
        assert person.app.area
        assert person.app.area.command == "devbox stop churn"


async def test_work_that_would_end_is_shown_and_asked_about(
    door: Devbox, engine: Scripted, boxes: list[str]
) -> None:
    engine.script = lambda argv, data: ExecResult(
        0, b"task\t41\tpython train.py\n" if argv[0].endswith("/work") else b"", b""
    )
    async with sitting(door) as person:
        await person.sees("● running")
        await person.press("s")
        await person.sees("end task 41: python train.py")
        await person.sees("$ devbox stop churn --yes")
        await person.press("n")
        await person.sees("Nothing was changed")
        assert states(door)["churn"] == "running"
        await person.press("s")
        await person.sees("end task 41")
        await person.press("y")
        await person.sees("○ stopped")


async def test_remove_shows_what_goes_with_and_without_data(
    door: Devbox, engine: Scripted, boxes: list[str]
) -> None:
    async with sitting(door) as person:
        await person.sees("● running")
        await person.press("x")
        await person.sees("keep volume devbox-tester_churn-home")
        await person.press("v")
        await person.sees("DELETE volume devbox-tester_churn-home")
        await person.sees("$ devbox rm churn --volumes --yes")
        await person.press("y")
        await person.until(lambda: "churn" not in states(door))
        assert "devbox-tester_churn-home" not in {v.name for v in engine.volumes({})}
        await person.until(lambda: [b.name for b in person.app.seen.boxes] == ["fraud", "ranker"])


async def test_several_boxes_at_once(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("ranker")
        await person.press("space", "space")
        await person.sees("2 marked")
        await person.press("d")
        await person.sees("box churn: down")
        await person.sees("box fraud: down")
        await person.press("y")
        await person.until(lambda: states(door)["fraud"] == "down")
        await person.until(lambda: states(door)["churn"] == "down")
        assert states(door)["ranker"] == "running"


async def test_up_starts_what_is_down_and_shows_the_plan_of_a_change(
    door: Devbox, boxes: list[str], tmp_path: Path
) -> None:
    door.boxes.stop("churn")
    file = tmp_path / "fraud" / "devbox.toml"
    file.write_text(f'{file.read_text()}[box.env]\nCOLOR = "red"\n')
    async with sitting(door) as person:
        await person.sees("○ stopped")
        await person.press("u")
        await person.until(lambda: states(door)["churn"] == "running")
        await person.sees("1 change")  # drift of the other
        await person.press("j", "u")
        await person.sees("env.COLOR: unset -> red")
        await person.press("y")
        await person.until(lambda: not person.app.jobs.running)
        spec = door.project(tmp_path / "fraud").box().spec
        assert door.boxes.plan(spec).empty


async def test_rebuild_and_restart(door: Devbox, engine: Scripted, boxes: list[str]) -> None:
    built = len(engine.built)
    async with sitting(door) as person:
        await person.sees("● running")
        await person.press("b")
        await person.sees("its images are built again")
        await person.press("y")
        await person.until(lambda: len(engine.built) > built and not person.app.jobs.running)
        stops = engine.calls.count("stop")
        await person.press("r")
        await person.until(lambda: engine.calls.count("stop") > stops)
        await person.until(lambda: not person.app.jobs.running)
        assert states(door)["churn"] == "running"


async def test_a_new_box_from_a_profile(door: Devbox, tmp_path: Path) -> None:
    async with sitting(door) as person:
        await person.sees("No box yet")
        await person.press("n")
        await person.sees("datascience")
        await person.press("home")
        await person.sees("devbox init")
        await person.press("tab", *(["ctrl+u"]))
        for letter in str(tmp_path / "fresh"):
            await person.press("slash" if letter == "/" else letter)
        await person.press("enter")
        await person.sees("name   fresh")
        await person.press("enter")
        await person.until(lambda: states(door).get("fresh") == "running")
        assert (tmp_path / "fresh" / "devbox.toml").exists()


async def test_a_failure_is_a_toast_and_a_story(
    door: Devbox, engine: Scripted, boxes: list[str]
) -> None:
    engine.fail("stop", DevboxError("It would not.", hint="Ask it nicely.", detail=["line 7"]))
    async with sitting(door) as person:
        await person.sees("● running")
        await person.press("s")
        await person.sees("stop churn failed")
        await person.sees("Ask it nicely.")
        await person.sees("! 1 failed")
        await person.press("exclamation_mark")
        await person.until(lambda: isinstance(person.app.screen, Read))
        await person.sees("line 7")
        await person.press("escape")
        await person.until(lambda: person.app.screen is person.app.area)


async def test_the_engine_goes_away_and_comes_back(
    door: Devbox, engine: Scripted, boxes: list[str]
) -> None:
    async with sitting(door) as person:
        await person.sees("● running")
        engine.away = True
        await person.sees("engine away")
        await person.sees("The engine does not answer.")
        assert boxes_screen(person).grid.grey
        await person.sees("churn")  # what is known stays
        await person.press("s")
        await person.sees("The engine is away.")
        engine.away = False
        await person.sees("The engine answers again")
        assert not boxes_screen(person).grid.grey


async def test_read_only_offers_nothing_that_changes(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door, read_only=True) as person:
        await person.sees("● running")
        for key in ("s", "x", "u", "e", "n"):
            await person.press(key)
        await person.sees("only reads")
        assert not person.app.jobs.all
        assert set(states(door).values()) == {"running"}


async def test_a_shell_takes_the_terminal_and_gives_it_back(
    door: Devbox, boxes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tui.screens.boxes.acts.open_shell", lambda app, name: opened.append(name))
    async with sitting(door) as person:
        await person.sees("● running")
        await person.press("j", "e")
        await person.until(lambda: opened == ["fraud"])


async def test_the_tabs_of_a_box(
    door: Devbox, engine: Scripted, boxes: list[str], tmp_path: Path
) -> None:
    engine.say("devbox-tester_churn-box-1", "hello from the box")
    async with sitting(door) as person:
        await person.sees("volume   devbox-tester_churn-home")
        await person.press("l")
        await person.sees("hello from the box")
        engine.say("devbox-tester_churn-box-1", "and again")
        await person.sees("and again")
        await person.press("right_square_bracket")
        await person.sees("0.50 cores")
        await person.press("right_square_bracket")
        await person.sees("sleep")
        await person.press("right_square_bracket")
        await person.sees("pull_policy: never")
        await person.press("right_square_bracket")
        await person.sees("box.up")
        await person.press("p")
        await person.sees("nothing: up to date")


async def test_a_box_without_its_project(door: Devbox, boxes: list[str], tmp_path: Path) -> None:
    (tmp_path / "churn" / "devbox.toml").unlink()
    async with sitting(door) as person:
        await person.sees("broken")
        await person.press("u")
        await person.sees("There is no devbox.toml")


async def test_narrow_shows_one_at_a_time(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door, size=(80, 24)) as person:
        await person.sees("churn")
        assert "Overview" not in person.screen
        assert all(len(line) == 80 for line in person.screen.split("\n"))
        await person.press("enter")
        await person.sees("Overview")
        await person.press("escape")
        await person.until(lambda: "Overview" not in person.screen)
        await person.pilot.resize_terminal(200, 50)
        await person.sees("Overview")
        await person.sees("drift")
        await person.pilot.resize_terminal(80, 24)
        await person.until(lambda: "Overview" not in person.screen)


async def test_more_work_that_began_meanwhile_is_asked_about_again(
    door: Devbox, engine: Scripted, boxes: list[str]
) -> None:
    answers = [b"task\t1\tone\n", b"task\t1\tone\ntask\t2\ttwo\n"]

    def script(argv: Sequence[str], data: bytes) -> ExecResult:
        if not argv[0].endswith("/work"):
            return ExecResult(0, b"", b"")
        return ExecResult(0, answers[0] if len(answers) == 1 else answers.pop(0), b"")

    async with sitting(door) as person:
        await person.sees("volume   devbox-tester_churn-home")
        engine.script = script
        await person.press("s")
        await person.sees("end task 1: one")
        await person.press("y")
        await person.sees("something runs in it")
        assert isinstance(person.app.screen, Ask)
        await person.sees("end task 2: two")
        await person.press("n")
        await person.sees("stop churn: cancelled")
        assert states(door)["churn"] == "running"


async def test_one_more_box_appears_by_itself(
    door: Devbox, boxes: list[str], tmp_path: Path
) -> None:
    async with sitting(door) as person:
        await person.sees("ranker")
        make_box(door, tmp_path, "zebra")
        await person.sees("zebra")
