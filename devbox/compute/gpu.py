"""NVIDIA GPUs through NVML, the driver's own library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devbox.compute.engine.facts import EngineInfo

HOOK = "nvidia-container-runtime-hook"


@dataclass(frozen=True)
class GpuDevice:
    """A GPU. ``memory`` and ``used`` in bytes, ``utilization`` in percent of the last sampling
    period, ``temperature`` in degrees Celsius, ``power`` in watts; None where the GPU or its
    driver does not tell."""

    index: int
    uuid: str
    name: str
    memory: int
    used: int | None
    utilization: int | None
    temperature: int | None
    power: float | None


@dataclass(frozen=True)
class Gpus:
    """The GPUs of a host; ``problem`` says why there are none, or why some are missing."""

    devices: tuple[GpuDevice, ...]
    problem: str = ""
    driver: str = ""


def find() -> Gpus:
    """The GPUs of this machine. Never raises: whatever is wrong is the ``problem``."""
    try:
        import pynvml
    except ImportError:
        return Gpus((), "the Python package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return Gpus((), _init_problem(pynvml, error))
    try:
        return _devices(pynvml)
    finally:
        _optional(pynvml, pynvml.nvmlShutdown)


def _init_problem(nvml: Any, error: Exception) -> str:
    known = {
        nvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no NVIDIA driver is installed",
        nvml.NVML_ERROR_DRIVER_NOT_LOADED: "the NVIDIA driver is installed but not loaded",
        nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was upgraded and the old one "
        "is still loaded: a reboot is due",
        nvml.NVML_ERROR_NO_PERMISSION: "this user may not talk to the NVIDIA driver",
    }
    return known.get(getattr(error, "value", None), f"NVML does not start: {error}")


def _devices(nvml: Any) -> Gpus:
    driver = _text(_optional(nvml, nvml.nvmlSystemGetDriverVersion) or "")
    try:
        count = int(nvml.nvmlDeviceGetCount())
    except nvml.NVMLError as error:
        return Gpus((), f"NVML does not list the GPUs: {error}", driver)
    devices, problems = [], []
    for index in range(count):
        try:
            devices.append(_device(nvml, index))
        except nvml.NVMLError as error:
            problems.append(f"GPU {index}: {error}")
    if not count:
        problems.append("the NVIDIA driver sees no GPU")
    return Gpus(tuple(devices), "; ".join(problems), driver)


def _device(nvml: Any, index: int) -> GpuDevice:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = _optional(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    rates = _optional(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    sensor = nvml.NVML_TEMPERATURE_GPU
    milliwatts = _optional(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    return GpuDevice(
        index=index,
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        name=_text(_optional(nvml, nvml.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
        memory=int(memory.total) if memory else 0,
        used=int(memory.used) if memory else None,
        utilization=int(rates.gpu) if rates else None,
        temperature=_optional(nvml, nvml.nvmlDeviceGetTemperature, handle, sensor),
        power=None if milliwatts is None else milliwatts / 1000,
    )


def _optional(nvml: Any, ask: Callable[..., Any], *arguments: object) -> Any:
    """What a function answers; None where this driver or GPU does not have it."""
    try:
        return ask(*arguments)
    except nvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def gpu_refusal(engine: EngineInfo, gpus: Gpus) -> str:
    """Why a box cannot have a GPU of this host; "" where it can.

    Two things must hold: the driver sees a GPU, and the engine is able to hand it out. A
    runtime called "nvidia" without a GPU proves nothing, and an engine without such a runtime
    may still offer CDI devices or have the toolkit's hook.
    """
    import shutil

    if not gpus.devices:
        return gpus.problem or "it has no GPU"
    offers_cdi = any(device.startswith("nvidia.com/gpu") for device in engine.cdi)
    if "nvidia" in engine.runtimes or offers_cdi or shutil.which(HOOK):
        return ""
    return (
        "the Docker engine cannot hand out its GPUs "
        "(the NVIDIA Container Toolkit is not installed, or not known to the engine)"
    )
