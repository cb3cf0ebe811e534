"""devbox logs, stats, ports."""

from __future__ import annotations

import click

from devbox.cli.output import json_option, print_json, print_json_line, print_table, say, size
from devbox.cli.target import name_argument, names, root_or_none
from devbox.errors import UsageError


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
            for source, line in door.inside.logs(box, service=service, follow=follow, tail=tail):
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
            samples = door.inside.samples(name)
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
@click.option(
    "--forward", "forwards", multiple=True, metavar="PORT[:HERE]", help="Bring a port here."
)
@click.option(
    "--stop", is_flag=False, flag_value="all", metavar="[PORT]", help="End forwards, or one."
)
@json_option
def ports(name: str | None, forwards: tuple[str, ...], stop: str | None, as_json: bool) -> None:
    """List the ports of the box, and forward them.

    They are published by devbox.toml, forwarded, or only listened on in the box.

    --forward brings a port that is not published to this machine's loopback, until the box
    stops or --stop ends it.

    \b
    Example:
      devbox ports
      devbox ports churn --forward 8000 --forward 5432:15432
      devbox ports churn --stop 8000
    """
    from devbox.api import Devbox

    if stop and forwards:
        raise UsageError("Either --forward or --stop.")
    wanted = [_places(text) for text in forwards]
    ending = None if stop in {None, "all"} else _port(str(stop))
    with Devbox() as door:
        if wanted:
            box = door.boxes.running(name, root_or_none(door))[0].name
            for port, here in wanted:
                made = door.inside.forward(box, port, here)
                say(f"Port {port} of box {box} is at 127.0.0.1:{made.host_port} here.")
            boxes = [box]
        else:
            boxes = names(door, name)
        if stop:
            ended = [(box, each) for box in boxes for each in door.inside.unforward(box, ending)]
            for box, forward in ended:
                say(f"Port {forward.port} of box {box} is no longer forwarded.")
            if not ended:
                say(f"Nothing is forwarded{f' from port {ending}' if ending else ''}.")
        rows = [row for box in boxes for row in door.inside.ports(box)]
    if as_json:
        print_json(rows)
    else:
        titles = ("box", "port", "how", "address", "host port", "process")
        table = [
            (r.box, f"{r.port}/{r.protocol}", r.how, r.address, r.host_port, r.process)
            for r in rows
        ]
        print_table(titles, table)


def _places(text: str) -> tuple[int, int]:
    """A port of the box and its number here, which is the same where nothing else is said."""
    port, _, here = text.partition(":")
    return _port(port), _port(here or port)


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 0 < number < 65536:
        raise UsageError(f"Not a port: {text}", hint="Write 8000, or 8000:9000 for 9000 here.")
    return number
