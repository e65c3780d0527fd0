"""PyTorch, by default (contiguous N×C×H×W) and in its channels-last layout."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch

from benchmarks.engines.engine import Lacking, layers
from benchmarks.engines.imperative import Imperative
from minidl import nn

LAYERS = {
    "Conv2d": lambda l: torch.nn.Conv2d(
        l.in_channels, l.out_channels, l.kernel_size, l.stride, l.padding, groups=l.groups, bias=l.bias is not None
    ),
    "Linear": lambda l: torch.nn.Linear(l.in_features, l.out_features),
    "BatchNorm2d": lambda l: torch.nn.BatchNorm2d(l.num_features),
    "MaxPool2d": lambda l: torch.nn.MaxPool2d(l.kernel_size),
    "AvgPool2d": lambda l: torch.nn.AvgPool2d(l.kernel_size),
    "Flatten": lambda l: torch.nn.Flatten(),
    "ReLU": lambda l: torch.nn.ReLU(),
    "Tanh": lambda l: torch.nn.Tanh(),
}


class PyTorch(Imperative):
    """PyTorch as it comes."""

    name = "PyTorch"
    package = "torch"
    library = torch
    functional = torch.nn.functional
    memory_format = torch.contiguous_format

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return tensor.contiguous(memory_format=self.memory_format) if array.ndim == 4 else tensor

    def translate(self, network: nn.Module) -> torch.nn.Module:
        translated = []
        for layer in layers(network):
            if type(layer).__name__ not in LAYERS:
                raise Lacking(type(layer).__name__)
            translated.append(LAYERS[type(layer).__name__](layer))
            for name, parameter in layer.named_parameters():
                getattr(translated[-1], name).data.copy_(torch.from_numpy(parameter.array))
        return torch.nn.Sequential(*translated).to(memory_format=self.memory_format)

    def numpy(self, tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().numpy()

    @contextlib.contextmanager
    def threads(self, count: int) -> Any:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


class ChannelsLast(PyTorch):
    """PyTorch with weights and images channels last in memory."""

    name = "PyTorch channels_last"
    variant = True
    memory_format = torch.channels_last
