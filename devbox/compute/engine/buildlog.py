"""BuildKit's plain progress output, read line by line. Pure.

Each build step has a number; its first line is its name, later ones are its output with the
seconds since it began, and its end:

    #5 [2/4] RUN apt-get update
    #5 0.412 Get:1 ...
    #5 DONE 3.1s            (or: CACHED, CANCELED, ERROR: reason)
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from devbox.progress import Progress

LAST_LINES = 20

_LINE = re.compile(r"#(\d+) (.*)")
_OUTPUT = re.compile(r"\d+\.\d+ ?(.*)")
_STEP = re.compile(r"\[(?:\S+ )?(\d+)/(\d+)\] ")
_PULLING = re.compile(r"\[internal\] load metadata for (\S+)")
_END = re.compile(r"DONE [\d.]+s|CACHED|CANCELED")


class BuildLog:
    """What a build has said so far. ``failed`` is the name of the step that failed, ``reason``
    what the builder says of the failure."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.failed = ""
        self.reason = ""
        self._names: dict[str, str] = {}
        self._outputs: dict[str, deque[str]] = {}
        self._failed_number = ""
        self._tail: deque[str] = deque(maxlen=LAST_LINES)

    def feed(self, line: str) -> Progress | None:
        """Take one line; what of it is worth showing."""
        match = _LINE.fullmatch(line)
        if not match:
            if line.startswith("ERROR: "):
                self.reason = line.removeprefix("ERROR: ").removeprefix("failed to solve: ")
            elif line.strip(" -") and not line.startswith(" > "):
                self._tail.append(line)
            return None
        number, text = match.groups()
        if number == "0":
            return None
        if number not in self._names:
            self._names[number] = text
            return self._begun(text)
        if text == self._names[number] or _END.fullmatch(text):
            return None
        if text.startswith("ERROR: "):
            self._failed_number, self.failed = number, self._names[number]
            self.reason = self.reason or text.removeprefix("ERROR: ")
            return None
        output = _OUTPUT.fullmatch(text)
        if not output:
            return None
        # A progress bar redraws its line: only what it shows in the end counts.
        said = output[1].rstrip("\r").rpartition("\r")[2]
        self._outputs.setdefault(number, deque(maxlen=LAST_LINES)).append(said)
        return Progress("build", self.tag, said, log=True)

    def _begun(self, name: str) -> Progress | None:
        if name.startswith("[internal]"):
            return None
        step = _STEP.match(name)
        if not step:
            return Progress("build", self.tag, name)
        return Progress("build", self.tag, name[step.end() :], int(step[1]), int(step[2]))

    def last_lines(self) -> Sequence[str]:
        """What the failed step wrote last, or the builder itself where no step failed."""
        output = self._outputs.get(self._failed_number)
        return tuple(output) if output else tuple(self._tail)

    def unfetched(self) -> str:
        """The base image whose registry lookup failed, "" where something else did."""
        match = _PULLING.match(self.failed)
        return match[1] if match else ""

    def text(self) -> str:
        """All that tells the cause: the last lines and the reason."""
        return "\n".join([*self.last_lines(), self.reason])
