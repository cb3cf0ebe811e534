"""Machines that boxes run on: what they have, how busy they are, and their Docker engines."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devbox.compute.gpu import GpuDevice, Gpus, gpu_refusal
    from devbox.compute.host import Host, Use

__all__ = ["GpuDevice", "Gpus", "Host", "Hosts", "Use", "gpu_refusal"]


_HOMES = {"GpuDevice": "gpu", "Gpus": "gpu", "gpu_refusal": "gpu", "Host": "host", "Use": "host"}


class Hosts:
    """The machines that devbox knows; for now the one it runs on."""

    def local(self) -> Host:
        """This machine's inventory."""
        from devbox.compute.host import local

        return local()

    def gpus(self) -> Gpus:
        """This machine's NVIDIA GPUs and their live use, or why none can be used."""
        from devbox.compute.gpu import find

        return find()


def __getattr__(name: str) -> object:
    # Whoever only talks to the engine comes through here too, and has no time for the rest.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"devbox.compute.{_HOMES[name]}"), name)
