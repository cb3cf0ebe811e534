"""Every key of devbox.toml, the user settings and profiles: one table each.

Checking, merging, the JSON Schema and the reference are made from these tables.
"""

from __future__ import annotations

from devbox.config import parts, values
from devbox.config.kinds import Kind, items, number, pattern, text
from devbox.config.spec import Mount, Port
from devbox.config.tables import Key, read_table, table_schema

_commands = items(text(), single=True)


def _keyed(keys: dict[str, Key]) -> Kind:
    """A table that merges key by key, so its values stay apart."""
    return Kind(lambda value, at: read_table(keys, value, at), table_schema(keys))


def _about_port(port: Port) -> object:
    return port.container, port.protocol


def _about_mount(mount: Mount) -> object:
    return mount.target


RESOURCES = {
    "cpus": Key(number(0.01, 4096), "CPU cores; no limit where left out."),
    "memory": Key(values.memory, "Memory, e.g. '8GiB'; no limit where left out."),
    "gpus": Key(values.gpus, "Number of GPUs, 'all', or 'optional': all there are, if any.", 0),
    "shm_size": Key(
        values.shared_memory, "Shared memory, for data loaders; never more than memory.", "2GiB"
    ),
}

HOOKS = {
    "on_create": Key(_commands, "Commands run once in a new container."),
    "on_start": Key(_commands, "Commands run at each start."),
    "on_attach": Key(_commands, "Commands run at each shell."),
    "timeout": Key(values.duration, "How long one command may take; 0 for ever.", "1h"),
}

BOX = {
    "name": Key(values.name, "The box's name; the folder's where left out."),
    "profile": Key(text(), "The profile: a name or a path such as './team.toml'.", "python"),
    "image": Key(values.image, "An own image, instead of a profile."),
    "build": Key(parts.build, "An own Dockerfile, instead of a profile."),
    "platform": Key(values.platform, "The platform, e.g. 'linux/amd64'; the engine's own."),
    "python": Key(values.python, "The Python version, e.g. '3.12'; the image's own."),
    "pip": Key(items(values.requirement), "Python packages.", [], "extend", values.distribution),
    "requirements": Key(
        items(values.requirements_file, single=True),
        "requirements.txt, pyproject.toml or lock files of the project.",
        [],
        "extend",
    ),
    "apt": Key(
        items(values.apt), "Debian packages.", [], "extend", lambda line: line.partition("=")[0]
    ),
    "env": Key(parts.environment, "Environment variables.", {}, "keyed"),
    "secrets": Key(items(values.secret), "Names of secrets that the box gets.", [], "extend"),
    "ports": Key(
        items(parts.port),
        "Ports to publish: 8080 (on a free port), '8080:80', '127.0.0.1:8080:80/tcp' or a table.",
        [],
        "extend",
        _about_port,
    ),
    "mounts": Key(
        items(parts.mount), "'source:target[:ro]' or tables.", [], "extend", _about_mount
    ),
    "data": Key(parts.data, "Host paths to see read-only at /data/NAME.", {}, "keyed"),
    "services": Key(parts.services, "Containers beside the box, by name.", {}, "keyed"),
    "resources": Key(_keyed(RESOURCES), "Limits.", None, "keyed"),
    "hooks": Key(_keyed(HOOKS), "Commands at points of the box's life.", None, "keyed"),
    "stop_after": Key(values.duration, "Stop an idle box after, e.g. '30m'; 0 never.", 0),
}

STORAGE = {
    "default": Key(
        pattern(
            r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?", "the name of a storage location", longest=40
        ),
        "The storage location of the project, by name.",
    ),
}

ONE_OF = ("profile", "image", "build")
