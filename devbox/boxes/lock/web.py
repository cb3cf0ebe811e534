"""Fetching from package mirrors on this machine, by way of the settings' proxies and certificates.

Addresses may carry a password; it is sent to that host and to no other, and is in no message.
"""

from __future__ import annotations

import base64
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPMessage
from time import sleep
from typing import IO, Any

from devbox.boxes.images.network import ca_bundle
from devbox.config.spec import Network
from devbox.errors import DevboxError

TIMEOUT = 60.0
ATTEMPTS = 3
_GONE = (401, 403, 404, 410)


class Absent(Exception):
    """The server answered, and has no such thing (for us)."""


class Web:
    """An HTTP client for one machine's settings; may be used by several threads."""

    def __init__(self, network: Network) -> None:
        bundle = ca_bundle(network)
        context = ssl.create_default_context(cadata=bundle.decode() if bundle else None)
        self._proxies = {
            name: proxy
            for name, proxy in (("http", network.http_proxy), ("https", network.https_proxy))
            if proxy
        }
        self._no_proxy = network.no_proxy
        https = urllib.request.HTTPSHandler(context=context)
        none = urllib.request.ProxyHandler({})
        some = urllib.request.ProxyHandler(self._proxies)
        self._direct = urllib.request.build_opener(https, none, _SameHost())
        self._proxied = urllib.request.build_opener(https, some, _SameHost())

    def open(self, address: str, accept: str = "*/*") -> IO[bytes]:
        """What is at an address, as a stream.

        Raises Absent where the server has none, DevboxError where no server can be asked.
        """
        plain, credentials = without_user(address)
        if not plain.startswith(("http://", "https://")):
            raise Absent("its address is not one of the web")
        host = urllib.parse.urlsplit(plain).hostname or ""
        request = urllib.request.Request(plain, headers={"Accept": accept})  # noqa: S310
        request.add_header("User-Agent", "devbox")
        if credentials:
            request.add_header("Authorization", f"Basic {credentials}")
        opener = self._direct if self._bypassed(host) else self._proxied
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return opener.open(request, timeout=TIMEOUT)  # type: ignore[no-any-return]
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in _GONE:
                    raise Absent(f"{host} answers {error.code}") from None
                why = f"it answers {error.code}"
            except (OSError, HTTPException) as error:
                reason = getattr(error, "reason", error)
                why = getattr(reason, "strerror", None) or str(reason)
            if attempt < ATTEMPTS:
                sleep(attempt / 2)
        raise DevboxError(
            f"{host} cannot be asked for packages: {why}.",
            hint="Check the network, and [network] in your settings.",
        )

    def _bypassed(self, host: str) -> bool:
        if not self._proxies:
            return True
        rules = {"no": self._no_proxy}
        return bool(self._no_proxy) and bool(
            urllib.request.proxy_bypass_environment(host, rules)  # type: ignore[attr-defined]
        )


def without_user(address: str) -> tuple[str, str]:
    """An address without user and password, and those two as basic authentication sends them."""
    parts = urllib.parse.urlsplit(address)
    if parts.username is None:
        return address, ""
    user, password = map(urllib.parse.unquote, (parts.username, parts.password or ""))
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), credentials


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirections; to another host without the password."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        request: Any = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and request.host != req.host:
            request.remove_header("Authorization")
        return request  # type: ignore[no-any-return]
