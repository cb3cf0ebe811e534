"""How busy the machine of a run is, logged as metrics of the run from a thread of its own."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from devbox.journal.places import in_box

if TYPE_CHECKING:
    from devbox.journal.run import Run

_CGROUP_USED = (
    "/sys/fs/cgroup/memory.current",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes",
)
FIRST = 0.2
"""Seconds until the first look: a short run shall not be over before it."""
_QUERY = "--query-gpu=utilization.gpu,memory.used,power.draw"


class Sampler:
    """Logs ``system/...`` metrics every so many seconds until it is stopped.

    cpu_cores: cores that were kept busy on average; memory_bytes: what is in use; gpu/N/percent,
    gpu/N/memory_bytes, gpu/N/watts where there is a GPU. ``measure`` gives the seconds of CPU
    used so far and the bytes of memory; by default those of this process and its ended children,
    in a box the memory of all of it.
    """

    def __init__(
        self, every: float, measure: Callable[[], tuple[float, float | None]] | None = None
    ) -> None:
        self._every = max(every, 0.1)
        self._measure = measure or (lambda: (_cpu_seconds(), _memory()))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._gpu = True

    def start(self, run: Run) -> None:
        """Begin to log to a run."""
        self._thread = threading.Thread(
            target=self._loop, args=(run,), name="devbox-sampler", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Log once more, and end."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _loop(self, run: Run) -> None:
        before, (cpu, _) = monotonic(), self._measure()
        over, pause = False, min(self._every, FIRST)
        while not over:
            over = self._stop.wait(pause)
            pause = self._every
            now, (used, memory) = monotonic(), self._measure()
            # Of a tree of processes some may have ended, and took their share with them.
            values = {"system/cpu_cores": max(used - cpu, 0.0) / max(now - before, 1e-3)}
            before, cpu = now, used
            if memory is not None:
                values["system/memory_bytes"] = memory
            if self._gpu and not over:
                values.update(self._gpus())
            # A full disk shows where the code itself logs.
            with suppress(Exception):
                run.log_metrics(values)

    def _gpus(self) -> dict[str, float]:
        try:
            done = subprocess.run(
                ["nvidia-smi", _QUERY, "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            self._gpu = False
            return {}
        return parsed_gpus(done.stdout.decode("utf-8", "replace"))


def parsed_gpus(text: str) -> dict[str, float]:
    """What nvidia-smi says of each GPU: percent, MiB, watts; what it does not know is left out."""
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines()):
        names = ("percent", "memory_bytes", "watts")
        for name, cell in zip(names, line.split(",")):  # noqa: B905 - strict is of Python 3.10
            with suppress(ValueError):
                value = float(cell)
                found[f"system/gpu/{number}/{name}"] = (
                    value * (1 << 20) if name == "memory_bytes" else value
                )
    return found


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _memory() -> float | None:
    for path in _CGROUP_USED if in_box() else ():
        with suppress(OSError, ValueError), open(path) as file:  # noqa: PTH123
            return float(file.read())
    with suppress(OSError, ValueError, IndexError), open("/proc/self/statm") as file:  # noqa: PTH123
        return float(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    return None
