"""What is known at this moment: written on the UI's own thread only, read by what is drawn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devbox.boxes import BoxView
    from devbox.compute import Host, Use
    from devbox.compute.engine.facts import EngineInfo
    from devbox.compute.engine.reports import Sample
    from devbox.state import Event

KEPT_EVENTS = 5000
KEPT_SAMPLES = 600


@dataclass(frozen=True)
class Moment:
    """What a box used at a time: cores, bytes, bytes a second."""

    time: float
    cpu: float
    memory: int
    limit: int
    network: float


@dataclass(frozen=True)
class Drift:
    """How a box differs from its definition: the number of changes, or why that is not known.
    ``gpus`` is what the definition asks for."""

    changes: int
    text: str
    gpus: str = ""


def history() -> deque[Moment]:
    """An empty history of a box."""
    return deque(maxlen=KEPT_SAMPLES)


@dataclass
class Seen:
    """All that the screens show of the world. ``away`` is why the engine does not answer, "" when
    it does; ``asked`` is when it last did, seconds since the epoch."""

    boxes: tuple[BoxView, ...] = ()
    asked: float = 0.0
    away: str = ""
    hint: str = ""
    host: Host | None = None
    engine: EngineInfo | None = None
    uses: deque[Use] = field(default_factory=lambda: deque(maxlen=KEPT_SAMPLES))
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    use: dict[str, deque[Moment]] = field(default_factory=dict)
    drift: dict[str, Drift] = field(default_factory=dict)
    unread: int = 0
    counters: dict[str, tuple[float, int]] = field(default_factory=dict, repr=False)

    def sampled(self, name: str, samples: Mapping[str, Sample]) -> None:
        """Take in what the containers of a box used."""
        if not samples:
            return
        now = time.time()
        total = sum(s.network_rx + s.network_tx for s in samples.values())
        before, bytes_before = self.counters.get(name, (now, total))
        self.counters[name] = (now, total)
        elapsed = now - before
        rate = max(total - bytes_before, 0) / elapsed if elapsed > 0 else 0.0
        moment = Moment(
            time=now,
            cpu=sum(s.cpu for s in samples.values()),
            memory=sum(s.memory for s in samples.values()),
            limit=max(s.memory_limit for s in samples.values()),
            network=rate,
        )
        self.use.setdefault(name, history()).append(moment)

    def last_use(self, name: str, within: float = 30.0) -> Moment | None:
        """What a box used last, None where that is long ago."""
        moments = self.use.get(name)
        if not moments or moments[-1].time < time.time() - within:
            return None
        return moments[-1]

    def happened(self, events: list[Event], *, news: bool) -> None:
        """Take in events; ``news`` counts failures as unread."""
        self.events.extend(events)
        if news:
            self.unread += sum(is_failure(event) for event in events)


def is_failure(event: Event) -> bool:
    """Whether an event says that something went wrong."""
    return event.kind.endswith((".failed", ".error")) or event.kind == "failed"
