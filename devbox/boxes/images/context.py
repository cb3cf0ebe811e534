"""What a build context holds, and what of it counts: its content, read the way BuildKit does.

Files up to :data:`SUMMED` bytes count by their content; larger ones by size and time of change,
so that a data set beside a Dockerfile does not make every command read gigabytes. A larger file
that changes keeps its image only if both stay the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devbox.errors import DevboxError

SUMMED = 64 << 20
_JUNK = ("__pycache__", ".DS_Store")


@dataclass(frozen=True)
class Pattern:
    """A line of .dockerignore; ``keep`` marks an exception (``!``)."""

    matches: re.Pattern[str]
    keep: bool
    prefix: str


def folder_files(folder: Path) -> dict[str, str]:
    """Every file below one of devbox's own folders and the hash of its content, by its path.

    Modes and times do not count: they differ between a checkout and an installed package.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in _JUNK for part in path.parts):
            relative = path.relative_to(folder).as_posix()
            found[relative] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def fingerprint(context: Path) -> str:
    """One hash over what a build would be sent from ``context``, honouring its .dockerignore.

    Raises DevboxError where the folder or a file in it cannot be read.
    """
    try:
        total = hashlib.sha256()
        for path, relative in _sent(context, ignore_patterns(context)):
            total.update(f"{relative}\0{_entry(path)}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()
    except OSError as error:
        raise DevboxError(
            f"The build context cannot be read: {error.filename}: {error.strerror}.",
            hint="Make it readable, or name it in .dockerignore.",
        ) from error


def ignore_patterns(context: Path) -> tuple[Pattern, ...]:
    """The rules of the context's .dockerignore, in order."""
    file = context / ".dockerignore"
    if not file.is_file():
        return ()
    lines = file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    patterns = []
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        text = line.strip()
        keep = text.startswith("!")
        text = os.path.normpath(text.removeprefix("!").strip()).lstrip("/")
        if text not in {".", ""}:
            literal = re.split(r"[*?\[\\]", text)[0]
            patterns.append(Pattern(_translate(text), keep, literal))
    return tuple(patterns)


def ignored(relative: str, patterns: tuple[Pattern, ...]) -> bool:
    """Whether a path is left out: the last rule that fits it, or a folder above it, decides."""
    verdict = False
    parts = relative.split("/")
    heads = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    for pattern in patterns:
        if any(pattern.matches.fullmatch(head) for head in heads):
            verdict = not pattern.keep
    return verdict


def _sent(context: Path, patterns: tuple[Pattern, ...]) -> Iterator[tuple[Path, str]]:
    exceptions = [pattern.prefix for pattern in patterns if pattern.keep]

    def walk(folder: Path, above: str) -> Iterator[tuple[Path, str]]:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            relative = f"{above}{entry.name}"
            out = bool(patterns) and ignored(relative, patterns)
            if entry.is_dir(follow_symlinks=False):
                # An exception may bring back something below an ignored folder.
                if not out or any(
                    prefix.startswith(f"{relative}/") or relative.startswith(prefix)
                    for prefix in exceptions
                ):
                    if not out:
                        yield Path(entry.path), relative
                    yield from walk(Path(entry.path), f"{relative}/")
            elif not out:
                yield Path(entry.path), relative

    yield from walk(context, "")


def _entry(path: Path) -> str:
    """What counts of a file: kind, permissions, and content."""
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return f"link {path.readlink()}"
    if stat.S_ISDIR(status.st_mode):
        return f"folder {mode:o}"
    if not stat.S_ISREG(status.st_mode):
        return "special"
    if status.st_size > SUMMED:
        return f"large {mode:o} {status.st_size} {status.st_mtime_ns}"
    with path.open("rb") as file:
        return f"file {mode:o} {hashlib.file_digest(file, 'sha256').hexdigest()}"


def _translate(pattern: str) -> re.Pattern[str]:
    """A .dockerignore pattern (Go's filepath.Match, and ``**`` for any number of folders)."""
    out = ""
    index = 0
    while index < len(pattern):
        rest = pattern[index:]
        if rest.startswith("**"):
            index += 2
            if pattern[index : index + 1] == "/":
                index += 1
                out += "(?:.*/)?"
            else:
                out += ".*"
        elif rest[0] == "*":
            out += "[^/]*"
            index += 1
        elif rest[0] == "?":
            out += "[^/]"
            index += 1
        elif rest[0] == "\\" and len(rest) > 1:
            out += re.escape(rest[1])
            index += 2
        elif rest[0] == "[" and (group := re.match(r"\[\^?\]?[^\]]*\]", rest)):
            body = group[0][1:-1].replace("\\", "\\\\").replace("[", "\\[")
            out += f"[{body}]"
            index += len(group[0])
        else:
            out += re.escape(rest[0])
            index += 1
    try:
        return re.compile(out, re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))
