"""This machine: what it has, how busy it is, and what boxes use of it."""

from __future__ import annotations

from itertools import pairwise

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.plans import Said
from tui.screens.area import Area
from tui.shown import plain, size
from tui.widgets.dialog import written
from tui.widgets.plot import Plot


class HostScreen(Area):
    """Plots of CPU, memory, network and GPUs; the inventory; the boxes' part in it."""

    name_ = "host"

    def body(self) -> ComposeResult:
        with VerticalScroll(id="host"):
            yield Static("", id="inventory", markup=False)
            yield Plot("cpu", lambda value: f"{value:.1f} cores")
            yield Plot("memory", size)
            yield Plot("network", lambda value: f"{size(value)}/s")
            for _ in range(8):
                yield Plot("gpu", lambda value: f"{value:.0f} %")
            yield Static("", id="parts", markup=False)

    def on_mount(self) -> None:
        for plot in list(self.query(Plot))[3:]:
            plot.display = False
        self.query_one("#host").focus()

    @property
    def command(self) -> str:
        return "devbox host stats --watch"

    def take_in(self, what: str) -> None:
        super().take_in(what)
        if not self.is_mounted:
            return
        if what == "all":
            self.show_command()
            self._sample_all()
        if what in {"all", "host", "engine"}:
            self._show_plots()
            self.query_one("#inventory", Static).update(written(self._inventory()))
        if what in {"all", "boxes", "samples"}:
            self._sample_all()
            self.query_one("#parts", Static).update(written(self._parts()))

    def _sample_all(self) -> None:
        self.ui.watcher.visible = {
            box.name: {s.name: s.container for s in box.services if s.state == "running"}
            for box in self.ui.seen.boxes
            if any(s.state == "running" for s in box.services)
        }

    def _inventory(self) -> list[Said]:
        seen = self.ui.seen
        if seen.host is None:
            return [("Looking at this machine …", "dim")]
        host = seen.host
        lines: list[Said] = [
            (f"{plain(host.name)}: {plain(host.os)}, {host.architecture}", ""),
            (f"{host.cpus:g} cpus, {size(host.memory)} memory, {size(host.disk)} disk", ""),
        ]
        if seen.uses:
            last = seen.uses[-1]
            one, five, fifteen = last.load
            disk = f"{size(last.disk_used)} of {size(last.disk)}"
            lines.append((f"load {one:.2f} {five:.2f} {fifteen:.2f}, disk in use {disk}", ""))
        if seen.away:
            lines.append((f"engine: {seen.away}", "bad"))
        elif seen.engine:
            engine = seen.engine
            rootless = ", rootless" if engine.rootless else ""
            has = f"{engine.cpus} cpus, {size(engine.memory)}, {engine.storage_driver}"
            lines.append((f"engine: docker {engine.version}{rootless}, {has}", ""))
        for gpu in host.gpus.devices:
            lines.append((f"gpu {gpu.index}: {gpu.name}, {size(gpu.memory)}", ""))
        if host.gpus.problem:
            lines.append((f"gpu: {host.gpus.problem}", "dim"))
        return lines

    def _show_plots(self) -> None:
        uses, host = list(self.ui.seen.uses), self.ui.seen.host
        if not uses or host is None:
            return
        cpu, memory, network, *gpus = self.query(Plot)
        cpu.show([use.cpu for use in uses], host.cpus)
        memory.show([float(use.memory_used) for use in uses], float(uses[-1].memory))
        rates = [
            max(b.network_rx + b.network_tx - a.network_rx - a.network_tx, 0)
            / max(b.time - a.time, 0.1)
            for a, b in pairwise(uses)
        ]
        network.show(rates)
        for number, plot in enumerate(gpus):
            plot.display = number < len(uses[-1].gpus)
            values = [float(u.gpus[number].utilization or 0) for u in uses if len(u.gpus) > number]
            plot.show(values, 100.0)

    def _parts(self) -> list[Said]:
        """What each box uses, the largest first."""
        seen = self.ui.seen
        running = [(box, seen.last_use(box.name)) for box in seen.boxes]
        found = sorted(
            ((box, use) for box, use in running if use), key=lambda each: -each[1].memory
        )
        lines: list[Said] = [
            ("", ""),
            (f"{'box':<20} {'cpu':>6} {'memory':>8} {'limit':>8}", "dim"),
        ]
        for box, use in found:
            bounded = seen.host is not None and use.limit < seen.host.memory
            limit = size(use.limit) if bounded else "none"
            lines.append((f"{box.name:<20} {use.cpu:>6.2f} {size(use.memory):>8} {limit:>8}", ""))
        cpu = sum(use.cpu for _, use in found)
        memory = sum(use.memory for _, use in found)
        lines.append((f"{'boxes in all':<20} {cpu:>6.2f} {size(memory):>8}", ""))
        return lines
