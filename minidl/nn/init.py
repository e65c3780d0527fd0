"""Filling parameters with first values, in place, from the global random stream or a given one."""

import math
import warnings
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, modes, transfer
from minidl.backend.dtypes import require_float
from minidl.backend.modes import no_grad
from minidl.backend.random import Generator, child, stream
from minidl.backend.threads import parallel
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.engine.writes import written


def _fill(tensor: Tensor, array: Any) -> Tensor:
    if modes.mode.bare:
        return tensor
    with no_grad():
        return tensor.copy_(Tensor(transfer.move(np.asarray(array), tensor.device)))


def _floating(name: str, tensor: Tensor) -> Tensor:
    """The tensor, which random numbers are to be written into."""
    require_tensors(name, tensor)
    require_float(name, tensor.dtype)
    return tensor


PIECE = 1 << 22  # so many numbers come from one stream in a row


def _draw(tensor: Tensor, numbers: np.random.Generator, method: str, scale: float, shift: float) -> Tensor:
    """Fill a tensor with what a stream's method, "random" or "standard_normal", gives, times `scale`, plus `shift`.

    They are drawn right into its memory where NumPy can write there, and a network needs no other. Beyond `PIECE` the
    threads draw side by side, each piece from a stream of its own: the same numbers on any number of threads.
    """
    if modes.mode.bare:
        return tensor
    array = tensor.array
    precision = np.float64 if array.dtype == np.float64 else np.float32
    own = array.dtype == precision and isinstance(array, np.ndarray) and array.flags.carray
    drawn = array if own else np.empty(array.shape, precision)
    flat = drawn.reshape(-1)

    def fill(numbers: np.random.Generator, out: np.ndarray) -> None:
        getattr(numbers, method)(dtype=precision, out=out)
        out *= scale
        if shift:
            out += shift

    if flat.size <= PIECE:
        fill(numbers, flat)
    else:
        seed = int(numbers.integers(2**64, dtype=np.uint64))
        starts = range(0, flat.size, PIECE)
        parallel(lambda start: fill(child(seed, start).numpy, flat[start : start + PIECE]), starts)
    if not own:
        return _fill(tensor, drawn)
    written(array)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Numbers uniform in [a, b)."""
    if not a <= b:
        raise ValueError(f"uniform_: expected a ≤ b, got {a} and {b}")
    return _draw(_floating("uniform_", tensor), stream(generator), "random", b - a, a)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Numbers normal with `mean` and standard deviation `std`."""
    if not std >= 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    return _draw(_floating("normal_", tensor), stream(generator), "standard_normal", std, mean)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Numbers normal with `mean` and `std`, but none outside [a, b]: the inverse distribution function of uniform ones.

    Raises
    ------
    ValueError
        Unless std > 0 and a < b, and if [a, b] lies more than 37 standard deviations from the mean.
    """
    if not (std > 0 and a < b):
        raise ValueError(f"trunc_normal_: expected std > 0 and a < b, got std={std}, a={a} and b={b}")
    side = -1 if a > mean else 1  # the distribution function is exact in its lower tail, and 1 in the upper one
    special = backend.special(np)
    p, q = sorted(special.ndtr([side * (a - mean) / std, side * (b - mean) / std]))
    if p == q:
        raise ValueError(f"trunc_normal_: no numbers of mean {mean} and std {std} lie in [{a}, {b}]")
    shape = _floating("trunc_normal_", tensor).shape
    if modes.mode.bare:
        return tensor
    drawn = mean + side * std * special.ndtri(stream(generator).uniform(p, q, shape))
    return _fill(tensor, np.clip(drawn, a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return constant_(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """The identity: 1 on the diagonal of a matrix, 0 elsewhere."""
    require_tensors("eye_", tensor)
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got {dims(tensor.shape)}")
    return _fill(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's weight that passes its input on: 1 at the centre of each channel's own kernel, 0 elsewhere.

    Parameters
    ----------
    tensor : (O, C / groups, K), (O, C / groups, KH, KW) or (…, KD, KH, KW)
    groups : in each of which as many channels as fit are passed on; divides O

    Raises
    ------
    ValueError
        For other shapes, and groups that do not divide O.
    """
    require_tensors("dirac_", tensor)
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(
            f"dirac_: expected a weight (O, C/groups, K, …) of 3 to 5 dimensions, got {dims(tensor.shape)}"
        )
    outputs, inputs, *window = tensor.shape
    if groups < 1 or outputs % groups:
        raise ValueError(f"dirac_: groups must divide {outputs} outputs, got {groups}")
    array, centre = np.zeros(tensor.shape), [n // 2 for n in window]
    for group in range(groups):
        for channel in range(min(outputs // groups, inputs)):
            place = (group * (outputs // groups) + channel, channel, *centre)
            array[place] = 1
    return _fill(tensor, array)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """A matrix normal with `std`, but a share `sparsity` of each column, rounded up, is 0. Martens (2010)."""
    if _floating("sparse_", tensor).ndim != 2:
        raise ValueError(f"sparse_: expected a matrix, got {dims(tensor.shape)}")
    normal_(tensor, 0.0, std, generator)
    array = np.array(tensor.detach().numpy())
    rows, columns = array.shape
    places = stream(generator).permuted(np.tile(np.arange(rows)[:, None], columns), axis=0)
    np.put_along_axis(array, places[: math.ceil(sparsity * rows)], 0, 0)
    return _fill(tensor, array)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A random matrix (out, in · …) whose rows, or columns if they are fewer, are orthogonal and of length `gain`.

    Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks"; uniform
    among all such matrices by the signs of the diagonal of R (Mezzadri 2007).
    """
    _floating("orthogonal_", tensor)
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, got {dims(tensor.shape)}")
    if 0 in tensor.shape:
        return tensor
    rows, columns = tensor.shape[0], fans(tensor)[0]
    q, r = np.linalg.qr(stream(generator).standard_normal((max(rows, columns), min(rows, columns))))
    q *= gain * np.sign(np.diag(r))
    return _fill(tensor, (q if rows >= columns else q.T).reshape(tensor.shape))


# --- a variance that fits the size of the layer -----------------------------------------------------------------------


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs feed an output of a weight (out, in, …), and how many outputs an input feeds."""
    require_tensors("init", tensor)
    if tensor.ndim < 2 or not tensor.array.size:
        raise ValueError(f"init: fan in and out need at least 2 dimensions and 1 element, got {dims(tensor.shape)}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much a nonlinearity lets the standard deviation shrink; `param` is the slope of "leaky_relu" (0.01).

    Raises
    ------
    ValueError
        For one that is not known.
    """
    slope = 0.01 if param is None else param
    convolutions = [f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)]
    gains = dict.fromkeys(["linear", "sigmoid", *convolutions], 1.0)
    gains |= {"tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2 / (1 + slope * slope)), "selu": 3 / 4}
    if nonlinearity not in gains:
        raise ValueError(f"init: nonlinearity must be one of {', '.join(gains)}, got {nonlinearity!r}")
    return gains[nonlinearity]


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """The standard deviation that keeps the variance through layers: gain / √fan (He et al. 2015, eq. 14-15)."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


def _is_empty(tensor: Tensor) -> bool:
    require_tensors("init", tensor)
    if 0 in tensor.shape:
        warnings.warn("init: a tensor without elements stays as it is", stacklevel=3)
    return 0 in tensor.shape


def _symmetric(tensor: Tensor, std: float, generator: Generator | None) -> Tensor:
    """Numbers uniform around 0 with standard deviation `std`."""
    bound = math.sqrt(3) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot initialisation, uniform with variance gain² · 2 / (fan_in + fan_out) (Glorot & Bengio 2010, eq. 16)."""
    return _symmetric(tensor, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot initialisation, normal with variance gain² · 2 / (fan_in + fan_out) (Glorot & Bengio 2010, eq. 12)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """LeCun initialisation, uniform with variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", eq. 16)."""
    return kaiming_uniform_(tensor, nonlinearity="linear", generator=generator)


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """LeCun initialisation, normal with variance 1 / fan_in; not truncated, as that of Keras is."""
    return kaiming_normal_(tensor, nonlinearity="linear", generator=generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He initialisation, uniform in ±√3 · `kaiming_std`."""
    if _is_empty(tensor):
        return tensor
    return _symmetric(tensor, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He initialisation, normal with standard deviation `kaiming_std`."""
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


_calculate_fan_in_and_fan_out = fans  # a name that layers written by hand use
