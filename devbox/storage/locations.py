"""What a storage location is, and how it is written. Pure.

A folder (`/mnt/team`), a folder on an SSH host (`ssh://me@host:2222/srv/blobs`) or a bucket of an
S3-compatible object store (`s3://bucket/prefix`).
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devbox.errors import UsageError

DISK, SSH, S3 = "disk", "ssh", "s3"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*")
_HOST = re.compile(r"[A-Za-z0-9_.:][A-Za-z0-9_.:-]*")
OPTIONS = ("endpoint", "region", "path_style", "credentials")


@dataclass(frozen=True)
class Location:
    """A place where blobs are kept. ``options`` are those of an object store: ``endpoint`` (its
    address), ``region``, ``path_style`` ("yes" or "no"), ``credentials`` (a command that prints
    them as JSON). No secret is among them."""

    name: str
    kind: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    default: bool = False


@dataclass(frozen=True)
class Address:
    """The parts of a location's URL: for a bucket, ``host`` is its name and ``path`` the prefix."""

    kind: str
    host: str = ""
    user: str = ""
    port: int = 0
    path: str = ""


def location(
    name: str, url: str, options: Mapping[str, str] | None = None, *, default: bool = False
) -> Location:
    """A checked location; a path becomes absolute. Raises UsageError."""
    checked_name(name)
    given = {key: value for key, value in (options or {}).items() if value}
    if "://" not in url:
        url = f"file://{urllib.parse.quote(os.path.abspath(Path(url).expanduser()))}"  # noqa: PTH100
    found = address(url)
    if given and found.kind != S3:
        raise UsageError(
            f"--{min(given).replace('_', '-')} is for object stores, and {url} is none.",
            hint="s3://BUCKET/PREFIX is one.",
        )
    endpoint = given.get("endpoint", "")
    if endpoint:
        given["endpoint"] = _endpoint(endpoint)
    return Location(name, found.kind, url, given, default)


def checked_name(name: str) -> str:
    """A location's name. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:60]!a} is no name for a storage location.",
            hint="Use a-z, 0-9, '.', '_' and '-', 40 characters at most.",
        )
    return name


def address(url: str) -> Address:
    """The parts of a URL. Raises UsageError for one that is no location."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or 0
    except ValueError:
        raise _wrong(url) from None
    path = urllib.parse.unquote(parts.path)
    if parts.password is not None:
        raise UsageError(
            "A password does not belong into the address of a storage location.",
            hint="Use a key that your ssh config names, or the credentials of your environment.",
        )
    bad = parts.query or parts.fragment or "\0" in path or "\n" in path
    if bad or ".." in path.split("/"):
        raise _wrong(url)
    if parts.scheme == "file" and not parts.netloc and path.startswith("/"):
        return Address(DISK, path=os.path.normpath(path))
    if parts.scheme == "ssh" and parts.hostname and len(path) > 1:
        user = urllib.parse.unquote(parts.username or "")
        # What begins with "-" would be an option of ssh.
        if not _HOST.fullmatch(parts.hostname) or (user and not _USER.fullmatch(user)):
            raise _wrong(url)
        return Address(SSH, parts.hostname, user, port, os.path.normpath(path))
    if parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc):
        return Address(S3, parts.netloc, path=path.strip("/"))
    raise _wrong(url)


def _endpoint(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise UsageError(
            f"{text[:80]!a} is not the address of an object store.",
            hint="Write it as https://HOST or http://HOST:PORT.",
        )
    return text.rstrip("/")


def _wrong(url: str) -> UsageError:
    return UsageError(
        f"{url[:80]!a} is no storage location.",
        hint="Give a folder, ssh://[USER@]HOST[:PORT]/PATH or s3://BUCKET[/PREFIX].",
    )
