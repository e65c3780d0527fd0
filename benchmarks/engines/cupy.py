"""minidl on a GPU, through CuPy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl as md
from benchmarks.engines.minidl import Minidl
from benchmarks.engines.model import Model
from minidl import backend


class Cuda(Minidl):
    """minidl on a cuda device. What it is asked for is timed until it is done, with all that the CPU does for it.

    Raises
    ------
    RuntimeError
        If CuPy is not installed, or sees no such GPU.
    """

    variant = True
    warm_up = 10  # kernels are compiled, and the memory pool filled

    def __init__(self, device: str, dtype: Any = np.float32) -> None:
        super().__init__(dtype)
        md.cuda.synchronize(device)
        self.device, self.name = device, f"minidl {device}"

    def tensor(self, array: np.ndarray) -> md.Tensor:
        return super().tensor(array).to(self.device)

    def translate(self, model: Model) -> md.nn.Module:
        return super().translate(model).to(self.device)

    def seconds(self, call: Callable[[], Any], times: int) -> float:
        md.cuda.synchronize(self.device)
        started = time.perf_counter()
        for _ in range(times):
            call()
        md.cuda.synchronize(self.device)
        return time.perf_counter() - started

    def description(self) -> dict[str, Any]:
        """The GPU, its driver, and how CuPy computes on it."""
        cupy = backend.cupy()
        return {
            "gpu": md.cuda.get_device_name(self.device),
            "driver": cupy.cuda.runtime.driverGetVersion(),
            "cuda": cupy.cuda.runtime.runtimeGetVersion(),
            "cupy": cupy.__version__,
            "tf32": os.environ.get("CUPY_TF32", "0") == "1",  # in products of matrices
        }
