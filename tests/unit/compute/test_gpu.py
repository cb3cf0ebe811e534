"""GPUs, through the real nvidia-ml-py over a stand-in for NVIDIA's library."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devbox.compute import Gpus, gpu_refusal
from devbox.compute.engine.fakefacts import INFO
from devbox.compute.gpu import GpuDevice

SOURCE = Path(__file__).with_name("fake_nvml.c")
ASK = """
import dataclasses, json
from devbox.compute import Hosts
print(json.dumps(dataclasses.asdict(Hosts().gpus())))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stand-in library. What it does is up to FAKE_NVML_* variables."""
    if not shutil.which("gcc") or not sys.platform.startswith("linux"):
        pytest.skip("no gcc on Linux to build the stand-in library with")
    folder = tmp_path_factory.mktemp("nvml")
    name = "libnvidia-ml.so.1"
    options = ["-shared", "-fPIC", "-w", f"-Wl,-soname,{name}", "-o", str(folder / name)]
    subprocess.run(["gcc", *options, str(SOURCE)], check=True)
    return folder


def ask(library: Path, **settings: int) -> dict[str, Any]:
    variables = {f"FAKE_NVML_{name.upper()}": str(value) for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, **variables, "LD_LIBRARY_PATH": str(library)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_gpus(library: Path) -> None:
    found = ask(library, gpus=2)
    assert (found["problem"], found["driver"]) == ("", "550.54.15")
    assert found["devices"][1] == {
        "index": 1,
        "uuid": "GPU-fake-1",
        "name": "Fake GPU",
        "memory": 80 << 30,
        "used": 2 << 30,
        "utilization": 20,
        "temperature": 41,
        "power": 61.0,
    }


@pytest.mark.parametrize(
    ("code", "words"),
    [(9, "not loaded"), (18, "reboot"), (4, "may not"), (999, "does not start")],
)
def test_nvml_that_does_not_start(library: Path, code: int, words: str) -> None:
    found = ask(library, init=code)
    assert words in found["problem"]
    assert found["devices"] == []


def test_a_driver_without_gpus(library: Path) -> None:
    assert ask(library, gpus=0)["problem"] == "the NVIDIA driver sees no GPU"


def test_what_a_gpu_does_not_tell_is_none(library: Path) -> None:
    (device,) = ask(library, gpus=1, unsupported=3)["devices"]
    assert device["utilization"] is None
    assert device["power"] is None
    assert device["used"] is None
    assert device["memory"] == 0


def test_one_of_two_is_lost(library: Path) -> None:
    found = ask(library, gpus=2, lost=0)
    assert [device["index"] for device in found["devices"]] == [1]
    assert found["problem"].startswith("GPU 0: ")


def test_an_old_driver_lacks_functions(library: Path, tmp_path: Path) -> None:
    name = "libnvidia-ml.so.1"
    options = ["-DOLD", "-shared", "-fPIC", "-w", "-o", str(tmp_path / name)]
    subprocess.run(["gcc", *options, str(SOURCE)], check=True)
    (device,) = ask(tmp_path, gpus=1)["devices"]
    assert (device["temperature"], device["power"]) == (None, None)
    assert device["memory"] == 80 << 30


def test_no_library(tmp_path: Path) -> None:
    if ask(tmp_path)["devices"]:
        pytest.skip("this machine has real GPUs")
    assert ask(tmp_path)["problem"]


DEVICE = GpuDevice(0, "GPU-1", "Fake", 1, 0, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("devices", "runtimes", "cdi", "hook", "refused"),
    [
        ((), ("runc", "nvidia"), ("nvidia.com/gpu=0",), True, "no driver"),
        ((DEVICE,), ("runc",), (), False, "cannot hand out"),
        ((DEVICE,), ("runc",), ("other.com/nic=0",), False, "cannot hand out"),
        ((DEVICE,), ("runc", "nvidia"), (), False, ""),
        ((DEVICE,), ("runc",), ("nvidia.com/gpu=all",), False, ""),
        ((DEVICE,), ("runc",), (), True, ""),
    ],
)
def test_a_gpu_must_be_there_and_be_handed_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    devices: tuple[GpuDevice, ...],
    runtimes: tuple[str, ...],
    cdi: tuple[str, ...],
    hook: bool,
    refused: str,
) -> None:
    if hook:
        (tmp_path / "nvidia-container-runtime-hook").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    info = dataclasses.replace(INFO, runtimes=runtimes, cdi=cdi)
    refusal = gpu_refusal(info, Gpus(devices, "" if devices else "no driver"))
    assert refused in refusal if refused else refusal == ""
