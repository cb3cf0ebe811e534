"""Where the credentials of an object store are: a command, the environment, or the AWS files.

They are read when they are needed, kept in no state, and masked in what devbox says.
"""

from __future__ import annotations

import configparser
import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devbox.errors import Unreachable, UsageError
from devbox.redact import remember

SECONDS = 60


@dataclass(frozen=True)
class Credentials:
    """What requests are signed with."""

    key: str
    secret: str
    token: str = ""


def credentials(environ: Mapping[str, str], command: str = "") -> Credentials | None:
    """The person's credentials; None where only the machine (an instance's role) may have some.

    ``command`` prints them as the AWS tools' ``credential_process`` does. Raises Unreachable
    where a command fails.
    """
    found = _found(environ, command)
    if found is not None:
        remember(text for text in (found.secret, found.token) if text)
    return found


def region(environ: Mapping[str, str]) -> str:
    """The region that the environment or the AWS files name, else ""."""
    named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return named or _profile(environ).get("region", "")


def _found(environ: Mapping[str, str], command: str) -> Credentials | None:
    if command:
        return _printed(command)
    if environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        return Credentials(
            environ["AWS_ACCESS_KEY_ID"],
            environ["AWS_SECRET_ACCESS_KEY"],
            environ.get("AWS_SESSION_TOKEN", ""),
        )
    profile = _profile(environ)
    if "aws_access_key_id" in profile and "aws_secret_access_key" in profile:
        return Credentials(
            profile["aws_access_key_id"],
            profile["aws_secret_access_key"],
            profile.get("aws_session_token", ""),
        )
    if process := profile.get("credential_process"):
        return _printed(process)
    return None


def _profile(environ: Mapping[str, str]) -> dict[str, str]:
    home = Path(environ.get("HOME") or "~").expanduser()
    name = environ.get("AWS_PROFILE") or "default"
    found: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        path = Path(environ.get(variable) or home / ".aws" / file).expanduser()
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            raise UsageError(f"{path} cannot be read.", hint="Check how it is written.") from error
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _printed(command: str) -> Credentials:
    """What a command prints, as https://docs.aws.amazon.com/sdkref/latest/guide/
    feature-process-credentials.html has it."""
    try:
        argv = shlex.split(command)
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
        if done.returncode:
            raise _no(argv[0], f"it ends with code {done.returncode}")
        said = json.loads(done.stdout)
        key, secret = said["AccessKeyId"], said["SecretAccessKey"]
        token = said.get("SessionToken") or ""
        if not all(isinstance(each, str) for each in (key, secret, token)):
            raise TypeError  # noqa: TRY301
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no(command, "it cannot be run") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise _no(command.partition(" ")[0], "what it prints is not what is expected") from error
    return Credentials(key, secret, token)


def _no(program: str, why: str) -> Unreachable:
    return Unreachable(
        f"The command {program} gives no credentials: {why}.",
        hint='It must print {"Version": 1, "AccessKeyId": ..., "SecretAccessKey": ...}.',
    )
