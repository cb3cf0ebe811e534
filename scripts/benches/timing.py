"""Timing: whole commands against each other, in turn, so that a noisy machine is noisy to both;
and acts beside what is aimed at, with MLflow's figures where there is one."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


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


@dataclass(frozen=True)
class Figure:
    """One measured thing: ``value`` in ``unit``, what is aimed at, and the peer's value."""

    name: str
    value: float
    unit: str
    aim: str
    ok: bool
    peer: float | None = None


Figures = Callable[[Path, dict[str, float]], Iterator[Figure]]
"""Measures in an empty folder, beside what the peer measured."""


def best(act: Callable[[], object], times: int = 7) -> float:
    """The shortest of several, in seconds."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        found.append(time.perf_counter() - begin)
    return min(found)


def report(description: str | None, parts: Sequence[tuple[str, Figures]]) -> None:
    """Measure and print a table, or JSON. Each part is code that prints what it measured of
    MLflow as JSON ("" for none), and what measures devbox."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--mlflow", metavar="PYTHON", help="a Python that has MLflow")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[Figure] = []
    for code, figures in parts:
        peer = _peer(options.mlflow, code) if options.mlflow and code else {}
        with tempfile.TemporaryDirectory(prefix="devbox-bench-") as folder:
            found += figures(Path(folder), peer)
    if options.json:
        print(json.dumps([asdict(figure) for figure in found], indent=2))
        return
    print("| what | devbox | aim | MLflow |")
    print("| --- | --- | --- | --- |")
    for figure in found:
        mark = "" if figure.ok else " (missed)"
        beside = f"{figure.peer:,.0f} {figure.unit}" if figure.peer else "-"
        shown = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.1f}"
        print(f"| {figure.name} | {shown} {figure.unit} | {figure.aim}{mark} | {beside} |")


def _peer(python: str, code: str) -> dict[str, float]:
    env = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    done = subprocess.run(
        [python, "-c", code], env=env, stdout=subprocess.PIPE, text=True, check=True
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured
