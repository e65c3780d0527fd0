"""minidl on a GPU, through CuPy, timed by the GPU's own events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minidl as md
from benchmarks.engines.minidl import Minidl
from minidl import backend


class Cuda(Minidl):
    """minidl on a cuda device.

    Raises
    ------
    RuntimeError
        If CuPy is not installed, or sees no such GPU.
    """

    variant = True
    warm_up = 10  # kernels are compiled, and the memory pool filled

    def __init__(self, device: str) -> None:
        super().__init__()
        _, index = backend.check_device(device)
        cupy = backend.cupy()
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise RuntimeError(f"{device}: CuPy finds no GPU ({error})") from error
        if index >= count:
            raise RuntimeError(f"{device}: no such GPU; {count} present")
        self.device, self.index, self.cupy = device, index, cupy
        self.name = f"minidl {device}"

    def tensor(self, array: np.ndarray) -> md.Tensor:
        return super().tensor(array).to(self.device)

    def translate(self, network: md.nn.Module) -> md.nn.Module:
        return super().translate(network).to(self.device)

    def numpy(self, tensor: md.Tensor) -> np.ndarray:
        return super().numpy(tensor.to("cpu"))

    def seconds(self, call: Callable[[], Any], times: int) -> float:
        with self.cupy.cuda.Device(self.index):
            started, ended = self.cupy.cuda.Event(), self.cupy.cuda.Event()
            started.record()
            for _ in range(times):
                call()
            ended.record()
            ended.synchronize()
        return self.cupy.cuda.get_elapsed_time(started, ended) / 1e3  # it counts milliseconds
