"""What an engine is and is able to do.

Apart from the other reports: making a dataclass takes half a millisecond, and `devbox up` needs
only this one where nothing has changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devbox.compute.engine.http import ANSWER_TIMEOUT, Http


@dataclass(frozen=True)
class EngineInfo:
    """An engine and what it is able to do. ``memory`` in bytes; ``cdi`` lists the CDI devices
    that the engine offers. (Compose and buildx run on this side, see
    :mod:`devbox.compute.engine.plugins`.)"""

    version: str
    api_version: str
    name: str
    os: str
    architecture: str
    cpus: int
    memory: int
    rootless: bool
    cgroup_version: str
    storage_driver: str
    root_dir: str
    runtimes: tuple[str, ...]
    cdi: tuple[str, ...]
    registry_mirrors: tuple[str, ...]


def engine_info(http: Http) -> EngineInfo:
    """See :meth:`devbox.compute.engine.types.Engine.info`."""
    with http.stream("GET", "/info", timeout=ANSWER_TIMEOUT) as response:
        api_version = response.headers.get("api-version", "")
        info = json.loads(response.read())
    mirrors = (info.get("RegistryConfig") or {}).get("Mirrors") or ()
    return EngineInfo(
        version=info.get("ServerVersion", ""),
        api_version=api_version,
        name=info.get("Name", ""),
        os=info.get("OperatingSystem", ""),
        architecture=info.get("Architecture", ""),
        cpus=int(info.get("NCPU") or 0),
        memory=int(info.get("MemTotal") or 0),
        rootless="name=rootless" in (info.get("SecurityOptions") or ()),
        cgroup_version=str(info.get("CgroupVersion") or "1"),
        storage_driver=info.get("Driver", ""),
        root_dir=info.get("DockerRootDir", ""),
        runtimes=tuple(sorted(info.get("Runtimes") or ())),
        cdi=_cdi_devices(info),
        registry_mirrors=tuple(mirrors),
    )


def _cdi_devices(info: dict[str, Any]) -> tuple[str, ...]:
    if "DiscoveredDevices" in info:  # API 1.50 and newer
        devices = info["DiscoveredDevices"] or ()
        return tuple(sorted(str(d["ID"]) for d in devices if d.get("Source") == "cdi"))
    found = set()
    for folder in info.get("CDISpecDirs") or ():
        for file in sorted(Path(folder).glob("*")):
            found.update(_spec_devices(file))
    return tuple(sorted(found))


def _spec_devices(file: Path) -> list[str]:
    """The devices of one CDI specification, https://github.com/cncf-tags/container-device-interface
    (kind "vendor/class", devices with a name)."""
    try:
        if file.suffix == ".json":
            spec = json.loads(file.read_text())
        elif file.suffix in (".yaml", ".yml"):
            import yaml

            spec = yaml.safe_load(file.read_text())
        else:
            return []
        return [f"{spec['kind']}={device['name']}" for device in spec["devices"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    except Exception as error:  # yaml.YAMLError, without importing yaml for JSON files
        if type(error).__module__.startswith("yaml"):
            return []
        raise
