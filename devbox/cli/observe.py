"""devbox logs, stats, ports."""

from __future__ import annotations

import click

from devbox.cli.output import json_option, print_json, print_json_line, print_table, size
from devbox.cli.target import name_argument, names


@click.command("logs")
@name_argument
@click.option("-s", "--service", default="", help="Only this service's.")
@click.option("-f", "--follow", is_flag=True, help="Wait for new lines.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only the last lines of each.")
@click.option("-t", "--timestamps", is_flag=True, help="Print the time of each line (UTC).")
@json_option
def logs(
    name: str | None,
    service: str,
    follow: bool,
    tail: int | None,
    timestamps: bool,
    as_json: bool,
) -> None:
    """Print the output of the box and its services.

    With --json one line of JSON for each line of output.

    \b
    Example:
      devbox logs --tail 20
      devbox logs --service db --follow
    """
    from devbox.api import Devbox

    with Devbox() as door:
        for box in names(door, name):
            for source, line in door.boxes.logs(box, service=service, follow=follow, tail=tail):
                if as_json:
                    record = {"box": box, "service": source, "stream": line.stream}
                    print_json_line(record | {"time": line.time, "text": line.text})
                else:
                    time = f"{line.time} " if timestamps else ""
                    click.echo(f"{source} | {time}{line.text}")


@click.command("stats")
@name_argument
@click.option("-w", "--watch", is_flag=True, help="Go on until interrupted.")
@json_option
def stats(name: str | None, watch: bool, as_json: bool) -> None:
    """Show live CPU, memory and network use.

    CPU is in cores: 1.5 means one and a half cores are busy. Without a name, of all running
    boxes. With --watch --json one line of JSON a second.

    \b
    Example:
      devbox stats
      devbox stats churn --watch
    """
    from devbox.api import Devbox

    with Devbox() as door:
        while True:
            samples = door.boxes.samples(name)
            if as_json and watch:
                print_json_line(samples)
            elif as_json:
                print_json(samples)
            else:
                titles = ("box", "service", "cpu", "memory", "limit", "net in", "net out", "procs")
                rows = [
                    (
                        box,
                        service,
                        f"{s.cpu:.2f}",
                        size(s.memory),
                        size(s.memory_limit),
                        size(s.network_rx),
                        size(s.network_tx),
                        s.processes,
                    )
                    for box, services in samples.items()
                    for service, s in services.items()
                ]
                print_table(titles, rows)
            if not watch:
                return


@click.command("ports")
@name_argument
@json_option
def ports(name: str | None, as_json: bool) -> None:
    """List the ports of the box and where they are published.

    \b
    Example:
      devbox ports
      devbox ports churn --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        boxes = [door.boxes.get(box) for box in names(door, name)]
    rows = [
        {
            "box": box.name,
            "port": port.container,
            "protocol": port.protocol,
            "address": port.address,
            "published": port.host,
        }
        for box in boxes
        for port in box.ports
    ]
    if as_json:
        print_json(rows)
    else:
        titles = ("box", "port", "protocol", "address", "published")
        print_table(titles, [list(row.values()) for row in rows])
