"""What waits for connections in a box, as its kernel tells it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from devbox.boxes.identity import LIBRARY, User
from devbox.compute.engine.types import Engine
from devbox.errors import DevboxError

LONGEST_COMMAND = 100
# The engine's own name server, which answers in every container of a network.
_ENGINES_OWN = "127.0.0.11"
# Every notebook has a kernel with five sockets, which nothing but its notebook talks to.
_KERNEL = "ipykernel_launcher"


@dataclass(frozen=True)
class Listening:
    """A TCP port that something waits at: ``address`` is in the box ("0.0.0.0": all of them);
    ``pid`` is 0 and ``process`` (a command line) "" where nobody may look into it."""

    port: int
    address: str
    pid: int
    process: str


def listening(engine: Engine, container: str, user: User) -> tuple[Listening, ...]:
    """The ports that something in a running container listens on, by number."""
    found = ""
    # Without CAP_SYS_PTRACE not even root sees what a process of somebody else has open.
    for who in dict.fromkeys([str(user), "0:0"]):
        result = engine.call(container, [f"{LIBRARY}/listening"], user=who)
        if result.code:
            raise DevboxError(
                "The box does not tell which of its ports are in use.",
                detail=result.stderr.decode(errors="replace").splitlines(),
            )
        found += result.stdout.decode(errors="replace")
        if all(each.pid for each in parse(found)):
            break
    return parse(found)


def parse(output: str) -> tuple[Listening, ...]:
    """Read what the box's `listening` printed; lines that it can't have printed are skipped."""
    sockets: dict[str, tuple[str, int]] = {}
    processes: dict[str, tuple[int, str]] = {}
    for line in output.split("\n"):
        match line.split(" ", 3):
            case ["tcp" | "tcp6", place, inode] if (known := socket_address(place)) is not None:
                sockets[inode] = known
            case ["process", inode, number, command] if number.isascii() and number.isdecimal():
                # Workers share the socket of the process that started them, which came first.
                if inode not in processes or int(number) < processes[inode][0]:
                    processes[inode] = int(number), _shown(command)
    found: dict[tuple[int, int], Listening] = {}
    for inode, (address, port) in sorted(sockets.items(), key=lambda item: item[1]):
        pid, process = processes.get(inode, (0, ""))
        if address != _ENGINES_OWN and _KERNEL not in process:
            found.setdefault((port, pid), Listening(port, address, pid, process))
    return tuple(sorted(found.values(), key=lambda each: (each.port, each.address)))


def socket_address(place: str) -> tuple[str, int] | None:
    """Address and port of a place as /proc/net/tcp writes it: "0100007F:1F90" is 127.0.0.1, 8080.

    The address is in words of 32 bits of the machine's byte order, which is taken to be little
    endian. None where it is no such place.
    """
    address, _, port = place.partition(":")
    try:
        packed = bytes.fromhex(address)
        number = int(port, 16)
        words = [packed[at : at + 4][::-1] for at in range(0, len(packed), 4)]
        parsed = ipaddress.ip_address(b"".join(words))
    except ValueError:
        return None
    if not 0 < number < 65536:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(parsed), number


def _shown(command: str) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in command).strip()
    return text if len(text) <= LONGEST_COMMAND else f"{text[:LONGEST_COMMAND]}..."
