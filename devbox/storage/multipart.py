"""Sending large files to an S3-compatible store in parts that stay when the sender dies.

The store keeps the parts of an upload that was not finished: the next attempt asks which ones,
compares them with the file's, and sends the others. (obstore sends parts too, but cannot go on
with what another process began.)
"""

from __future__ import annotations

import hashlib
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape, unescape
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from devbox.errors import DevboxError, Unreachable
from devbox.storage.awskeys import Credentials
from devbox.storage.backend import Tell
from devbox.storage.sigv4 import signed

SMALLEST_PART = 8 << 20
MOST_PARTS = 9000  # a store takes 10,000
ATTEMPTS = 4
TIMEOUT = 60.0


class Answer(DevboxError):
    """The store answered with an error; ``status`` is HTTP's, ``code`` S3's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}".rstrip(": "))
        self.status = status
        self.code = code


@dataclass
class Bucket:
    """One bucket, and what it takes to talk to it. ``url`` is its address."""

    url: str
    region: str
    credentials: Credentials
    context: ssl.SSLContext | None = None
    _opener: urllib.request.OpenerDirector = field(init=False)

    def __post_init__(self) -> None:
        # The environment's proxies apply.
        https = urllib.request.HTTPSHandler(context=self.context)
        self._opener = urllib.request.build_opener(https, _NoRedirect())

    def send(self, key: str, source: Path, tell: Tell) -> None:
        """Send a file, going on where an earlier attempt has ended."""
        size = source.stat().st_size
        part = part_size(size)
        upload = self._begun(key) or self._begin(key)
        there = dict(self._parts(key, upload))
        tags = []
        with source.open("rb") as file:
            for number in range(1, -(-size // part) + 1):
                data = file.read(part)
                tag = hashlib.md5(data, usedforsecurity=False).hexdigest()
                if there.get(number) != tag:
                    query = {"partNumber": str(number), "uploadId": upload}
                    tag = self._ask("PUT", key, query, data)[1].strip('"') or tag
                    tell(len(data))
                tags.append((number, tag))
        self._complete(key, upload, tags)

    def sweep(self, prefix: str, before: float) -> int:
        """Forget uploads that were begun before a time; returns how many."""
        count = 0
        for key, upload, begun in self._uploads(prefix):
            if begun < before:
                self._ask("DELETE", key, {"uploadId": upload})
                count += 1
        return count

    def _begin(self, key: str) -> str:
        body, _ = self._ask("POST", key, {"uploads": ""})
        return _one(body, "UploadId")

    def _begun(self, key: str) -> str:
        found = [(begun, upload) for at, upload, begun in self._uploads(key) if at == key]
        return max(found)[1] if found else ""

    def _uploads(self, prefix: str) -> Iterator[tuple[str, str, float]]:
        marker: dict[str, str] = {}
        while True:
            body, _ = self._ask("GET", "", {"uploads": "", "prefix": prefix, **marker})
            for each in re.findall("<Upload>(.*?)</Upload>", body, re.DOTALL):
                yield _one(each, "Key"), _one(each, "UploadId"), _moment(_one(each, "Initiated"))
            if _one(body, "IsTruncated") != "true":
                return
            marker = {
                "key-marker": _one(body, "NextKeyMarker"),
                "upload-id-marker": _one(body, "NextUploadIdMarker"),
            }

    def _parts(self, key: str, upload: str) -> Iterator[tuple[int, str]]:
        marker = "0"
        while marker:
            query = {"uploadId": upload, "part-number-marker": marker}
            body, _ = self._ask("GET", key, query)
            for each in re.findall("<Part>(.*?)</Part>", body, re.DOTALL):
                yield int(_one(each, "PartNumber")), _one(each, "ETag").strip('"')
            more = _one(body, "IsTruncated") == "true"
            marker = _one(body, "NextPartNumberMarker") if more else ""

    def _complete(self, key: str, upload: str, tags: list[tuple[int, str]]) -> None:
        parts = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{escape(tag)}"</ETag></Part>'
            for number, tag in tags
        )
        xml = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        body, _ = self._ask("POST", key, {"uploadId": upload}, xml.encode())
        # A store that takes long says 200 first, and then perhaps that it failed.
        if "<Error>" in body:
            raise Answer(200, _one(body, "Code"), _one(body, "Message"))

    def _ask(
        self, method: str, key: str, query: dict[str, str], data: bytes = b""
    ) -> tuple[str, str]:
        """The answer's body and ETag."""
        path = urllib.parse.quote(f"/{key}" if key else "/", safe="/-_.~")
        words = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        url = f"{self.url}{path}?{words}"
        payload = hashlib.sha256(data).hexdigest()
        for attempt in range(1, ATTEMPTS + 1):
            headers = signed(method, url, {}, payload, self.credentials, self.region)
            headers.pop("host")
            request = urllib.request.Request(  # noqa: S310 - http or https, checked
                url, data or (b"" if method in {"PUT", "POST"} else None), headers, method=method
            )
            try:
                with self._opener.open(request, timeout=TIMEOUT) as answer:
                    assert isinstance(answer, HTTPResponse)
                    return answer.read().decode(errors="replace"), answer.headers.get("ETag", "")
            except urllib.error.HTTPError as error:
                with error:
                    said = error.read(1 << 16).decode(errors="replace")
                if error.code < 500 or attempt == ATTEMPTS:
                    message = _one(said, "Message")
                    raise Answer(error.code, _one(said, "Code"), message) from None
            except (OSError, HTTPException) as error:
                if attempt == ATTEMPTS:
                    reason = getattr(error, "reason", error)
                    why = getattr(reason, "strerror", None) or str(reason)
                    host = urllib.parse.urlsplit(self.url).netloc
                    raise Unreachable(
                        f"The connection to {host} broke off: {why}.",
                        hint="Try again: what was sent so far is kept.",
                    ) from error
            time.sleep(0.2 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signature is for one host; where a store points elsewhere, the region is wrong."""

    def redirect_request(self, *_: object) -> None:
        return None


def part_size(size: int) -> int:
    """How large the parts of a file are: always the same for the same file."""
    part = SMALLEST_PART
    while -(-size // part) > MOST_PARTS:
        part *= 2
    return part


def _one(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return unescape(found.group(1)) if found else ""


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return time.time()
