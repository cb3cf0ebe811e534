"""Every command of the headless interface, by section, and where its code is.

``devbox --help`` prints this table without importing any of the modules.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command: its module below devbox.cli, the name in it, and one line of help."""

    module: str
    attribute: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Box": {
        "init": Entry("init", "init", "Write a devbox.toml for the project in this folder."),
        "up": Entry("up", "up", "Bring the project's box up, building what is missing."),
        "down": Entry("lifecycle", "down", "Remove the box's containers, keep its volumes."),
        "stop": Entry("lifecycle", "stop", "Stop the box, keep its containers."),
        "start": Entry("lifecycle", "start", "Start a stopped box."),
        "restart": Entry("lifecycle", "restart", "Stop the box and start it again."),
        "rm": Entry("lifecycle", "rm", "Forget the box; with --volumes delete its data too."),
        "keep": Entry("keep", "keep", "Keep a box from stopping because it is idle."),
        "ps": Entry("ps", "ps", "List boxes."),
        "status": Entry("ps", "status", "Show one box in full."),
    },
    "Work in a box": {
        "exec": Entry("attach", "exec", "Run a command in the box."),
        "shell": Entry("attach", "shell", "Open a shell in the box."),
        "ssh": Entry("ssh", "ssh", "Log in to the box with OpenSSH, or run a command there."),
        "ssh-config": Entry("ssh", "ssh_config", "Let ssh, scp, rsync and editors reach boxes."),
        "add": Entry("add", "add", "Install packages now and write them into devbox.toml."),
        "logs": Entry("observe", "logs", "Print the output of the box and its services."),
        "stats": Entry("observe", "stats", "Show live CPU, memory and network use."),
        "open": Entry("open", "open", "Serve JupyterLab or TensorBoard from the box."),
        "ports": Entry("observe", "ports", "List the ports of the box, and forward them."),
        "cp": Entry("cp", "cp", "Copy files between here and a box."),
    },
    "Experiments": {
        "run": Entry("track", "run", "Run a command as a tracked run."),
        "sweep": Entry("sweep", "sweep", "Run a command many times with different params."),
        "runs": Entry("runs", "runs", "List, show, compare, plot and remove what ran."),
        "experiment": Entry(
            "experiment", "experiment", "List, show, rename and remove experiments, groups of runs."
        ),
        "model": Entry(
            "model", "model", "Register models, and find again how each version was made."
        ),
    },
    "Storage": {
        "storage": Entry("storage", "storage", "Keep blobs in folders, SSH hosts and buckets."),
        "data": Entry("data", "data", "Keep versions of datasets, and get them again."),
    },
    "Definitions": {
        "lock": Entry("lock", "lock", "Write every package of the boxes down in devbox.lock."),
        "config": Entry("config", "config", "Show or check the resolved configuration."),
        "profile": Entry(
            "profile", "profile", "List, show and check profiles; install those of a team."
        ),
        "image": Entry("image", "image", "List, build, make and prune images."),
    },
    "This machine": {
        "tui": Entry("tui", "tui", "Open the terminal UI; `devbox` alone in a terminal does too."),
        "host": Entry("host", "host", "Show what this machine has and how busy it is."),
        "df": Entry("df", "df", "Show what takes space."),
        "doctor": Entry(
            "doctor", "doctor", "Check what devbox needs, with a fix for each finding."
        ),
        "events": Entry("events", "events", "Print the log of what happened."),
        "daemon": Entry("daemon", "daemon", "Show, start and stop the process that serves boxes."),
        "state": Entry("state", "state", "Back up, restore and check the state file."),
        "completion": Entry("completion", "completion", "Print the shell completion script."),
    },
}

COMMANDS: dict[str, Entry] = {
    name: entry for section in SECTIONS.values() for name, entry in section.items()
}
