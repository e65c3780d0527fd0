"""New tensors of a given size, filled with one value, or counted."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import expand
from minidl.engine.require import require_tensors, same_dtype
from minidl.ops.from_data import tensor
from minidl.ops.shape import reshape

Device = str | int | None


def whole(name: str, what: str, value: Any) -> int:
    """An integer that is not negative: Python's, NumPy's, or the one in a tensor.

    Raises
    ------
    TypeError, ValueError
        In the name of a function, for what is none.
    """
    integer = value.item() if isinstance(value, (Tensor, np.ndarray)) and math.prod(value.shape) == 1 else value
    if isinstance(integer, bool) or not isinstance(integer, (int, np.integer)):
        raise TypeError(f"{name}: {what} must be an integer, got {value!r}")
    if integer < 0:
        raise ValueError(f"{name}: {what} must not be negative, got {integer}")
    return int(integer)


def extent(name: str, given: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The size of a new tensor, given one by one, as one sequence, or by name.

    Raises
    ------
    TypeError, ValueError
        In the name of a function, for a size that is missing, given twice, or no sequence of integers.
    """
    if (size is None) == (not given):
        raise TypeError(f"{name}: expected its size {'once' if given else 'as integers or as one sequence of them'}")
    if size is None:
        size = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"{name}: size must be a tuple of integers, got {size!r}")
    return tuple(whole(name, "a size", n) for n in size)


def made(
    name: str, make: Callable[[Any], Array], size: tuple[int, ...], device: Device, requires_grad: bool = False
) -> Tensor:
    """``make(xp)``, an array of `size` on a device, as a tensor; RuntimeError where no memory has room for it."""
    try:
        with backend.using(device) as xp:
            return Tensor(make(xp), requires_grad)
    except (MemoryError, ValueError) as error:
        if isinstance(error, ValueError) and math.prod(size) < 2**40:
            raise
        raise RuntimeError(f"{name}: there is no memory for {dims(size)}") from None


def kind(name: str, dtype: Any, default: np.dtype | None = None) -> np.dtype:
    """The dtype of a new tensor, where none is given `default`, or else the default float."""
    return dtypes.resolve(name, dtype) if dtype is not None else dtypes.default_float if default is None else default


# --- one value --------------------------------------------------------------------------------------------------------


def _filled(name: str, what: str) -> Any:
    def make(
        *sizes: int | Sequence[int],
        size: Sequence[int] | None = None,
        dtype: Any = None,
        device: Device = None,
        requires_grad: bool = False,
    ) -> Tensor:
        shape, known = extent(name, sizes, size), kind(name, dtype)
        return made(name, lambda xp: getattr(xp, name)(shape, known), shape, device, requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of {what}, its size given as one sequence or one by one."
    return named(make)


zeros, ones, empty = _filled("zeros", "zeros"), _filled("ones", "ones"), _filled("empty", "whatever its memory holds")


@named
def full(
    size: Sequence[int],
    fill_value: float | Tensor,
    *,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of `size`, every element `fill_value`, in its dtype (bool, int64 or the default float) or another.

    Raises
    ------
    ValueError
        If the dtype can't hold the value.
    """
    value, shape = scalar("full", fill_value), extent("full", (), size)
    known = kind("full", dtype, dtypes.scalar_dtype(value))
    element = dtypes.number("full", value, known)
    return made("full", lambda xp: xp.full(shape, element, known), shape, device, requires_grad)


def scalar(name: str, value: Any) -> Any:
    """A number, or the one in a 0-d tensor; TypeError, in the name of a function, for anything else."""
    value = value.item() if isinstance(value, Tensor) and not value.ndim else value
    if not isinstance(value, dtypes.SCALARS):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    return value


@named
def full_like(
    input: Tensor, fill_value: float | Tensor, *, dtype: Any = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of one value, of the shape of another, and of its dtype and device unless others are given.

    Raises
    ------
    ValueError
        If the dtype can't hold the value.
    """
    return _like("full_like", input, scalar("full_like", fill_value), dtype, device, requires_grad)


@named
def zeros_like(input: Tensor, *, dtype: Any = None, device: Device = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape of a tensor, and of its dtype and device unless others are given."""
    return _like("zeros_like", input, 0, dtype, device, requires_grad)


@named
def ones_like(input: Tensor, *, dtype: Any = None, device: Device = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape of a tensor, and of its dtype and device unless others are given."""
    return _like("ones_like", input, 1, dtype, device, requires_grad)


@named
def empty_like(input: Tensor, *, dtype: Any = None, device: Device = None, requires_grad: bool = False) -> Tensor:
    """A tensor that is not filled, of the shape of another, and of its dtype and device unless others are given."""
    return _like("empty_like", input, None, dtype, device, requires_grad)


def _like(name: str, input: Tensor, value: float | None, dtype: Any, device: Device, requires_grad: bool) -> Tensor:
    """A tensor in the memory order of `input`, of one value or (None) of none."""
    require_tensors(name, input)
    known = kind(name, dtype, input.dtype)
    element = None if value is None else dtypes.number(name, value, known)
    order = np.argsort([-stride for stride in input.array.strides], kind="stable").tolist()

    def make(xp: Any) -> Array:
        size = tuple(input.shape[i] for i in order)
        array = xp.empty(size, known) if element is None else xp.full(size, element, known)
        return array.transpose(np.argsort(order).tolist())

    return made(name, make, input.shape, input.device if device is None else device, requires_grad)


# --- beside a tensor --------------------------------------------------------------------------------------------------


def _new(name: str, maker: Any, what: str) -> Any:
    def make(self: Tensor, *args: Any, dtype: Any = None, device: Device = None, **options: Any) -> Tensor:
        dtype, device = self.dtype if dtype is None else dtype, self.device if device is None else device
        return maker(*args, dtype=dtype, device=device, **options)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A new tensor {what}; in the dtype and on the device of this one, unless others are given."
    return named(make)


METHODS = {
    "new_zeros": _new("new_zeros", zeros, "of zeros"),
    "new_ones": _new("new_ones", ones, "of ones"),
    "new_empty": _new("new_empty", empty, "that is not filled"),
    "new_full": _new("new_full", full, "of one value"),
    "new_tensor": _new("new_tensor", tensor, "with a copy of data"),
}


# --- counted ----------------------------------------------------------------------------------------------------------


@named
def arange(
    *bounds: float,
    start: float | None = None,
    end: float | None = None,
    step: float | None = None,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from start up to but without end, by step: ``arange(end)``, or ``arange(start, end, step=1)``.

    They are int64 if all bounds are integers, or else of the default float. An integer dtype takes the whole part of
    each bound.

    Raises
    ------
    TypeError, ValueError
        For an end that is missing, a step of 0 or away from the end, and numbers that the dtype can't hold.
    """
    names = ("end",) if len(bounds) == 1 and end is None else ("start", "end", "step")
    given: dict[str, Any] = {"start": start, "end": end, "step": step}
    for name, value in zip(names, bounds, strict=False):
        if given[name] is not None:
            raise TypeError(f"arange: {name} is given twice")
        given[name] = value
    if given["end"] is None or len(bounds) > 3:
        raise TypeError(f"arange: expected (end) or (start, end, step), got {len(bounds)} by position")
    low, high, by = (scalar("arange", d if v is None else v) for v, d in zip(given.values(), (0, None, 1), strict=True))
    found = dtypes.default_float if any(isinstance(v, (float, np.floating)) for v in (low, high, by)) else dtypes.int64
    known = _countable("arange", kind("arange", dtype, found))
    if not all(-math.inf < v < math.inf for v in (low, high, by)):
        raise ValueError(f"arange: expected finite bounds, got {low}, {high} and {by}")
    exact = dtypes.int64 if known.kind in "iu" else dtypes.float64
    for bound in (low, high, by):
        dtypes.require_room("arange", bound, exact)
    if known.kind in "iu":
        low, high, by = int(low), int(high), int(by)
    if by == 0 or (high - low) * by < 0:
        raise ValueError(f"arange: from {low} to {high} by {by} there is no way")
    count = -((low - high) // by) if known.kind in "iu" else math.ceil((high - low) / by)
    if count:
        dtypes.require_room("arange", low, known)
        dtypes.require_room("arange", low + (count - 1) * by, known)

    def make(xp: Any) -> Array:
        return (xp.arange(count, dtype=exact) * by + low).astype(known, copy=False)

    return made("arange", make, (count,), device, requires_grad)


def _countable(name: str, dtype: np.dtype) -> np.dtype:
    if dtype == dtypes.bool_:
        raise TypeError(f"{name}: numbers are counted in an integer or floating dtype, got bool")
    return dtype


def _between(name: str, start: Any, end: Any, steps: Any, dtype: Any) -> tuple[np.ndarray, np.dtype]:
    """`steps` numbers in float64, from start to end, from both ends to the middle; and the dtype that is wanted."""
    low, high, count = scalar(name, start), scalar(name, end), whole(name, "steps", steps)
    known = _countable(name, kind(name, dtype))
    low, high = (float(dtypes.number(name, v, known)) if known.kind in "iu" else v for v in (low, high))
    try:
        low, high = np.float64(low), np.float64(high)
    except OverflowError:
        raise ValueError(f"{name}: a bound is out of range for {known}") from None
    with np.errstate(all="ignore"):
        step = (high - low) / max(count - 1, 1)
        i = np.arange(count)
        return np.where(i < (count + (count == 1)) // 2, low + step * i, high - step * (count - 1 - i)), known


@named
def linspace(
    start: float | Tensor,
    end: float | Tensor,
    steps: int,
    *,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from start to end, both included, at equal distances.

    Raises
    ------
    TypeError, ValueError
        For a number of steps that is none, and bounds that an integer dtype can't hold.
    """
    values, known = _between("linspace", start, end, steps, dtype)
    return _counted("linspace", values, known, device, requires_grad)


@named
def logspace(
    start: float | Tensor,
    end: float | Tensor,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """base to the powers of ``linspace(start, end, steps)``."""
    values, known = _between("logspace", start, end, steps, dtype)
    with np.errstate(all="ignore"):
        values = np.float64(scalar("logspace", base)) ** values
    return _counted("logspace", values, known, device, requires_grad)


def _counted(name: str, values: np.ndarray, known: np.dtype, device: Device, requires_grad: bool) -> Tensor:
    for extreme in (values.min(), values.max()) if values.size and known.kind in "iu" else ():
        dtypes.require_room(name, extreme, known)
    with np.errstate(all="ignore"):
        array = values.astype(known)
    return made(name, lambda xp: xp.asarray(array), array.shape, device, requires_grad)


@named
def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """A matrix of n × m, by default square, with ones on its diagonal and zeros elsewhere."""
    size = whole("eye", "n", n), whole("eye", "n" if m is None else "m", n if m is None else m)
    known = kind("eye", dtype)
    return made("eye", lambda xp: xp.eye(*size, dtype=known), size, device, requires_grad)


@named
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: of each 0-d or 1-d tensor a view, in which it varies along a dimension of its own.

    Parameters
    ----------
    *tensors : Tensors, or one sequence of them
    indexing : {"ij", "xy"}
        "xy" swaps the first two dimensions.

    Raises
    ------
    TypeError, ValueError
        For no tensors, tensors of more dimensions or of several dtypes, and another `indexing`.
    """
    axes = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    if not axes or indexing not in ("ij", "xy"):
        raise ValueError(f"expected tensors, and indexing 'ij' or 'xy', got {len(axes)} and {indexing!r}")
    require_tensors("meshgrid", *axes)
    if any(axis is None or axis.ndim > 1 for axis in axes):
        raise ValueError(f"expected tensors of 1 dimension, got {', '.join(dims(axis.shape) for axis in axes)}")
    same_dtype("meshgrid", *axes)
    places = [*range(len(axes))]
    if indexing == "xy" and len(axes) > 1:
        places[:2] = 1, 0
    size = [0] * len(axes)
    for place, axis in zip(places, axes, strict=True):
        size[place] = axis.array.size
    return tuple(
        expand(reshape(axis, tuple(axis.array.size if i == place else 1 for i in range(len(axes)))), size=tuple(size))
        for place, axis in zip(places, axes, strict=True)
    )
