"""Our own ssh configuration file, with an entry for each box, and the one line in the person's
that includes it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from devbox.boxes.identity import BoxId
from devbox.boxes.ssh import keys, personal
from devbox.boxes.ssh.include import include_line, with_include, without_include
from devbox.boxes.ssh.options import DOMAIN, host_name, options
from devbox.compute.engine.types import Engine
from devbox.errors import DevboxError

HEADER = "# Made by devbox, which writes it anew; `devbox ssh-config --remove` takes it away.\n"
_FORWARDED = "  ForwardAgent yes\n"


LONGEST_LINE = 200


@dataclass(frozen=True)
class ConfigPlan:
    """What `ssh-config` would do: ``ours`` gets ``text`` (None: is deleted), and ``line`` comes
    into the person's ``file`` or goes from it where ``edits`` says so."""

    file: Path
    ours: Path
    line: str
    hosts: tuple[str, ...]
    text: str | None
    edits: bool
    writes: bool

    @property
    def empty(self) -> bool:
        """Whether all is so already."""
        return not self.edits and not self.writes

    @property
    def diff(self) -> tuple[str, ...]:
        """What changes, for a person."""
        sign = "-" if self.text is None else "+"
        lines: list[str] = []
        if self.edits:
            lines += [f"{self.file}:", f"  {sign} {self.line}"]
        if self.writes:
            lines.append(f"{self.ours}:")
            lines += [f"  {sign} Host {host}" for host in self.hosts] or [f"  {sign} (no box)"]
        return tuple(lines)


def own_file(home: Path) -> Path:
    """Where our own configuration lies."""
    return keys.folder(home) / "config"


def entries(home: Path, boxes: Iterable[BoxId], *, agent: bool, engine: str = "") -> str:
    """The content of our own file; ``agent``: the person's agent is forwarded to every box."""
    parts = [HEADER]
    for box in boxes:
        lines = {**options(home, box, engine), "ForwardAgent": "yes" if agent else "no"}
        parts.append(f"\nHost {host_name(box)}\n")
        parts += [f"  {name} {value}\n" for name, value in lines.items()]
    return "".join(parts)


def alone(home: Path) -> AbstractContextManager[int]:
    """Be the only one who lists the boxes and writes our own file: who writes an older list later
    would take a box out of it."""
    from devbox.state import lock

    return lock(home / "locks" / "ssh-config.lock")


def refresh(home: Path, ls: Callable[[], Sequence[BoxId]], *, engine: str = "") -> None:
    """Keep our own file true where there is one, as to agents too; the person's stays as it is.
    ``ls`` lists the boxes, when nobody else writes the file."""
    if _current(own_file(home)) is None:
        return
    with alone(home):
        current = _current(own_file(home))
        if current is None:
            return
        boxes = ls()
        text = entries(home, boxes, agent=_FORWARDED in current, engine=engine)
        if text != current:
            for box in boxes:
                keys.box_keys(home, box)
            write_own(own_file(home), text)


def plan_config(home: Path, boxes: Sequence[BoxId], *, agent: bool, engine: str) -> ConfigPlan:
    """What it takes that ssh knows these boxes by name."""
    file, ours = personal.config_file(), own_file(home)
    line = include_line(ours)
    before = personal.read(file)
    text = entries(home, boxes, agent=agent, engine=engine)
    return ConfigPlan(
        file=file,
        ours=ours,
        line=line.decode(),
        hosts=tuple(host_name(box) for box in boxes),
        text=text,
        edits=before is None or with_include(before, line) != before,
        writes=_current(ours) != text,
    )


def plan_removal(home: Path) -> ConfigPlan:
    """What it takes that ssh knows nothing of devbox."""
    file, ours = personal.config_file(), own_file(home)
    line = include_line(ours)
    before = personal.read(file) or b""
    current = _current(ours)
    shown = [word for word in (current or "").split() if word.endswith(f".{DOMAIN}")]
    return ConfigPlan(
        file=file,
        ours=ours,
        line=line.decode(),
        hosts=tuple(shown),
        text=None,
        edits=without_include(before, line) != before,
        writes=current is not None,
    )


def write_config(
    home: Path, plan: ConfigPlan, ls: Callable[[], Sequence[BoxId]], *, engine: str = ""
) -> None:
    """Do what a plan says for the boxes that ``ls`` lists now: while a person thought about it,
    there may have come others."""
    with alone(home):
        if plan.text is None:
            apply_config(plan)
            return
        boxes = ls()
        for box in boxes:
            keys.box_keys(home, box)
        text = entries(home, boxes, agent=_FORWARDED in plan.text, engine=engine)
        hosts = tuple(host_name(box) for box in boxes)
        writes = _current(plan.ours) != text
        apply_config(replace(plan, text=text, hosts=hosts, writes=writes))


def apply_config(plan: ConfigPlan) -> None:
    """Do it: our own file first, so that what is included is there. Where the person's own can't
    be changed, ours is as it was."""
    line = plan.line.encode()
    before = plan.ours.read_text() if plan.ours.exists() else None
    if plan.text is not None and plan.writes:
        write_own(plan.ours, plan.text)
    if plan.edits and plan.text is not None:
        hosts = plan.hosts
        try:
            personal.edit(
                plan.file, lambda text: with_include(text, line), line, lambda f: _check(f, hosts)
            )
        except BaseException:
            if before is None:
                plan.ours.unlink(missing_ok=True)
            else:
                write_own(plan.ours, before)
            raise
    elif plan.edits:
        personal.edit(plan.file, lambda text: without_include(text, line), line)
    if plan.text is None:
        plan.ours.unlink(missing_ok=True)


def write_own(file: Path, text: str) -> None:
    """Write our own file, whole or not at all, for its owner alone."""
    draft = ""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=".config.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(descriptor)
        Path(draft).replace(file)
    except OSError as error:
        if draft:
            Path(draft).unlink(missing_ok=True)
        raise DevboxError(f"{file} cannot be written: {error.strerror}.") from error


def _current(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _check(file: Path, hosts: Sequence[str]) -> None:
    """Ask ssh itself whether it finds the boxes through a file. Raises DevboxError if not."""
    for host in hosts[:1]:
        try:
            done = subprocess.run(
                ["ssh", "-G", "-F", str(file), host],
                capture_output=True,
                timeout=20,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                check=False,
            )
        except FileNotFoundError:
            return  # it may come later, and finds a file that is right
        except subprocess.TimeoutExpired:
            raise DevboxError("`ssh -G` does not end; nothing was changed.") from None
        if done.returncode or "devbox.boxes.ssh" not in done.stdout:
            raise DevboxError(
                "ssh does not accept its configuration; nothing was changed.",
                hint="`ssh -G somewhere` shows what it does not like.",
                # It quotes what it does not like, which may be a whole binary file.
                detail=[
                    line.replace(str(file), "the file")[:LONGEST_LINE]
                    for line in done.stderr.splitlines()[:3]
                ],
            )


def given_address(engine: Engine) -> str:
    """The engine's address where the environment names it; else it is found each time."""
    return engine.address if os.environ.get("DOCKER_HOST") else ""
