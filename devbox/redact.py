"""Masking secrets in what devbox itself shows or writes: the values of known ones, and what
looks like one.

Whoever learns a secret remembers it here, for the life of the process; errors, progress, events
and log files of bugs are masked where they are made. Values shorter than four characters stay:
they would blacken half of every text.

What is written down of a run is code and commands that devbox knows nothing of, so there what
looks like a secret is masked as well (:func:`suspicious`): keys and tokens whose form their
makers have chosen to be recognized, private keys, passwords in addresses, and the value of
whatever is called a password, a secret or a token. Digests, ids of commits and names of variables
stay. Standard library only, and for Python 3.9, as it is copied to where code runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

MASK = "***"
SECRETS = "DEVBOX_SECRETS"
"""The variable with the names of variables that are secret, separated by commas."""
SHORTEST = 4

_known: frozenset[str] = frozenset()
_pattern: re.Pattern[str] | None = None


def remember(values: Iterable[str]) -> None:
    """From now on mask these values, and what they look like quoted or line by line."""
    global _known, _pattern  # noqa: PLW0603 - one process, one memory of what is secret
    forms = {form for value in values for form in _forms(value)}
    if forms <= _known:
        return
    _known |= forms
    # The longest first: one may be part of another.
    _pattern = re.compile("|".join(map(re.escape, sorted(_known, key=len, reverse=True))))


def masked(text: str) -> str:
    """The text with every known value replaced."""
    return _pattern.sub(MASK, text) if _pattern else text


def masked_data(data: Any) -> Any:
    """The same for all text in nested lists and mappings, keys included."""
    if _pattern is None:
        return data
    if isinstance(data, str):
        return masked(data)
    if isinstance(data, Mapping):
        return {masked_data(key): masked_data(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [masked_data(item) for item in data]
    return data


class Masker:
    """Masks known values in the output of a program, which comes in pieces and may be no text.

    Line by line, since a value may lie in two pieces: what follows the last line end is held back
    until more comes, or :meth:`rest` asks for it.
    """

    longest = 1 << 16
    """Bytes that are held back at most."""

    def __init__(self) -> None:
        self._held = b""

    def take(self, data: bytes) -> bytes:
        """What can be written of all that has come so far."""
        if _pattern is None and not self._held:
            return data
        whole = self._held + data
        end = max(whole.rfind(b"\n"), whole.rfind(b"\r")) + 1
        if not end and len(whole) > self.longest:
            end = len(whole)
        self._held = whole[end:]
        return _masked_bytes(whole[:end])

    def rest(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return _masked_bytes(held)


def _masked_bytes(data: bytes) -> bytes:
    if _pattern is None:
        return data
    return masked(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _forms(value: str) -> set[str]:
    """A value as programs may print it: whole, each of its lines, escaped or in an address."""
    import json
    from urllib.parse import quote

    parts = {value.strip(), *(line.strip() for line in value.splitlines())}
    written = {
        form for part in parts for form in (part, quote(part, safe=""), json.dumps(part)[1:-1])
    }
    return {form for form in {value, *written} if len(form) >= SHORTEST}


def remember_environment(environ: Mapping[str, str]) -> None:
    """Mask the values of the variables whose names say that they are secret from now on, and of
    those that ``DEVBOX_SECRETS`` names."""
    named = set(environ.get(SECRETS, "").split(","))
    remember(
        value
        for name, value in environ.items()
        if name in named or (len(value) >= SHORTEST_RANDOM and _is_secret(value, _weight(name)))
    )


def redacted(text: str) -> str:
    """The text without known secrets and without what looks like one."""
    return suspicious(masked(text))


def redacted_words(words: Sequence[str]) -> list[str]:
    """The same for a command: what follows ``--password`` and the like goes as well."""
    found: list[str] = []
    behind = ""
    for word in words:
        found.append(redacted_value(behind, word) if behind else redacted(word))
        behind = word.lstrip("-") if word.startswith("-") and "=" not in word else ""
    return found


def redacted_value(name: str, text: str) -> str:
    """The same for what is called ``name``: a param, a tag, an argument."""
    if text and _hinted(name.lower()) and _is_secret(text, _weight(name)):
        return MASK
    return masked(text) if len(text) < SHORTEST_RANDOM else redacted(text)


def suspicious(text: str) -> str:
    """The text with what looks like a secret replaced; lines stay lines, so a diff stays one.

    Behind a name such as ``password=`` or ``--api-key`` goes every value that is not plainly a
    variable, a type or a call; behind a weaker one such as ``token=`` what looks random.
    """
    if len(text) < 8:
        return text
    for beginning, pattern, instead in _FORMS:
        if beginning in text:
            text = _compiled(pattern).sub(instead, text)
    if "PRIVATE KEY" in text:
        text = _compiled(_PRIVATE, re.DOTALL).sub(_bodiless, text)
    lower = text.lower()
    if not _hinted(lower):
        return text
    said = _compiled(_SAID, re.IGNORECASE)
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _hinted(line.lower()):
            lines[number] = said.sub(_valueless, line)
    return "\n".join(lines)


_FORMS: tuple[tuple[str, str, str], ...] = (
    ("AKIA", r"\bAKIA[A-Z0-9]{16}\b", MASK),
    ("ASIA", r"\bASIA[A-Z0-9]{16}\b", MASK),
    ("AIza", r"\bAIza[\w-]{35}", MASK),
    ("ya29.", r"\bya29\.[\w-]{20,}", MASK),
    ("gh", r"\bgh[oprsu]_[A-Za-z0-9]{36,}", MASK),
    ("github_pat_", r"\bgithub_pat_\w{22,}", MASK),
    ("glpat-", r"\bglpat-[\w-]{20,}", MASK),
    ("hf_", r"\bhf_[A-Za-z0-9]{30,}", MASK),
    ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b", MASK),
    ("pypi-", r"\bpypi-[\w-]{50,}", MASK),
    ("dckr_pat_", r"\bdckr_pat_[\w-]{20,}", MASK),
    ("dapi", r"\bdapi[0-9a-f]{32}\b", MASK),
    ("sk-", r"\bsk-(?:[a-z0-9]{2,12}-){0,3}(?=\w{0,80}[0-9])\w{20}[\w-]*", MASK),
    ("k_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}", MASK),
    ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", MASK),
    ("eyJ", r"\beyJ[\w-]{8,4096}\.eyJ[\w-]{8,4096}\.[\w-]*", MASK),
    ("://", r"(://[^/\s:@\"']{0,200}:)[^/\s@\"']+(?=@)", rf"\1{MASK}"),
    (
        "uthorization",
        r"([Aa]uthorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?(?:\w{1,20} +)?)[^\s\"',\\]{8,}",
        rf"\1{MASK}",
    ),
    ("earer ", r"(\b[Bb]earer +)(?=[^\s\"']{0,200}[0-9])[\w.~+/=-]{16,}", rf"\1{MASK}"),
    ("ig", r"([?&](?:sig|X-(?:Amz|Goog)-Signature)=)[\w%+/=-]{16,}", rf"\1{MASK}"),
)
"""What is looked for first, which is fast in long texts; the whole form; what comes in its place.

The keys of AWS, Google, GitHub, GitLab, Hugging Face, npm, PyPI, Docker Hub, Databricks, OpenAI
and Anthropic, Stripe and Slack begin as their makers have chosen; JSON Web Tokens: RFC 7519.
Repeats are bounded where one text could be scanned again from each of its places."""

_PRIVATE = (
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----)(.*?)"
    r"(?=-----END [A-Z0-9 ]{0,40}PRIVATE KEY|\Z)"
)
_STRONG = (
    r"pass(?:word|wd|phrase|code)|secret(?:[_-]?(?:access[_-]?)?key)?"
    r"|(?:api|access|account|private|signing|encryption)[_-]?key"
    r"|(?:auth|access|refresh|bearer|session|api|bot)[_-]?token"
)
_WEAK = r"(?<![a-z])token|credentials?|(?<=[_-])(?:pass|pwd)"
_NAME = rf"(?:(?P<strong>{_STRONG})|(?P<weak>{_WEAK}))(?:[_-]?[0-9]{{1,3}})?"
_SAID = (
    rf"(?P<before>(?P<option>--[a-z0-9_-]{{0,60}})?{_NAME}\\{{0,3}}[\"']?"
    # `name: type = value` is how a default is written in Python.
    r"(?(option)(?:=|[ \t]{1,3}(?!-))"
    r"|(?:[ \t]{0,4}:[ \t]{0,4}[\w.|\[\] ]{1,40}(?==)|[ \t]{0,8})(?P<sign>=>|[=:]{1,2})[ \t]{0,8}))"
    r"(?:[brfu]{1,2}(?=[\\\"']))?"
    r"(?:(?P<quote>\\{0,3}[\"'])(?P<quoted>(?:\\.|[^\\\n]){0,4096}?)(?P=quote)"
    r"|(?P<bare>[^\s\"',;&)}\]]+))"
)
_HINTS = ("pass", "pwd", "secret", "key", "token", "credential")
_CODE = (
    r"[$<%{(\[*\\].*|-|\.{3}|[0-9]{1,4}"
    r"|(?:none|null|nil|undefined|true|false|str|string|bytes|int|bool|any|optional|secretstr)\b.*"
    r"|[a-z_][\w.]*[(\[{].*|[a-z_]+(?:\.[a-z_]+)+"
    rf"|(?:[a-z0-9]+_)*(?:{_STRONG}|token|key)"
)
"""What is no secret: a variable or placeholder, a type, nothing, a call, the name itself again."""
SHORTEST_RANDOM = 8


def _bodiless(match: re.Match[str]) -> str:
    body = match[2]
    if "\n" not in body:  # written in one line, with its line ends spelled out
        return match[1] + MASK
    return match[1] + re.sub(r"(?<=\n)([-+ ]?)[^\n]{2,}", rf"\1{MASK}", body)


def _valueless(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    value = match["quoted"] if quote else match["bare"]
    weight = "strong" if match["strong"] else "weak"
    if not value or not _is_secret(value, weight) or (not quote and _is_program(match, value)):
        return match[0]
    return f"{match[0][: match[0].rindex(value)]}{MASK}{quote}"


def _is_program(match: re.Match[str], value: str) -> bool:
    """Whether a value without quotes is a part of a program, or of a sentence."""
    behind = match.string[match.end() :].lstrip(" \t")[:1]
    if match["sign"] == ":" and behind not in ("", "#", ",", ";", "}", "]", '"', "'", "\\", "\r"):
        return True
    spaced = match["before"].endswith("= ")
    return value.replace("_", "").isalpha() and (spaced or behind in tuple(",)]}"))


def _hinted(lower: str) -> bool:
    for hint in _HINTS:  # noqa: SIM110 - any() takes three times as long
        if hint in lower:
            return True
    return False


@lru_cache(maxsize=1024)
def _weight(name: str) -> str:
    """How much a name says that what it names is secret: strong, weak or ""."""
    match = _compiled(rf"(?:{_NAME})$", re.IGNORECASE).search(name)
    return (match.lastgroup or "") if match else ""


def _is_secret(value: str, weight: str) -> bool:
    if not weight or _compiled(_CODE, re.IGNORECASE | re.DOTALL).fullmatch(value):
        return False
    if weight == "strong":
        return True
    letters = any(map(str.isalpha, value))
    return (
        len(value) >= SHORTEST_RANDOM
        and letters
        and any(map(str.isdigit, value))
        and not any(map(str.isspace, value))
    )


@cache
def _compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    # On first use: most processes show no text that holds a secret.
    return re.compile(pattern, flags)
