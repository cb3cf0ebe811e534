"""devbox host: what this machine has and how busy it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from devbox.cli.output import (
    json_option,
    plain,
    print_json,
    print_json_line,
    print_table,
    say,
    size,
)

if TYPE_CHECKING:
    from devbox.compute import GpuDevice, Host, Use


@click.group("host")
def host() -> None:
    """Show what this machine has and how busy it is.

    \b
    Example:
      devbox host show
      devbox host stats --watch
    """


@host.command("show")
@json_option
def show(as_json: bool) -> None:
    """Show the machine's inventory and its Docker engine.

    CPUs and memory are those that devbox itself may use; the engine names its own. Where the
    engine does not answer, the rest is shown all the same.

    \b
    Example:
      devbox host show
      devbox host show --json
    """
    from devbox.api import Devbox
    from devbox.compute import gpu_refusal
    from devbox.compute.engine import plugins
    from devbox.errors import Unreachable

    with Devbox() as door:
        machine = door.hosts.local()
        engine, refusal, problem = None, "", ""
        try:
            engine = door.engine.info()
            refusal = gpu_refusal(engine, machine.gpus)
        except Unreachable as error:
            problem = error.message
    versions = {name: plugins.version(name) for name in ("compose", "buildx")}
    if as_json:
        found: dict[str, Any] = {**plain(machine), "engine": plain(engine)}
        print_json(found | {"engine_problem": problem, "gpu_refusal": refusal} | versions)
        return
    rows = _machine(machine)
    if engine is not None:
        rows += [
            ("engine", f"Docker {engine.version}{', rootless' if engine.rootless else ''}"),
            ("", f"{engine.cpus} CPUs, {size(engine.memory)}, cgroup v{engine.cgroup_version}"),
            ("", f"{engine.storage_driver} in {engine.root_dir}"),
            ("", f"runtimes: {', '.join(engine.runtimes)}"),
        ]
    rows += [(name, version or "not installed") for name, version in versions.items()]
    rows.append(("gpus in boxes", _gpus_in_boxes(refusal, problem)))
    print_table(("what", "value"), rows)
    if problem:
        say(problem)


def _gpus_in_boxes(refusal: str, problem: str) -> str:
    if problem:
        return "not known: the engine does not answer"
    return f"no: {refusal}" if refusal else "yes"


def _machine(machine: Host) -> list[tuple[str, str]]:
    rows = [
        ("name", machine.name),
        ("system", f"{machine.os}, {machine.architecture}"),
        ("cpus", f"{machine.cpus:g}"),
        ("memory", size(machine.memory)),
        ("disk", f"{size(machine.disk)} ({machine.folder})"),
    ]
    for gpu in machine.gpus.devices:
        rows.append((f"gpu {gpu.index}", f"{gpu.name}, {size(gpu.memory)}, {gpu.uuid}"))
    if machine.gpus.problem:
        rows.append(("gpu", machine.gpus.problem))
    return rows


@host.command("stats")
@click.option("-w", "--watch", is_flag=True, help="Go on once a second, until Ctrl+C.")
@json_option
def stats(watch: bool, as_json: bool) -> None:
    """Show live use of CPU, memory, disk, network and GPUs.

    \b
    Example:
      devbox host stats
      devbox host stats --watch --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        machine = door.hosts.local()
        while True:
            use = machine.use(1.0 if watch else 0.2)
            if not as_json:
                _print_use(use)
            elif watch:
                print_json_line(use)
            else:
                print_json(use)
            if not watch:
                return


def _print_use(use: Use) -> None:
    rows = [
        ("cpu", f"{use.cpu:.2f} cores, load {use.load[0]:.2f} {use.load[1]:.2f} {use.load[2]:.2f}"),
        ("memory", f"{size(use.memory_used)} of {size(use.memory)}"),
        ("disk", f"{size(use.disk_used)} of {size(use.disk)}"),
        ("network", f"{size(use.network_rx)} in, {size(use.network_tx)} out"),
    ]
    rows += [(f"gpu {gpu.index}", _gpu(gpu)) for gpu in use.gpus]
    print_table(("what", "use"), rows)


def _gpu(gpu: GpuDevice) -> str:
    words = [gpu.name]
    if gpu.utilization is not None:
        words.append(f"{gpu.utilization} %")
    if gpu.used is not None:
        words.append(f"{size(gpu.used)} of {size(gpu.memory)}")
    if gpu.temperature is not None:
        words.append(f"{gpu.temperature} °C")
    if gpu.power is not None:
        words.append(f"{gpu.power:.0f} W")
    return ", ".join(words)
