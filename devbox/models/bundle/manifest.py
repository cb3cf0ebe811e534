"""What a bundle says of itself: manifest.json, its first member. Pure.

A bundle is one model version with everything that it was made from. The manifest is one JSON
object (with NaN, Infinity and -Infinity as numbers):

    format          "devbox-model"
    format_version  1; a reader refuses a larger one
    model           name, description, tags
    version         number (where it was exported), id, created (seconds since the epoch), user,
                    run, description, tags, aliases, slots, files: [{slot, path, digest, size}]
    history         what became of its aliases, for information: [{time, actor, kind, data}]
    runs            ids of its run and of those above that, the uppermost first
    lost            when runs were lost that never said how they ended (seconds since the epoch)
    data            dataset versions that come with it: [{name, version, manifest, kind, uri,
                    files, size, rows, columns, message, tags, user, created}]
    members         what follows in the file, in this order: [{name, size, sha256}]

A member ``blobs/sha256-DIGEST`` is content by its digest (SHA-256); ``runs/ID.journal`` is a run
with all of its points, written as any journal of a run.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from devbox.errors import DevboxError
from devbox.journal.artifacts import checked_path
from devbox.journal.checks import checked_key, checked_text
from devbox.journal.ids import is_id
from devbox.journal.slots import checked_model_name, checked_slot, checked_slots
from devbox.models.records import ModelFile

NAME = "manifest.json"
FORMAT, FORMAT_VERSION = "devbox-model", 1
LARGEST = 64 << 20
"""Bytes of a manifest."""
MOST_MEMBERS = 1_000_000
LATEST_TIME = float(1 << 40)
_BLOB = re.compile(r"blobs/sha256-([0-9a-f]{64})")
_RUN = re.compile(r"runs/([0-9a-f]{32})\.journal")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Member:
    """A file of the bundle: its name there, bytes and SHA-256."""

    name: str
    size: int
    sha256: str

    @property
    def run(self) -> str:
        """The id of the run that it is, "" where it is content."""
        found = _RUN.fullmatch(self.name)
        return found[1] if found else ""


@dataclass(frozen=True)
class Described:
    """The model, beside its version."""

    name: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Version:
    """The version: ``number`` and ``aliases`` are those it had where it was exported."""

    number: int
    id: str
    created: float
    user: str
    run: str
    description: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    slots: Mapping[str, Mapping[str, Any]]
    files: tuple[ModelFile, ...]


@dataclass(frozen=True)
class Manifest:
    """All that a bundle says of itself."""

    model: Described
    version: Version
    runs: tuple[str, ...] = ()
    lost: Mapping[str, float] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    data: tuple[Mapping[str, Any], ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(member.size for member in self.members)


def blob(digest: str, size: int) -> Member:
    """Content as a member."""
    return Member(f"blobs/sha256-{digest}", size, digest)


def journal(run: str, size: int, sha256: str) -> Member:
    """A run as a member."""
    return Member(f"runs/{run}.journal", size, sha256)


def written(manifest: Manifest) -> bytes:
    """A manifest as it is written: the same bytes for the same content."""
    whole = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(manifest)}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def read(data: bytes) -> Manifest:
    """Read a manifest that comes from anywhere. Raises DevboxError where it is none, or one of a
    later devbox."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        raise _wrong("it is no JSON") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise _wrong("it is that of something else")
    number = whole.get("format_version")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise _wrong("its format_version is no number")
    if number > FORMAT_VERSION:
        raise DevboxError(
            f"The file has the format {number}; this devbox reads up to {FORMAT_VERSION}.",
            hint="Import it with a newer devbox.",
        )
    try:
        return _manifest(whole)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _wrong(f"a field is missing or of another type ({error})"[:200]) from None
    except DevboxError as error:
        raise _wrong(error.message.rstrip(".")) from None


def _manifest(whole: Mapping[str, Any]) -> Manifest:
    model, version = whole["model"], whole["version"]
    members = tuple(_members(whole["members"]))
    digests = {member.sha256: member.size for member in members if not member.run}
    runs = tuple(map(_id, _list(whole["runs"])))
    if [member.run for member in members if member.run] != list(runs):
        raise ValueError("its runs are not those of the file")
    made_by = _text(version["run"]) and _id(version["run"])
    if made_by and runs and runs[-1] != made_by:
        raise ValueError("its last run is not that of the version")
    return Manifest(
        Described(
            checked_model_name(model["name"]), _text(model["description"]), _texts(model["tags"])
        ),
        Version(
            number=_count(version["number"]),
            id=_id(version["id"]),
            created=_time(version["created"]),
            user=_text(version["user"]),
            run=made_by,
            description=_text(version["description"]),
            tags=_texts(version["tags"]),
            aliases=tuple(map(_text, _list(version["aliases"]))),
            slots=checked_slots(version["slots"]),
            files=tuple(_files(version["files"], digests)),
        ),
        runs=runs,
        lost={_id(run): _time(ended) for run, ended in _table(whole["lost"]).items()},
        history=tuple(map(_table, _list(whole["history"]))),
        data=tuple(_dataset(each, digests) for each in _list(whole["data"])),
        members=members,
    )


def _members(told: Any) -> Iterator[Member]:
    """Content first, then runs; none twice."""
    seen: set[str] = set()
    runs = False
    for each in _list(told):
        member = Member(each["name"], _count(each["size"]), each["sha256"])
        content = _BLOB.fullmatch(member.name)
        right = bool(_DIGEST.fullmatch(member.sha256)) and (
            bool(member.run) or (content is not None and content[1] == member.sha256)
        )
        runs = runs or bool(member.run)
        if not right or member.name in seen or (runs and not member.run):
            raise ValueError(f"{member.name[:100]!r} can't be there")
        if len(seen) >= MOST_MEMBERS:
            raise ValueError(f"it names more than {MOST_MEMBERS} files")
        seen.add(member.name)
        yield member


def _files(told: Any, digests: Mapping[str, int]) -> Iterator[ModelFile]:
    seen = set()
    for each in _list(told):
        file = ModelFile(
            checked_slot(each["slot"]),
            checked_path(each["path"]),
            each["digest"],
            _count(each["size"]),
        )
        # One that never came has no digest.
        if (file.digest or file.size) and digests.get(file.digest) != file.size:
            raise ValueError(f"the content of {file.path} is not in the file")
        if (file.slot, file.path) in seen:
            raise ValueError(f"{file.path} is there twice")
        seen.add((file.slot, file.path))
        yield file


def _dataset(told: Any, digests: Collection[str]) -> Mapping[str, Any]:
    """The record of a dataset version, as far as it is ours to check."""
    record = _table(told)
    if record["manifest"] not in digests:
        raise ValueError("a dataset is not in the file")
    _count(record["version"])
    return {**record, "name": checked_model_name(record["name"])}


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no table")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return checked_text("a text", value)


def _texts(value: Any) -> dict[str, str]:
    return {checked_key(key): _text(item) for key, item in _table(value).items()}


def _id(value: Any) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("no id")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise ValueError("no size")
    return value


def _time(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError("no time")
    if not math.isfinite(value) or not 0 <= value < LATEST_TIME:
        raise ValueError("no time")
    return float(value)


def _wrong(what: str) -> DevboxError:
    return DevboxError(
        f"The manifest of the file can't be used: {what}.",
        hint="Only files that `devbox model export` wrote can be imported.",
    )
