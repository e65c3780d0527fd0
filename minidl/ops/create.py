"""Making tensors: from data, filled, counted, drawn at random; and moving them to another dtype or device."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dtypes, random, transfer
from minidl.backend.random import Generator
from minidl.engine.core import Tensor
from minidl.engine.op import cast, op
from minidl.ops.shape import sizes


def tensor(data: Any, dtype: Any = None, device: str | int | None = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, a nested sequence, an array or a Tensor.

    Python floats become float32, ints int64; arrays keep their dtype unless `dtype` is given.

    Raises
    ------
    TypeError, ValueError
        For what is not numbers, and for ragged sequences.
    """
    if isinstance(data, Tensor):
        data = data.array
    if not backend.is_array(data):
        try:
            data = np.asarray(data)
        except ValueError as error:
            raise ValueError(f"tensor: the rows of a nested sequence must be of one length ({error})") from None
        if dtype is None and data.dtype == np.float64:
            dtype = dtypes.DEFAULT_FLOAT
    if data.dtype.kind not in "buif":
        raise TypeError(f"tensor: expected numbers, got data of dtype {data.dtype}")
    with backend.current(data):
        array = data.astype(dtype or data.dtype, copy=True)
    if device is None and not backend.on_gpu(array):
        device = backend.get_default_device()
    return Tensor(array if device is None else transfer.move(array, device), requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array."""
    return Tensor(array)


def _filled(name: str, what: str) -> Any:
    def make(
        *size: int | Sequence[int],
        dtype: Any = dtypes.DEFAULT_FLOAT,
        device: str | int | None = None,
        requires_grad: bool = False,
    ) -> Tensor:
        with backend.using(device) as xp:
            return Tensor(getattr(xp, name)(sizes(size), dtype or dtypes.DEFAULT_FLOAT), requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of {what}, its size given as one sequence or one by one."
    return make


zeros, ones, empty = _filled("zeros", "zeros"), _filled("ones", "ones"), _filled("empty", "whatever its memory holds")


def full(
    size: Sequence[int],
    fill_value: float,
    dtype: Any = None,
    device: str | int | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of `size`, every element `fill_value`."""
    dtype = dtypes.scalar_dtype(fill_value) if dtype is None else dtype
    with backend.using(device) as xp:
        return Tensor(xp.full(tuple(size), fill_value, dtype), requires_grad)


def arange(
    start: float, end: float | None = None, step: float = 1, dtype: Any = None, device: str | int | None = None
) -> Tensor:
    """The numbers from `start` (0 where only one bound is given) up to but without `end`, by `step`."""
    low, high = (0, start) if end is None else (start, end)
    dtype = dtypes.result_type((low, high, step)) if dtype is None else dtype
    with backend.using(device) as xp:
        return Tensor(xp.arange(low, high, step).astype(dtype, copy=False))


def zeros_like(input: Tensor, dtype: Any = None, device: str | int | None = None) -> Tensor:
    """Zeros of the shape of a tensor, and of its dtype and device unless others are given."""
    return _alike(input, 0, dtype, device)


def ones_like(input: Tensor, dtype: Any = None, device: str | int | None = None) -> Tensor:
    """Ones of the shape of a tensor, and of its dtype and device unless others are given."""
    return _alike(input, 1, dtype, device)


def _alike(input: Tensor, value: float, dtype: Any, device: Any) -> Tensor:
    if device is None:
        return Tensor(backend.full_like(input.array, value, dtype))
    with backend.using(device) as xp:
        return Tensor(xp.full(input.shape, value, dtype or input.dtype))


def _drawn(fill: Callable[[Array, Generator], None], what: str) -> Any:
    def make(
        *size: int | Sequence[int],
        generator: Generator | None = None,
        dtype: Any = dtypes.DEFAULT_FLOAT,
        device: str | int | None = None,
        requires_grad: bool = False,
    ) -> Tensor:
        with backend.using(device) as xp:
            array = xp.empty(sizes(size), dtype or dtypes.DEFAULT_FLOAT)
        fill(array, generator or random.default_generator)
        return Tensor(array, requires_grad)

    make.__doc__ = f"A tensor of random numbers, {what}, its size given as one sequence or one by one."
    return make


rand = _drawn(random.fill_uniform, "uniform in [0, 1)")
randn = _drawn(random.fill_normal, "normal with mean 0 and variance 1")


def randint(
    low: int,
    high: int,
    size: Sequence[int],
    *,
    generator: Generator | None = None,
    dtype: Any = dtypes.int64,
    device: str | int | None = None,
) -> Tensor:
    """Random integers from `low` up to but without `high`."""
    drawn = (generator or random.default_generator).numpy.integers(low, high, tuple(size)).astype(dtype)
    with backend.using(device) as xp:
        return Tensor(xp.asarray(drawn))


def to(x: Tensor, *target: Any, device: str | int | None = None, dtype: Any = None) -> Tensor:
    """x on another device or in another dtype (or both); itself where it is so already. Gradients flow through.

    Raises
    ------
    ValueError
        For what is neither a device name nor a dtype.
    """
    for place in [place for place in (*target, device, dtype) if place is not None]:
        if isinstance(place, int) or (isinstance(place, str) and place.partition(":")[0] in ("cpu", "cuda")):
            name = backend.device_name(place)
            x = x if x.device == name else to_device(x, name, x.device)
        else:
            try:
                wanted = np.dtype(place)
            except TypeError:
                raise ValueError(f"to: {place!r} is neither a device nor a dtype") from None
            x = x if x.dtype == wanted else cast(x, wanted)
    return x


def cpu(x: Tensor) -> Tensor:
    """x on the CPU; itself if it is there. Gradients flow through."""
    return to(x, "cpu")


def cuda(x: Tensor, device: str | int | None = None) -> Tensor:
    """x on a GPU, given by its name or number, or the first; itself if it is there. Gradients flow through."""
    return to(x, backend.gpu(device).id)


@op
def to_device(xp, x, *, device, source):
    """x, which is on `source`, copied to `device`."""
    return transfer.move(x, device)


to_device.vjp(x=lambda g, device, source: to_device(g, source, device))
