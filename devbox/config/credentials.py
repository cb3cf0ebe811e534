"""What is secret in an address. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

_USER = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([^/?#]*)@")
_TOKEN_SCHEMES = (None, "http", "https")
_NO_PASSWORDS = ("", "x-oauth-basic")
_HABIT = "git"
_SHORTEST_TOKEN = 4


def credentials_of(address: str) -> tuple[str, ...]:
    """The password in an address, as it is written there and decoded; () where there is none.

    A user's name without a password counts too where the web's protocols are spoken: it is mostly
    a token. Only "git" never is, nor what is shorter than any token.
    """
    match = _USER.match(address)
    if match is None:
        return ()
    user, _, secret = match[2].partition(":")
    if secret in _NO_PASSWORDS:
        if match[1] and match[1].lower() not in _TOKEN_SCHEMES:
            return ()
        if user == _HABIT or len(user) < _SHORTEST_TOKEN:
            return ()
        secret = user
    return tuple(dict.fromkeys((secret, unquote(secret))))
