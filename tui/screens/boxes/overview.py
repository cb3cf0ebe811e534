"""A box in lines for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.plans import Said
from tui.shown import ago, plain, size, span

if TYPE_CHECKING:
    from devbox.boxes import BoxView
    from devbox.boxes.idle import Idle
    from devbox.boxes.status import Status

STATES = {"running": "good", "partial": "warn", "unfinished": "warn"}


def known_lines(box: BoxView) -> list[Said]:
    """What is known at once."""
    lines: list[Said] = [
        (f"state    {box.state}  {box.status}", STATES.get(box.state, "dim")),
        (f"profile  {box.profile or '-'}", ""),
        (f"image    {box.image}", ""),
        (f"project  {plain(box.project) or 'not known'}", ""),
    ]
    if box.idle:
        lines.append((f"use      {_use(box.idle)}", ""))
    for port in box.ports:
        lines.append((f"port     {port.port} at {port.address}:{port.host_port}", ""))
    for service in box.services:
        health = f", {service.health}" if service.health else ""
        tone = "" if service.state == "running" else "warn"
        lines.append((f"service  {service.name}: {service.state}{health}", tone))
    return lines


def status_lines(status: Status, box: BoxView) -> list[Said]:
    """All of it."""
    lines = known_lines(box)
    if status.started:
        lines.append((f"up       {ago(status.started)}", ""))
    cpus = f"{status.cpus:g}" if status.cpus else "no limit"
    memory = size(status.memory) if status.memory else "no limit"
    lines.append((f"limits   cpus {cpus}, memory {memory}, shared {size(status.shm_size)}", ""))
    if status.gpus:
        lines.append((f"gpus     {', '.join(status.gpus)}", ""))
    if status.git:
        dirty = ", uncommitted changes" if status.git.dirty else ""
        branch = status.git.branch or "no branch"
        lines.append((f"git      {plain(branch)} at {status.git.commit[:10]}{dirty}", ""))
    lines += [(f"volume   {volume}", "") for volume in status.volumes]
    if status.lock:
        lines.append((f"lock     {status.lock}", ""))
    if status.work:
        lines += [("", ""), ("Runs in it now", "dim")]
        lines += [(f"  {plain(str(work))}", "") for work in status.work]
    if status.problem:
        lines += [("", ""), (f"The next up is not possible: {plain(status.problem)}", "bad")]
    elif status.pending:
        count = len(status.pending)
        what = "1 change" if count == 1 else f"{count} changes"
        lines += [("", ""), (f"{what} of devbox.toml not applied · u applies, p shows", "warn")]
        for change in status.pending:
            lines += [(f"  {change.key}: {plain(line)}", "") for line in change.lines]
    if status.by_hand.lines:
        lines += [("", ""), ("Installed or changed by hand: goes with the container", "warn")]
        lines += [(f"  {plain(line)}", "") for line in status.by_hand.lines]
    return lines


def _use(idle: Idle) -> str:
    if idle.state == "idle":
        return f"idle, stops in {span(idle.left)}"
    if idle.state == "kept":
        return f"kept for {span(idle.left)}"
    return f"{idle.state}: {idle.reason}"
