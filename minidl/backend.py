"""Arrays and where they live: NumPy on the CPU, CuPy on a GPU; moving between them; random streams."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # a numpy.ndarray or a cupy.ndarray


def cupy() -> ModuleType:
    """CuPy, imported when a cuda device is first asked for.

    Raises
    ------
    RuntimeError
        If CuPy is not installed, with the command that installs it.
    """
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(
            "cuda: CuPy is not installed; pip install 'minidl[cuda12]' (or 'minidl[cuda13]'), to match the driver"
        ) from error
    return cupy


def namespace(*arguments: Any) -> ModuleType:
    """The module whose functions work on these arrays: ``numpy``, or ``cupy`` as soon as one of them is CuPy's."""
    for argument in arguments:
        if type(argument) is not np.ndarray and type(argument).__module__.partition(".")[0] == "cupy":
            return cupy()
    return np


def special(xp: ModuleType) -> ModuleType:
    """SciPy's special functions for the arrays of a namespace; imported when first asked for."""
    return importlib.import_module("scipy.special" if xp is np else "cupyx.scipy.special")


def sparse(xp: ModuleType) -> ModuleType:
    """SciPy's sparse matrices for the arrays of a namespace; imported when first asked for."""
    return importlib.import_module("scipy.sparse" if xp is np else "cupyx.scipy.sparse")


def is_array(value: Any) -> bool:
    """Whether `value` is an array of one of the backends."""
    return isinstance(value, np.ndarray) or (hasattr(value, "dtype") and namespace(value) is not np)


def device_of(array: Array) -> str:
    """``"cpu"`` or ``"cuda:N"``."""
    return "cpu" if namespace(array) is np else f"cuda:{array.device.id}"


def check_device(device: str) -> tuple[str, int]:
    """Split ``"cpu"``, ``"cuda"`` or ``"cuda:N"`` into kind and index.

    Raises
    ------
    ValueError
        For any other name.
    """
    kind, _, index = str(device).partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdigit()) or (kind == "cpu" and index):
        raise ValueError(f"device: expected 'cpu', 'cuda' or 'cuda:N', got {device!r}")
    return kind, int(index or 0)


def move(array: Array, device: str) -> Array:
    """The array on `device`: itself where it already is there, a copy otherwise."""
    kind, index = check_device(device)
    if kind == "cpu":
        return array if namespace(array) is np else array.get()
    gpu = cupy()
    if gpu.cuda.runtime.getDeviceCount() <= index:
        raise RuntimeError(f"{device}: no such GPU; {gpu.cuda.runtime.getDeviceCount()} present")
    with gpu.cuda.Device(index):
        return gpu.asarray(array)


class Generator:
    """A seeded stream of random numbers (``torch.Generator``).

    Attributes
    ----------
    numpy : numpy.random.Generator
        The stream itself: counter-based Philox4x64-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
        1, 2, 3").
    """

    def __init__(self) -> None:
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed` (a non-negative integer) and return the generator."""
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"manual_seed: expected a non-negative integer, got {seed!r}")
        self.seed = int(seed)
        self.numpy = np.random.Generator(np.random.Philox(self.seed))
        return self

    def initial_seed(self) -> int:
        """The seed that the stream was last started from."""
        return self.seed


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the global stream, from which initialisers, dropout and loaders draw unless told otherwise."""
    return default_generator.manual_seed(seed)


def dims(shape: tuple[int, ...]) -> str:
    """A shape as error messages show it: ``20×3×5×5``."""
    return "×".join(map(str, shape)) if shape else "a scalar"
