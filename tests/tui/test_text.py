"""The view of lines: whatever their number and whatever is in them."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tests.tui.watchdog import Watchdog
from tui.acting import Acting
from tui.live.lines import Line, Lines, clean
from tui.widgets.text import TextView


class Viewer(App[None], Acting):
    read_only = False

    def compose(self) -> ComposeResult:
        yield TextView(name="log")


class Reader:
    def __init__(self, app: Viewer, pilot: object) -> None:
        self.app = app
        self.pilot = pilot
        self.page = app.query_one(TextView).page

    @property
    def screen(self) -> str:
        rows = self.app.screen._compositor.render_strips()
        return "\n".join("".join(strip.text for strip in row) for row in rows)


@asynccontextmanager
async def reading(lines: Lines, *, follow: bool = False) -> AsyncIterator[Reader]:
    app = Viewer()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        reader = Reader(app, pilot)
        app.query_one(TextView).show(lines, follow=follow)
        reader.page.focus()
        await pilot.pause()
        yield reader


async def until(reader: Reader, text: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while text not in reader.screen:
        assert time.monotonic() < deadline, f"no {text}:\n{reader.screen}"
        await reader.pilot.pause(0.01)  # type: ignore[attr-defined]


def numbered(count: int) -> Lines:
    lines = Lines()
    lines.extend([Line(f"line {number}", 1.0 + number) for number in range(count)])
    return lines


async def press(reader: Reader, *keys: str) -> None:
    await reader.pilot.press(*keys)  # type: ignore[attr-defined]


async def test_a_million_lines_and_ten_thousand_a_second_do_not_stall_it() -> None:
    lines = numbered(990_000)
    over = threading.Event()

    def pour() -> None:
        number = 0
        while not over.wait(0.02):
            lines.extend([Line(f"new {number + n}") for n in range(200)])
            number += 200

    async with reading(lines, follow=True) as reader:
        await until(reader, "line 989999")
        with Watchdog() as dog:
            thread = threading.Thread(target=pour, daemon=True)
            thread.start()
            while lines.version < 1_010_000:
                await reader.pilot.pause(0.01)  # type: ignore[attr-defined]
            await until(reader, "new 1")
            for keys in (("g",), ("G",), ("pageup",), ("w",), ("G",), ("w",)):
                await press(reader, *keys)
            over.set()
            thread.join()
        assert dog.longest < 0.05, dog.story
    assert len(lines) <= 1_000_000


async def test_search_goes_on_from_both_ends() -> None:
    lines = numbered(20_000)
    async with reading(lines) as reader:
        await press(reader, "slash", *"LINE 1999", "enter")
        await until(reader, "(line 2,000)")
        await press(reader, "n")
        await until(reader, "(line 19,991)")
        await press(reader, "N")
        await until(reader, "(line 2,000)")
        await press(reader, "slash", *"nowhere", "enter")
        await until(reader, "(not found)")


async def test_following_ends_where_one_scrolls_up_and_begins_again() -> None:
    lines = numbered(500)
    async with reading(lines, follow=True) as reader:
        await until(reader, "line 499")
        await press(reader, "k", "k")
        lines.add("late")
        await until(reader, "501 lines")
        assert "late" not in reader.screen
        await press(reader, "f")
        await until(reader, "late")
        lines.add("later")
        await until(reader, "later")


async def test_wrapping_shows_all_of_the_last_line() -> None:
    lines = numbered(100)
    lines.add("x" * 200 + "END")
    async with reading(lines, follow=True) as reader:
        await until(reader, "xxx")
        assert "END" not in reader.screen
        await press(reader, "w")
        await until(reader, "END")


async def test_times_and_saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = Lines()
    lines.add("\x1b[31mred\x1b[0m", at=1_700_000_000.0, source="db")
    async with reading(lines) as reader:
        await until(reader, "db │ red")
        await press(reader, "t")
        await until(reader, "11-14 22:13")
        await press(reader, "s")
        await until(reader, "Saved")
    (file,) = tmp_path.glob("log-*.log")
    assert file.read_text() == "db | red\n"


def test_memory_is_bounded() -> None:
    lines = Lines(most=1000)
    for number in range(5000):
        lines.add(f"line {number}")
    assert len(lines) <= 1000
    assert lines.dropped + len(lines) == 5000
    assert lines.between(len(lines) - 1, len(lines))[0].text == "line 4999"
    small = Lines(characters=10_000)
    for _ in range(100):
        small.add("x" * 1000)
    assert len(small) <= 10


@given(st.text())
def test_nothing_a_terminal_would_obey_gets_through(text: str) -> None:
    import re

    left = re.sub(r"\x1b\[[0-9;:]*m", "", clean(text))
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in left)
    assert len(clean(text)) <= 10_001 * 8


def test_orders_to_the_terminal_are_left_out() -> None:
    assert clean("a\x1b]0;title\x07b\x1b[2Jc\x1b[1;31md") == "abc\x1b[1;31md"
    assert clean("10 %\r100 %") == "100 %"
    assert clean("x" * 1_000_000).endswith("…")
