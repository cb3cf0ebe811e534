"""Asking before running work is ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devbox.cli.output import confirm, say

if TYPE_CHECKING:
    from devbox.boxes.work import Ending

SHOWN = 20


class Consent:
    """What a person agreed to end; ``yes`` (the option) agrees to everything. ``lost``: it also
    says, once for each box, what was only in the containers and would be gone.

    It is asked again when the work is ended: what began meanwhile was not agreed to.
    """

    def __init__(self, *, yes: bool, lost: bool = True) -> None:
        self._yes = yes
        self._lost = lost
        self._agreed: set[tuple[str, str, int]] = set()
        self._warned: set[str] = set()

    def __call__(self, ending: Ending) -> None:
        """Ask about one box. Raises Refused where nobody agrees."""
        self.ask([ending])

    def ask(self, endings: Sequence[Ending]) -> None:
        """Ask once about several boxes, before the first of them is touched."""
        from devbox.boxes.work import refusal

        for ending in endings:
            if self._lost and ending.box not in self._warned:
                warn(ending)
                self._warned.add(ending.box)
        new = [ending for ending in endings if _keys(ending) - self._agreed]
        if not new:
            return
        for ending in new:
            show(ending)
        messages = [refusal(ending).message for ending in new]
        confirm("End it?", yes=self._yes, refusal=" ".join(messages))
        self.agree(new)

    def agree(self, endings: Sequence[Ending]) -> None:
        """Note what was agreed to elsewhere."""
        for ending in endings:
            self._agreed |= _keys(ending)
            self._warned.add(ending.box)


def show(ending: Ending) -> None:
    """Say what would be ended in a box; nothing where nothing would."""
    if ending.work:
        say(f"This ends in box {ending.box}:")
    for work in ending.work[:SHOWN]:
        say(f"  {work}")
    if len(ending.work) > SHOWN:
        say(f"  and {len(ending.work) - SHOWN} more")


def warn(ending: Ending) -> None:
    """Say what was only in the containers and would be gone; nothing where nothing would."""
    if ending.lost.lines:
        say(f"Installed or changed by hand in box {ending.box}, and gone after this:")
    for line in ending.lost.lines:
        say(f"  {line}")


def _keys(ending: Ending) -> set[tuple[str, str, int]]:
    return {(ending.box, work.kind, work.pid) for work in ending.work}
