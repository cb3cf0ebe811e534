"""No test sees or touches the real home of whoever runs it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

REAL_HOME = Path.home()

# What a person may have set, and what would make tests depend on it.
FOREIGN = ("DEVBOX_", "DOCKER_", "COMPOSE_", "BUILDX_", "XDG_", "GIT_")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "ftp_proxy")

# A shell starts what runs in the background deaf to Ctrl+C, and so would be all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """DEVBOX_HOME, and a home directory of the test's own around it."""
    for name in list(os.environ):
        foreign = name.startswith(FOREIGN)
        # Real engines may need the proxy to fetch what a test builds.
        proxy = name.lower() in PROXIES and "real" not in request.keywords
        if foreign or proxy:
            monkeypatch.delenv(name)
    folder = tmp_path / "h"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DEVBOX_HOME", str(folder))
    monkeypatch.setenv("DEVBOX_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("DEVBOX_USER", "tester")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "home").mkdir()
    return folder
