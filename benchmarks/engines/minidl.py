"""minidl itself: on the CPU, and in float64 without fused kernels as the reference that all are held to."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

import minidl as md
from benchmarks.engines.imperative import Imperative
from benchmarks.engines.model import Model


class Minidl(Imperative):
    """minidl, in float32 unless told otherwise."""

    name = "minidl"
    package = "minidl"
    library = md
    functional = md.functional

    def __init__(self, dtype: Any = np.float32) -> None:
        self.dtype = dtype

    def tensor(self, array: np.ndarray) -> md.Tensor:
        """Images of more than 3 channels come out of a layer, channels last in memory; others from a data set."""
        if array.dtype.kind == "f":
            array = array.astype(self.dtype)
        if array.ndim == 4 and array.shape[1] > 3:
            array = np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        return md.from_numpy(array)

    def translate(self, model: Model) -> md.nn.Module:
        network = model.build(md.nn)
        network.load_state_dict(dict(zip(network.state_dict(), map(md.tensor, model.weights), strict=True)))
        return network.to(self.dtype)

    def numpy(self, tensor: md.Tensor) -> np.ndarray:
        return tensor.detach().numpy()

    @contextlib.contextmanager
    def threads(self, count: int) -> Any:
        before = md.get_num_threads()
        md.set_num_threads(count)
        try:
            yield
        finally:
            md.set_num_threads(before)
