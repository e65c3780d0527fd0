"""PyTorch: by default (contiguous N×C×H×W), in its channels-last layout, compiled, and on a GPU."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.engines.engine import Lacking, Work
from benchmarks.engines.imperative import Imperative
from benchmarks.engines.model import Model


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

    def translate(self, model: Model) -> torch.nn.Module:
        network = model.build(torch.nn)
        weights = (torch.from_numpy(np.array(array)) for array in model.weights)
        network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
        return network.to(memory_format=self.memory_format)

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


class Compiled(PyTorch):
    """PyTorch's networks through ``torch.compile``: for the functions alone nothing is compiled.

    Raises
    ------
    Lacking
        Where its compiler does not work on this machine, with what it says.
    """

    name = "PyTorch compiled"
    package = "torch.compile"
    variant = True
    warm_up = 3

    def translate(self, model: Model) -> torch.nn.Module:
        network = super().translate(model)
        network.compile()
        return network

    def inference(self, model: Model, images: np.ndarray) -> Work:
        return working(super().inference(model, images))

    def gradients(self, model: Model, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        return working(super().gradients(model, images, cotangent, of_images))

    def training(self, model: Model, images: np.ndarray, targets: np.ndarray) -> Work:
        return working(super().training(model, images, targets))

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        raise Lacking("network in it")

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        raise Lacking("network in it")

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        raise Lacking("network in it")


def working(work: Work) -> Work:
    """The same, but where ``torch.compile`` fails it is left out."""

    def outputs() -> list[np.ndarray]:
        try:
            return work.outputs() if work.outputs else []
        except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
            first = str(error).strip().partition("\n")[0]
            raise Lacking(f"working compiler here: {type(error).__name__}: {first}") from error

    return Work(work.call, outputs)


class TorchCuda(PyTorch):
    """PyTorch on a GPU, in float32 without TF32. What it is asked for is timed until it is done.

    Raises
    ------
    Lacking
        When a tensor is asked for and this PyTorch has no such GPU.
    """

    variant = True
    warm_up = 10

    def __init__(self, device: str) -> None:
        self.device, self.name = device, f"PyTorch {device}"
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        return self.moved(super().tensor(array))

    def translate(self, model: Model) -> torch.nn.Module:
        return self.moved(super().translate(model))

    def moved(self, what: Any) -> Any:
        """A tensor or a network on the GPU."""
        if not torch.cuda.is_available():
            raise Lacking(f"GPU: torch {torch.__version__} finds none")
        return what.to(self.device)

    def numpy(self, tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().cpu().numpy()

    def seconds(self, call: Callable[[], Any], times: int) -> float:
        torch.cuda.synchronize(self.device)
        started = time.perf_counter()
        for _ in range(times):
            call()
        torch.cuda.synchronize(self.device)
        return time.perf_counter() - started


class TorchCudaChannelsLast(TorchCuda):
    """The same, channels last in memory."""

    memory_format = torch.channels_last

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.name += " channels_last"
