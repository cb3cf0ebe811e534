"""The frame: areas, keys, help, palette, verb bar, settings, and what it costs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox import cli
from devbox.api import Devbox
from devbox.config import load_settings
from devbox.config.spec import Tui
from devbox.errors import ConfigError, UsageError
from tests.tui.conftest import Scripted, sitting
from tests.tui.watchdog import Watchdog
from tui import actions, areas
from tui.app import DevboxApp
from tui.matching import fuzzy, matcher
from tui.screens.boxes import BoxesScreen
from tui.start import check, start
from tui.widgets.dialog import Read


async def test_numbers_go_through_the_areas(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("churn")
        for number, text in (
            ("2", "load "),
            ("3", "box.up"),
            ("4", "datascience"),
            ("5", "devbox/base"),
            ("6", "home disk"),
            ("1", "● running"),
        ):
            await person.press(number)
            await person.sees(text)


async def test_help_is_made_of_the_table(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door, size=(160, 110)) as person:
        await person.sees("churn")
        await person.press("question_mark")
        await person.sees("Everywhere")
        dialog = person.app.screen
        assert isinstance(dialog, Read)
        for action in actions.of("app", "list", "area", "boxes"):
            assert action.help in dialog._text.plain
        assert "(not now: it does not stop by itself (stop_after))" in dialog._text.plain


async def test_the_palette_finds_and_does(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("churn")
        await person.press("ctrl+p", *"go to ima")
        await person.sees("Go to Images")
        await person.press("enter")
        await person.sees("devbox/base")


async def test_verbs(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("ranker")
        await person.press("colon", *"stop fraud", "enter")
        await person.until(
            lambda: {b.name: b.state for b in person.app.seen.boxes}["fraud"] == "stopped"
        )
        await person.press("colon", *"theme nord", "enter")
        await person.until(lambda: person.app.theme == "nord")
        await person.press("colon", *"frobnicate", "enter")
        await person.sees("frobnicate is nothing that can be done here")
        await person.press("colon", *"stop nobody", "enter")
        await person.sees("There is no nobody here")
        await person.press("colon", *"events", "enter")
        await person.sees("box.stop")


async def test_filter_sort_and_marks(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("ranker")
        await person.press("slash", *"!chu", "enter")
        await person.sees("2 of 3")
        area = person.app.area
        assert isinstance(area, BoxesScreen)
        assert [box.name for box in area.grid.items] == ["fraud", "ranker"]
        await person.press("slash")
        for _ in range(4):
            await person.press("backspace")
        await person.press(*"~rkr", "enter")
        await person.until(lambda: [box.name for box in area.grid.items] == ["ranker"])
        await person.press("escape")
        await person.until(lambda: len(area.grid.items) == 3)
        await person.press("greater_than_sign", "less_than_sign")
        await person.until(lambda: area.grid.items[0].name == "ranker")
        await person.press("asterisk")
        await person.sees("3 marked")
        await person.press("escape")
        await person.until(lambda: not area.grid.marks)


async def test_it_opens_where_one_wants(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door, screen_name="events", query="fraud") as person:
        await person.sees("box/fraud")
        assert "box/churn" not in person.screen
        await person.press("o")
        await person.until(lambda: isinstance(person.app.area, BoxesScreen))
        await person.until(lambda: person.app.area.grid.current_key == "fraud")  # type: ignore[union-attr]


async def test_keys_can_be_others(door: Devbox, boxes: list[str]) -> None:
    wanted = Tui("textual-light", {"boxes.stop": ("ctrl+s",)})
    async with sitting(door, preferences=wanted) as person:
        await person.sees("^s stop")
        assert not person.app.current_theme.dark
        await person.press("s")
        await person.press("ctrl+s")
        await person.sees("○ stopped")
        await person.press("question_mark")
        await person.sees("Everywhere")
        assert isinstance(person.app.screen, Read)
        assert "^s           Stop it" in person.app.screen._text.plain


async def test_a_click_selects_and_does(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("ranker")
        area = person.app.area
        assert isinstance(area, BoxesScreen)
        await person.pilot.click(area.grid, offset=(5, 2))
        await person.until(lambda: area.grid.current_key == "fraud")
        row = person.screen.split("\n")
        await person.pilot.click(offset=(row[-1].index("s stop") + 3, len(row) - 1))
        await person.until(
            lambda: {b.name: b.state for b in person.app.seen.boxes}["fraud"] == "stopped"
        )


async def test_nothing_takes_the_loop_for_long(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("volume   devbox-tester_churn-home")
        await person.press("2", "3", "1")  # each area's first paint has its price
        await person.sees("churn")
        with Watchdog() as dog:
            for key in ("j", "k", "slash", "f", "escape", "s", "greater_than_sign"):
                await person.press(key)
            await person.until(lambda: not person.app.jobs.running)
        assert dog.longest < 0.05, dog.story


async def test_five_thousand_boxes(door: Devbox, boxes: list[str]) -> None:
    async with sitting(door) as person:
        await person.sees("volume   devbox-tester_churn-home")
        first = person.app.seen.boxes[0]
        person.app.background.over.set()  # what is seen now is ours
        many = tuple(replace(first, name=f"box-{n:05}") for n in range(5000))
        person.app._saw_boxes(many)
        await person.sees("Boxes 5000")
        with Watchdog() as dog:
            for n in range(5):
                person.app._saw_boxes((replace(many[0], status=f"Up {n} hours"), *many[1:]))
                await person.press("G", "g")
        assert dog.longest < 0.06, dog.story


# Without an app


def test_the_table_has_no_two_acts_on_one_key() -> None:
    for scopes in [("app", "area", "list", area) for area in areas.NAMES] + [
        ("app", "area", "text"), ("dialog",), ("jobs",),
    ]:  # fmt: skip
        seen: dict[str, str] = {}
        for action in actions.of(*scopes):
            for key in action.keys.split(","):
                known = seen.setdefault(key, action.name)
                # What has the focus goes first: a text searches where a list filters.
                assert known == action.name or "text" in scopes or "dialog" in scopes, key


def test_every_act_is_somewhere_done() -> None:
    folder = Path(actions.__file__).parent
    sources = "".join(file.read_text() for file in folder.rglob("*.py"))
    for action in actions.ACTIONS:
        assert f"def do_{action.verb}(" in sources, action.name


def test_commands_of_the_table_are_commands() -> None:
    from devbox.cli.commands import COMMANDS

    for action in actions.ACTIONS:
        if action.command:
            assert action.command.split()[:1] == ["devbox"]
            assert action.command.split()[1] in COMMANDS, action.command


@given(st.text(), st.text())
def test_a_filter_never_fails_and_its_inverse_shows_the_rest(query: str, text: str) -> None:
    words = query.split()
    assert isinstance(matcher(query)(text), bool)
    if len(words) == 1 and words[0].strip("!~"):
        assert matcher(words[0])(text) != matcher(f"!{words[0]}")(text)


def test_fuzzy() -> None:
    assert fuzzy("rkr", "ranker")
    assert not fuzzy("rrk", "ranker")


def test_an_unknown_screen_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="No screen boxs") as caught:
        start("boxs")
    assert "boxes" in caught.value.hint


def test_without_a_terminal_there_is_help_and_no_ui(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    assert "Usage: devbox" in capsys.readouterr().out
    assert cli.run(["tui"]) == 2
    assert "no terminal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tui]\nkeys = { "boxes.stopp" = "x" }\n', "did you mean 'boxes.stop'"),
        ('[tui]\ntheme = "norf"\n', "did you mean 'nord'"),
        ('[tui]\nkeys = { "boxes.stop" = "two keys" }\n', "is not a key"),
        ("[tui]\ncolour = 1\n", "unknown"),
    ],
)
def test_wrong_settings_are_told_with_their_line(
    text: str, said: str, tmp_path: Path, door: Devbox
) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        check(load_settings(), DevboxApp(door))
    problem = str(caught.value.problems[0])
    assert said in problem
    assert re.search(r"config\.toml:[12]:", problem)


async def test_prune_shows_what_it_frees(door: Devbox, engine: Scripted, boxes: list[str]) -> None:
    engine.add_image("devbox/box:old", {"devbox.kind": "box", "devbox.hash": "old"}, 5 << 30)
    async with sitting(door, screen_name="images") as person:
        await person.sees("devbox/box:old")
        await person.press("x")
        await person.sees("frees 5.0G")
        await person.sees("$ devbox image prune --yes")
        await person.press("y")
        await person.until(lambda: engine.image("devbox/box:old") is None)


async def test_work_can_be_seen_and_cancelled(door: Devbox, boxes: list[str]) -> None:
    from devbox.progress import Progress

    async with sitting(door) as person:
        await person.sees("churn")

        def work(door: Devbox, hands: object) -> None:
            step = 0
            while not person.app.background.over.wait(0.02):
                step += 1
                hands.report(Progress("build", "x", f"step {step}", step, 9999))  # type: ignore[attr-defined]

        job = person.app.jobs.start("long one", "box/churn", "devbox up churn", work)
        await person.sees("◐ build")
        await person.press("J")
        await person.sees("/9999] step 1")
        await person.press("c")
        await person.until(lambda: job.state == "cancelled")
        await person.press("escape")
        await person.sees("● running")
