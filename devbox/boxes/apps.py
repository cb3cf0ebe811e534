"""The programs with a page that `devbox open` knows."""

from __future__ import annotations

from dataclasses import dataclass

from devbox.boxes.identity import LIBRARY, RUN
from devbox.errors import UsageError


@dataclass(frozen=True)
class App:
    """A program that serves a page, and how it is run in a box.

    ``port`` is the first one tried, ``folder`` what it shows, below the workspace. In ``argv`` the
    words {address}, {port}, {folder} and {token_file} are filled in; in ``page`` (what a person
    opens) and ``probe`` (answers 200 to who knows the token, and to nobody else) {token} is.
    ``program`` must be in the box; ``fix`` says how to get it there. ``work`` is the kind of
    running work that ends with it, see :class:`devbox.boxes.work.Work`.
    """

    name: str
    title: str
    program: str
    argv: tuple[str, ...]
    port: int
    folder: str
    page: str
    probe: str
    fix: str
    work: str = ""

    def command(self, address: str, port: int, folder: str) -> list[str]:
        """The command line that serves ``folder`` of the box at an address and port there."""
        values = {
            "address": address,
            "port": str(port),
            "folder": folder,
            "token_file": f"{RUN}/serve/{self.name}/token",
        }
        return [word.format_map(values) for word in self.argv]


_FIX = 'Use `profile = "datascience"` in devbox.toml, or `devbox add {}`.'

APPS: dict[str, App] = {
    app.name: app
    for app in (
        App(
            name="jupyter",
            title="JupyterLab",
            program="jupyter-lab",
            argv=(
                "jupyter-lab",
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip={address}",
                "--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                "--ServerApp.root_dir={folder}",
            ),
            port=8888,
            folder="",
            page="lab?token={token}",
            probe="api/status?token={token}",
            fix=_FIX.format("jupyterlab"),
            work="kernel",
        ),
        App(
            name="tensorboard",
            title="TensorBoard",
            program="tensorboard",
            argv=(
                "python3",
                f"{LIBRARY}/serve_tensorboard.py",
                "{token_file}",
                "--host={address}",
                "--port={port}",
                "--logdir={folder}",
            ),
            port=6006,
            folder="runs",
            page="{token}/",
            probe="{token}/data/environment",
            fix=_FIX.format("tensorboard"),
        ),
    )
}


def app_named(name: str) -> App:
    """The program of a name. Raises UsageError for one that is not known."""
    if name not in APPS:
        raise UsageError(f"Unknown program: {name}", hint=f"There are: {', '.join(APPS)}.")
    return APPS[name]
