"""New tensors of random numbers. All are drawn from `generator`, or else from the global stream."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes, random, transfer
from minidl.backend.random import Generator, stream
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import broadcast_shapes, require_tensors, same_device
from minidl.ops.create import Device, empty_like, extent, kind, made, scalar, whole

Fill = Callable[[Array, Generator], None]


def _source(generator: Generator | None) -> Generator:
    stream(generator)  # which refuses what is none
    return random.current() if generator is None else generator


def _drawn(
    name: str, fill: Fill, size: tuple[int, ...], known: np.dtype, device: Device, generator: Generator | None
) -> Tensor:
    dtypes.require_float(name, known)
    source = _source(generator)
    tensor = made(name, lambda xp: xp.empty(size, known), size, device)
    fill(tensor.array, source)
    return tensor


def _maker(name: str, fill: Fill, what: str) -> Any:
    def make(
        *sizes: int | Sequence[int],
        size: Sequence[int] | None = None,
        generator: Generator | None = None,
        dtype: Any = None,
        device: Device = None,
        requires_grad: bool = False,
    ) -> Tensor:
        drawn = _drawn(name, fill, extent(name, sizes, size), kind(name, dtype), device, generator)
        return drawn.requires_grad_(requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of random numbers, {what}, its size given as one sequence or one by one."
    return named(make)


def _maker_like(name: str, fill: Fill, what: str) -> Any:
    def make(
        input: Tensor,
        *,
        generator: Generator | None = None,
        dtype: Any = None,
        device: Device = None,
        requires_grad: bool = False,
    ) -> Tensor:
        source = _source(generator)
        tensor = empty_like(input, dtype=dtype, device=device)
        dtypes.require_float(name, tensor.dtype)
        fill(tensor.array, source)
        return tensor.requires_grad_(requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Random numbers, {what}, of the shape of a tensor; of its dtype and device unless others are given."
    return named(make)


UNIFORM, NORMAL = "uniform in [0, 1)", "normal with mean 0 and variance 1"
rand, randn = _maker("rand", random.fill_uniform, UNIFORM), _maker("randn", random.fill_normal, NORMAL)
rand_like = _maker_like("rand_like", random.fill_uniform, UNIFORM)
randn_like = _maker_like("randn_like", random.fill_normal, NORMAL)


# --- integers ---------------------------------------------------------------------------------------------------------


@named
def randint(
    *bounds: Any,
    low: int | None = None,
    high: int | None = None,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers from low up to but without high: ``randint(high, size)`` or ``randint(low, high, size)``.

    They are int64 unless another dtype is given.

    Raises
    ------
    TypeError, ValueError
        For bounds that are no integers, between which there is none, or that the dtype can't hold.
    """
    given = [*bounds]
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if given and high is None:
        high = given.pop()
    if given and low is None:
        low = given.pop()
    if given or high is None or size is None:
        raise TypeError("randint: expected (high, size) or (low, high, size), where size is a tuple of integers")
    shape, known = extent("randint", (), size), kind("randint", dtype, dtypes.int64)
    return _integers("randint", low, high, shape, known, device, generator, requires_grad)


@named
def randint_like(
    input: Tensor,
    *bounds: int,
    low: int | None = None,
    high: int | None = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """`randint` of the shape of a tensor, and of its dtype and device unless others are given.

    Called as ``randint_like(input, high)`` or ``randint_like(input, low, high)``.
    """
    require_tensors("randint_like", input)
    given = [*bounds]
    high = given.pop() if given and high is None else high
    low = given.pop() if given and low is None else low
    if given or high is None:
        raise TypeError("randint_like: expected (input, high) or (input, low, high)")
    known, place = kind("randint_like", dtype, input.dtype), input.device if device is None else device
    return _integers("randint_like", low, high, input.shape, known, place, generator, requires_grad)


def _integers(
    name: str,
    low: Any,
    high: Any,
    size: tuple[int, ...],
    known: np.dtype,
    device: Device,
    generator: Generator | None,
    requires_grad: bool,
) -> Tensor:
    first, end = (_integer(name, bound) for bound in (0 if low is None else low, high))
    if first >= end:
        raise ValueError(f"{name}: expected low < high, got {first} and {end}")
    for extreme in (first, end - 1):
        dtypes.require_room(name, extreme, dtypes.int64)
        dtypes.require_room(name, extreme, known)

    def make(xp: Any) -> Array:
        return xp.asarray(stream(generator).integers(first, end, size).astype(known))

    return made(name, make, size, device, requires_grad)


def _integer(name: str, value: Any) -> int:
    value = value.item() if isinstance(value, Tensor) and not value.ndim else value
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: bounds must be integers, got {value!r}")
    return int(value)


@named
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """The integers from 0 up to but without n, in a random order.

    Raises
    ------
    TypeError, ValueError
        Unless n is an integer that is not negative, and for a dtype that can't hold n − 1.
    """
    count, known = whole("randperm", "n", n), kind("randperm", dtype, dtypes.int64)
    if known == dtypes.bool_:
        raise TypeError("randperm: expected an integer or floating dtype, got bool")
    dtypes.require_room("randperm", max(count - 1, 0), known)

    def make(xp: Any) -> Array:
        return xp.asarray(stream(generator).permutation(count).astype(known))

    return made("randperm", make, (count,), device, requires_grad)


# --- other distributions ----------------------------------------------------------------------------------------------


@named
def normal(
    mean: float | Tensor = 0.0,
    std: float | Tensor = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random numbers, normal with `mean` and the standard deviation `std`; no gradient flows to these.

    Parameters
    ----------
    mean, std : float or Tensor
        Tensors broadcast, and tell size, dtype and device.
    size : sequence of int
        Where both are numbers.

    Raises
    ------
    TypeError, ValueError
        For a size that is missing or given beside a tensor, and a standard deviation that is negative or NaN.
    """
    tensors = [t.detach() for t in (mean, std) if isinstance(t, Tensor)]
    if not tensors:
        center, width = (float(scalar("normal", v)) for v in (mean, std))
        if not width >= 0:
            raise ValueError(f"normal: std must not be negative, got {width}")
        shape, known = extent("normal", (), size), kind("normal", dtype)
        drawn = _drawn("normal", random.fill_normal, shape, known, device, generator)
        return (drawn * width + center).requires_grad_(requires_grad)
    if size is not None or dtype is not None or device is not None or requires_grad:
        raise TypeError("normal: size, dtype, device and requires_grad are for numbers; tensors tell their own")
    same_device("normal", *tensors)
    for t in tensors:
        dtypes.require_float("normal", t.dtype)
    if isinstance(std, Tensor):
        transfer.require_range(std.array, 0, math.inf, lambda low, high: ValueError(f"normal: std is {low} somewhere"))
    elif not scalar("normal", std) >= 0:
        raise ValueError(f"normal: std must not be negative, got {std}")
    shape = broadcast_shapes(*(t.shape for t in tensors))
    drawn = _drawn("normal", random.fill_normal, shape, tensors[0].dtype, tensors[0].device, generator)
    center, width = (t.detach().to(drawn.dtype) if isinstance(t, Tensor) else scalar("normal", t) for t in (mean, std))
    return drawn * width + center


@named
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with a probability, and otherwise 0, in the dtype of `input`; no gradient flows.

    Parameters
    ----------
    input : Tensor
        The probabilities, of a floating dtype.
    p : float, optional
        The probability of all of them, where only the shape of `input` counts.

    Raises
    ------
    ValueError
        For what is no probability.
    """
    require_tensors("bernoulli", input)
    source = _source(generator)
    if p is None:
        dtypes.require_float("bernoulli", input.dtype)
        transfer.require_range(input.array, 0, 1, _no_probability)
    elif not 0 <= scalar("bernoulli", p) <= 1:
        raise _no_probability(p, p)
    wide = dtypes.float64 if input.dtype == dtypes.float64 else dtypes.float32
    uniform = empty_like(input, dtype=wide)
    random.fill_uniform(uniform.array, source)
    with backend.using(input.device) as xp:
        return Tensor(xp.asarray(uniform.array < (input.array if p is None else p)).astype(input.dtype))


def _no_probability(low: Any, high: Any) -> Exception:
    return ValueError(f"bernoulli: expected probabilities from 0 to 1, got some from {low} to {high}")


@named
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices of categories, int64, drawn with probabilities proportional to the weights in each row. No gradient.

    Parameters
    ----------
    input : Tensor (C,) or (N, C)
        Weights, finite and not negative, in each row at least one that is not 0.
    num_samples : int
    replacement : bool
        Whether a category may be drawn again. If not, those of weight 0 come last.

    Returns
    -------
    Tensor (num_samples,) or (N, num_samples)

    Raises
    ------
    TypeError, ValueError
        For other weights, and more samples than there are categories, without replacement.
    """
    require_tensors("multinomial", input)
    dtypes.require_float("multinomial", input.dtype)
    count = whole("multinomial", "num_samples", num_samples)
    if input.ndim not in (1, 2):
        raise ValueError(f"multinomial: expected weights (C,) or (N, C), got {dims(input.shape)}")
    if count == 0:
        raise ValueError("multinomial: num_samples must be at least 1, got 0")
    if count > input.shape[-1] and not replacement:
        raise ValueError(f"multinomial: can't draw {count} of {input.shape[-1]} categories without replacement")
    weights = np.atleast_2d(transfer.move(input.array, "cpu")).astype(np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("multinomial: weights must be finite and not negative")
    if not (weights.sum(1) > 0).all():
        raise ValueError("multinomial: the weights of a row are all 0")
    numbers = stream(generator)
    if replacement:
        bounds = weights.cumsum(1)
        drawn = numbers.random((len(weights), count)) * bounds[:, -1:]
        picks = np.stack([np.searchsorted(b, u, "right") for b, u in zip(bounds, drawn, strict=True)] or [drawn])
    else:  # in a race of exponential clocks, each comes first in proportion to its rate
        clocks = numbers.standard_exponential(weights.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            clocks = np.where(weights > 0, clocks / weights, np.inf)
        picks = clocks.argsort(1)[:, :count]
    shape = (*input.shape[:-1], count)
    return Tensor(transfer.move(picks.astype(np.int64).reshape(shape), input.device))


def get_rng_state() -> Tensor:
    """Where the global stream stands, as bytes."""
    return Tensor(random.current().get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Let the global stream stand where `get_rng_state` said."""
    random.current().set_state(new_state)
