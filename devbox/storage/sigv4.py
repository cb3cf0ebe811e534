"""Signing requests to an S3-compatible store: AWS Signature Version 4. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Mapping

from devbox.storage.awskeys import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    payload: str,
    credentials: Credentials,
    region: str,
    *,
    now: float | None = None,
) -> dict[str, str]:
    """The headers of a request, with its signature among them. ``payload`` is the SHA-256 of the
    body in hexadecimal; the path in ``url`` is percent-encoded once, as S3 wants it."""
    parts = urllib.parse.urlsplit(url)
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signing = {name.lower(): value.strip() for name, value in headers.items()}
    signing |= {"host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": moment}
    if credentials.token:
        signing["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signing))
    pairs = sorted(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    request = "\n".join(
        (
            method,
            parts.path or "/",
            "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in pairs),
            *(f"{name}:{signing[name]}" for name in sorted(signing)),
            "",
            names,
            payload,
        )
    )
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    signing["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.key}/{scope}, SignedHeaders={names},"
        f" Signature={signature}"
    )
    return signing


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="-_.~")
