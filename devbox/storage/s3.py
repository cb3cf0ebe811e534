"""A storage location that is a bucket of an S3-compatible object store, by obstore."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from devbox.errors import DevboxError, Unreachable, UsageError
from devbox.storage.awskeys import credentials, region
from devbox.storage.backend import Item, Tell
from devbox.storage.locations import Address, Location
from devbox.storage.multipart import SMALLEST_PART, Answer, Bucket

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Store

CHUNK = 4 << 20
RETRIES = 3
T = TypeVar("T")
_KEY_HINT = "Check the credentials: AWS_ACCESS_KEY_ID, AWS_PROFILE or the location's command."
_CODES = {
    "NoSuchBucket": ("There is no bucket {bucket} (any more).", "Make it, or check its name."),
    "InvalidAccessKeyId": ("The store does not know the access key.", _KEY_HINT),
    "SignatureDoesNotMatch": ("The store does not accept the secret key.", _KEY_HINT),
    "ExpiredToken": ("The credentials have expired.", "Log in again."),
    "AccessDenied": (
        "The bucket {bucket} may not be used: access denied.",
        "Have its owner let these credentials list, read and write it.",
    ),
    "QuotaExceeded": ("The bucket {bucket} is full.", "Free space there, then try again."),
    "EntityTooLarge": ("The store takes no file so large.", ""),
}


class S3:
    """A bucket, below a prefix."""

    def __init__(self, store: S3Store, address: Address, endpoint: str, bucket: Bucket | None):
        self._store = store
        self._prefix = f"{address.path}/" if address.path else ""
        self._name = address.host
        self._endpoint = endpoint
        self._bucket = bucket

    def stat(self, key: str) -> Item | None:
        """What lies at a key."""
        import obstore

        with self._explained():
            try:
                found = obstore.head(self._store, self._prefix + key)
            except FileNotFoundError as error:
                self._need_bucket(error)
                return None
        return self._item(found)

    def ls(self, prefix: str) -> Iterator[Item]:
        """What lies below a prefix."""
        import obstore

        with self._explained():
            # A prefix without its "/": obstore takes whole names.
            listing = obstore.list(self._store, prefix=(self._prefix + prefix).rstrip("/") or None)
            try:
                for some in listing:
                    yield from map(self._item, some)
            except FileNotFoundError as error:
                raise self._gone() from error

    def read(self, key: str) -> Iterator[bytes]:
        """The content."""
        import obstore

        with self._explained():
            found = obstore.get(self._store, self._prefix + key)
            for chunk in found.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)

    def write(self, key: str, data: bytes) -> None:
        """Put something small there."""
        import obstore

        with self._explained(missing=self._gone):
            obstore.put(self._store, self._prefix + key, data, use_multipart=False)

    def send(self, key: str, source: Path, tell: Tell) -> None:
        """Put a file there, going on where an earlier attempt has ended."""
        import obstore

        size = source.stat().st_size
        with self._explained(missing=self._gone):
            if size <= SMALLEST_PART:
                obstore.put(
                    self._store, self._prefix + key, source.read_bytes(), use_multipart=False
                )
                tell(size)
            elif self._bucket is not None:
                self._bucket.send(self._prefix + key, source, tell)
            else:
                # An instance's role signs for obstore alone: this starts anew when it breaks.
                obstore.put(self._store, self._prefix + key, source)
                tell(size)

    def remove(self, key: str) -> None:
        """Remove what lies there."""
        import obstore

        with self._explained():
            try:
                obstore.delete(self._store, self._prefix + key)
            except FileNotFoundError as error:
                self._need_bucket(error)

    def sweep(self, before: float) -> int:
        """Forget uploads that were not finished."""
        if self._bucket is None:
            return 0
        with self._explained(missing=self._gone):
            return self._bucket.sweep(self._prefix, before)

    def close(self) -> None:
        """Nothing is held."""

    def _item(self, found: Any) -> Item:
        key = str(found["path"]).removeprefix(self._prefix)
        return Item(key, int(found["size"]), found["last_modified"].timestamp())

    def _gone(self) -> DevboxError:
        message, hint = _CODES["NoSuchBucket"]
        return Unreachable(message.format(bucket=self._name), hint=hint)

    def _need_bucket(self, error: FileNotFoundError) -> None:
        if "NoSuchBucket" in str(error):
            raise self._gone() from error

    @contextmanager
    def _explained(self, missing: Callable[[], DevboxError] | None = None) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if missing is not None:
                raise missing() from error
            self._need_bucket(error)
            raise
        except Answer as error:
            raise self._failed(error.code, error.status, error.message) from error
        except DevboxError:
            raise
        except (BaseError, OSError, ValueError) as error:
            text = str(error)
            code = next((code for code in _CODES if code in text), "")
            status = 403 if "PermissionDenied" in type(error).__name__ else 0
            raise self._failed(code, status, text.partition("\n")[0][:200]) from error

    def _failed(self, code: str, status: int, said: str) -> DevboxError:
        if not code and status in {401, 403}:
            code = "AccessDenied"
        if code in _CODES:
            message, hint = _CODES[code]
            return Unreachable(message.format(bucket=self._name), hint=hint)
        host = urlsplit(self._endpoint).netloc
        if status:
            return Unreachable(f"The object store {host} refuses: {said.rstrip('.')}.")
        return Unreachable(
            f"The object store {host} does not answer.",
            hint="Check its address and the network; what was sent so far is kept.",
            detail=(said,) if said else (),
        )


def connect(location: Location, at: Address, *, ca: Path | None = None) -> S3:
    """Connect to a bucket. Raises UsageError where obstore is not installed."""
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise UsageError(
            f"The storage location {location.name} needs the package obstore.",
            hint="Install it with `pip install 'mldevbox[s3]'`.",
        ) from error
    options = location.options
    given = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3")
    given = given or os.environ.get("AWS_ENDPOINT_URL") or ""
    where = options.get("region") or region(os.environ) or "us-east-1"
    # Stores of one's own seldom have a host name for each bucket.
    path_style = options.get("path_style", "yes" if given else "no") == "yes"
    endpoint = given or f"https://s3.{where}.amazonaws.com"
    found = credentials(os.environ, options.get("credentials", ""))
    scheme, _, host = endpoint.partition("://")
    url = f"{endpoint}/{at.host}" if path_style else f"{scheme}://{at.host}.{host}"
    bundle = ca or _path(os.environ.get("AWS_CA_BUNDLE", ""))
    client: ClientConfig = {"timeout": "10m", "connect_timeout": "10s", "read_timeout": "60s"}
    client["allow_http"] = scheme == "http"
    if bundle is not None:
        client["root_certificate"] = bundle.read_bytes()
    keys: dict[str, Any] = {}
    if found is not None:
        keys = {"access_key_id": found.key, "secret_access_key": found.secret}
        keys |= {"session_token": found.token} if found.token else {}
    store = S3Store(
        at.host,
        # obstore takes the address of the bucket itself where that is in the host's name.
        endpoint=endpoint if path_style else url,
        region=where,
        virtual_hosted_style_request=not path_style,
        client_options=client,
        retry_config={
            "max_retries": RETRIES,
            "retry_timeout": timedelta(seconds=60),
            "backoff": {
                "base": 2,
                "init_backoff": timedelta(seconds=0.2),
                "max_backoff": timedelta(seconds=5),
            },
        },
        **keys,
    )
    bucket = None
    if found is not None:
        context = None
        if scheme == "https":
            context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
        bucket = Bucket(url, where, found, context)
    return S3(store, at, endpoint, bucket)


def _path(text: str) -> Path | None:
    return Path(text) if text and Path(text).is_file() else None
