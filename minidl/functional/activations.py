"""Activations that are made of others; `relu`, `sigmoid`, `tanh`, `softplus`, … are ops themselves."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from minidl.backend import dims
from minidl.backend.dtypes import require_float
from minidl.engine.composed import in_single, named
from minidl.engine.core import Tensor
from minidl.engine.fusion import composite
from minidl.engine.require import require_arrays, require_tensors, same_dtype
from minidl.ops import elementwise
from minidl.ops.elementwise import abs, sigmoid, sign, tanh, where
from minidl.ops.inplace import in_place
from minidl.ops.joining import chunk
from minidl.ops.loss import softmax
from minidl.ops.norm import along_channels
from minidl.ops.shape import axis
from minidl.ops.special import erf, expm1, softplus

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
GELU_SCALE, GELU_CUBE = math.sqrt(8 / math.pi), 0.044715


def of_floats(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that refuses what is not of a floating dtype."""

    @functools.wraps(function)
    def call(input: Tensor, *args: Any, **options: Any) -> Tensor:
        require_arrays(function.__name__, input)
        require_float(function.__name__, input.dtype)
        return function(input, *args, **options)

    return call


def overwrites(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function with a last option, `inplace`: write the result over the input, and return that."""
    form = in_place(function)
    signature = inspect.signature(function)
    positions = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    others = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    inplace_last = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=bool)

    @functools.wraps(function)
    def call(input: Tensor, *args: Any, inplace: bool = False, **options: Any) -> Tensor:
        if len(args) == len(positions):
            *args, inplace = args  # type: ignore[assignment]
        return form(input, *args, **options) if inplace else function(input, *args, **options)

    call.__signature__ = signature.replace(parameters=[*positions, inplace_last, *others])  # type: ignore[attr-defined]
    call.in_place = form  # type: ignore[attr-defined]
    return call


relu, hardtanh = overwrites(elementwise.relu), overwrites(elementwise.hardtanh)


@overwrites
@named
def relu6(input: Tensor) -> Tensor:
    """min(max(x, 0), 6); gradient 0 at 0 and 6. Howard et al. (2017), "MobileNets"."""
    return hardtanh(input, 0.0, 6.0)


@overwrites
@named
@of_floats
@composite
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where positive, else negative_slope · x. Maas et al. (2013)."""
    return where(input > 0, input, input * negative_slope)


@named
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, else weight · x, with one learned weight, or one for each channel of (N, C, …).

    He et al. (2015), "Delving deep into rectifiers".

    Raises
    ------
    ValueError
        If there are neither one weight nor as many as channels.
    """
    require_tensors("prelu", input, weight)
    require_float("prelu", input.dtype)
    same_dtype("prelu", input, weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.array.size not in (1, channels):
        raise ValueError(
            f"weight is {dims(weight.shape)}, expected 1 or {channels} as input {dims(input.shape)} has channels"
        )
    slope = along_channels(weight, input.ndim) if weight.array.size > 1 else weight.reshape(())
    return where(input > 0, input, input * slope)


@overwrites
@named
@of_floats
@composite
def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha · (eˣ − 1). Clevert et al. (2016)."""
    return where(input > 0, input, alpha * expm1(where(input > 0, 0.0, input)))


@overwrites
@named
@of_floats
@composite
def selu(input: Tensor) -> Tensor:
    """1.0507 · elu(x, 1.6733), which keeps mean 0 and variance 1. Klambauer et al. (2017), eq. 2 and 14."""
    return SELU_SCALE * elu(input, SELU_ALPHA)


@named
@of_floats
@in_single
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), with Φ the normal distribution, or its approximation by "tanh". Hendrycks & Gimpel (2016).

    Raises
    ------
    ValueError
        Unless `approximate` is "none" or "tanh".
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
    return gelu_by_tanh(input) if approximate == "tanh" else gelu_by_erf(input)


@composite
def gelu_by_erf(input: Tensor) -> Tensor:
    """x · Φ(x), with Φ the normal distribution."""
    return 0.5 * input * (1 + erf(input * math.sqrt(0.5)))


@composite
def gelu_by_tanh(input: Tensor) -> Tensor:
    """x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2."""
    return input * sigmoid(input * (GELU_SCALE * (1 + GELU_CUBE * input * input)))


@overwrites
@named
@of_floats
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha · (e^(x/alpha) − 1), whose slope is continuous. Barron (2017).

    Raises
    ------
    ValueError
        For an alpha of 0.
    """
    if alpha == 0:
        raise ValueError("alpha must not be 0")
    return where(input > 0, input, alpha * expm1(where(input > 0, 0.0, input) / alpha))


@overwrites
@named
@of_floats
def mish(input: Tensor) -> Tensor:
    """x · tanh(softplus(x)). Misra (2019)."""
    return input * tanh(softplus(input))


@named
@of_floats
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0."""
    return where(abs(input) > lambd, input, 0.0)


@named
@of_floats
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, moved by lambd towards 0, where |x| > lambd, else 0.

    Raises
    ------
    ValueError
        For a negative lambd.
    """
    if lambd < 0:
        raise ValueError(f"lambd must not be negative, got {lambd}")
    return where(abs(input) > lambd, input - lambd * sign(input), 0.0)


@named
@of_floats
def tanhshrink(input: Tensor) -> Tensor:
    """x − tanh(x)."""
    return input - tanh(input)


@overwrites
@named
def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """x where it is greater than `threshold`, else `value`."""
    require_tensors("threshold", input)
    return where(input > threshold, input, value)


@named
@of_floats
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of the input along `dim` times the sigmoid of the second. Dauphin et al. (2017).

    Raises
    ------
    ValueError
        For an odd size along `dim`.
    """
    over = axis(dim, input.ndim)
    if not input.ndim or input.shape[over] % 2:
        raise ValueError(f"expected an even size along dim {dim}, got {dims(input.shape)}")
    values, gates = chunk(input, 2, over)
    return values * sigmoid(gates)


@overwrites
@named
@of_floats
@composite
def silu(input: Tensor) -> Tensor:
    """x · sigmoid(x), also called swish. Ramachandran et al. (2017)."""
    return input * sigmoid(input)


@named
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|). Bergstra et al. (2009)."""
    require_tensors("softsign", input)
    return input / (1 + abs(input))


@overwrites
@named
@of_floats
def hardsigmoid(input: Tensor) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. Courbariaux et al. (2015)."""
    return relu6(input + 3) / 6


@overwrites
@named
@of_floats
@composite
def hardswish(input: Tensor) -> Tensor:
    """x · hardsigmoid(x). Howard et al. (2019), "Searching for MobileNetV3"."""
    return input * hardsigmoid(input)


@named
@of_floats
def softmin(input: Tensor, dim: int | None = None) -> Tensor:
    """`softmax` of −x along `dim`."""
    return softmax(-input, dim)


relu_, hardtanh_, leaky_relu_, elu_, selu_, celu_, threshold_ = [
    function.in_place  # type: ignore[attr-defined]
    for function in (relu, hardtanh, leaky_relu, elu, selu, celu, threshold)
]
