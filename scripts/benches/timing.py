"""Timing whole commands against each other: in turn, so that a noisy machine is noisy to both."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Case:
    """One comparison. ``limit`` says in words what is aimed at; seconds are medians."""

    name: str
    ours: float
    other: float
    other_name: str
    limit: str
    ok: bool

    @property
    def ratio(self) -> float:
        """Ours over theirs: below 1 is faster."""
        return self.ours / self.other


def command(argv: Sequence[str], **options: object) -> Callable[[], None]:
    """A command as something to time; it must succeed."""

    def run() -> None:
        done = subprocess.run(
            argv,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,  # type: ignore[call-overload]
        )
        if done.returncode:
            sys.exit(f"{' '.join(argv)} failed:\n{done.stderr.decode(errors='replace')}")

    return run


def in_turn(
    ours: Callable[[], None],
    other: Callable[[], None],
    *,
    runs: int,
    after_ours: Callable[[], None] = lambda: None,
    after_other: Callable[[], None] = lambda: None,
) -> tuple[float, float]:
    """The medians in seconds of both, run in turn after one warm-up; clean-up is not timed."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs + 1):
        for which, (act, clean) in enumerate(((ours, after_ours), (other, after_other))):
            start = time.perf_counter()
            act()
            seconds = time.perf_counter() - start
            clean()
            if number:
                times[which].append(seconds)
    return statistics.median(times[0]), statistics.median(times[1])


def show(cases: Sequence[Case], *, as_json: bool) -> None:
    """Print the comparisons as a Markdown table, or as JSON."""
    if as_json:
        print(json.dumps([asdict(case) | {"ratio": case.ratio} for case in cases], indent=2))
        return
    print("| what | devbox | beside it | ratio | aim |")
    print("| --- | --- | --- | --- | --- |")
    for case in cases:
        mark = "" if case.ok else " (missed)"
        print(
            f"| {case.name} | {case.ours:.3f} s | {case.other:.3f} s `{case.other_name}`"
            f" | {case.ratio:.2f} | {case.limit}{mark} |"
        )
