"""Images of another size, by what lies nearest or by weights of what lies on both sides."""

import math

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.backend.dtypes import float64, require_float
from minidl.engine.absent import VOLUMES
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.filtering import SLOPES, antialiased, cubic
from minidl.functional.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from minidl.ops.indexing import along
from minidl.ops.shape import reshape

MODES = {  # and their inputs' dimensions
    "nearest": (3, 4),
    "nearest-exact": (3, 4),
    "area": (3, 4),
    "linear": (3,),
    "bilinear": (4,),
    "bicubic": (4,),
}


@named
def interpolate(
    input: Tensor,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resample signals or images to another size.

    Parameters
    ----------
    input : (N, C, L) or (N, C, H, W)
    size : int, or one for each of the last dimensions
    scale_factor : number, or one for each; the size becomes ⌊size · scale_factor⌋. Either this or `size`
    mode : "nearest" (the place ⌊i / scale⌋), "nearest-exact" (⌊(i + ½) / scale⌋), "linear" (N, C, L), "bilinear",
        "bicubic", "area" (`adaptive_avg_pool2d`)
    align_corners : of the linear and cubic modes: whether first and last elements keep their places, or the
        edges of elements do
    recompute_scale_factor : whether the scale is that of the rounded size, or `scale_factor` itself
    antialias : of "bilinear" and "bicubic": whether what is made smaller is averaged over as much as it shrinks

    Raises
    ------
    ValueError
        For another mode, other dimensions, or sizes below 1.
    """
    require_tensors("input", input)
    if mode not in tuple(MODES):
        raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
    if input.ndim not in MODES[mode] or 0 in input.shape[1:]:
        hint = f"; {VOLUMES}" if input.ndim == 5 else ""
        raise ValueError(f"mode {mode!r} does not take an input {dims(input.shape)}{hint}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"antialias=True is an option of the modes 'bilinear' and 'bicubic', not of {mode!r}")
    smooth = mode.endswith(("linear", "cubic"))
    if smooth:
        require_float("input", input.dtype)
    elif align_corners is not None:
        raise ValueError("align_corners is an option of the linear and cubic modes only")
    if (size is None) == (scale_factor is None) or (recompute_scale_factor and size is not None):
        raise ValueError("give either size, or scale_factor with or without recompute_scale_factor")
    inner = input.shape[2:]
    factors: tuple[float | None, ...] = (None,) * len(inner)
    if scale_factor is None:
        outer = _each("size", size, len(inner), (int, np.integer))
    else:
        scales = tuple(map(float, _each("scale_factor", scale_factor, len(inner), (int, float, np.number))))
        outer = tuple(int(n * scale) for n, scale in zip(inner, scales, strict=True))
        factors = factors if recompute_scale_factor else scales
    if min(outer) < 1:
        raise ValueError(f"scale_factor {scale_factor} leaves nothing of {dims(inner)}")
    if mode == "area":
        return (adaptive_avg_pool1d if input.ndim == 3 else adaptive_avg_pool2d)(input, outer)
    if antialias:
        steps = [_step(*line, bool(align_corners)) for line in zip(inner, outer, factors, strict=True)]
        return antialiased(input, outer, steps, mode)
    for dim, (n, o, factor) in enumerate(zip(inner, outer, factors, strict=True), start=2):
        if n != o or not mode.endswith("linear"):
            input = _resampled(input, dim, n, o, factor, mode, bool(align_corners))
    return input


def _each(name, given, count, kinds):
    """One positive number for each dimension."""
    each = tuple(given) if isinstance(given, (tuple, list)) else (given,) * count
    each = tuple([v.item() if isinstance(v, Tensor) else v for v in each])
    if len(each) != count or not all(
        isinstance(v, kinds) and not isinstance(v, bool) and 0 < v < math.inf for v in each
    ):
        raise ValueError(f"{name} must be positive, one number or {count}, got {given!r}")
    return each


def _step(n, o, factor, align_corners):
    """How far the places of o elements lie apart, in those of n."""
    if align_corners:
        return (n - 1) / (o - 1) if o > 1 else 0.0
    return 1 / factor if factor else n / o


def _resampled(x, dim, n, o, factor, mode, align_corners):
    """x with o places instead of n along `dim`, rounded where PyTorch rounds."""
    smooth = mode.endswith(("linear", "cubic"))
    if mode == "nearest" and x.ndim == 4 and o in (n, 2 * n):
        factor = None
    step = _step(n, o, factor, align_corners)
    real = np.float64 if x.dtype == float64 and (smooth or x.ndim == 3) else np.float32
    offset = 0 if mode == "nearest" or align_corners else 0.5
    with backend.using(x.device) as xp:
        at = (xp.arange(o) + offset) * float(real(step))
        if not smooth:
            return along(x, dim, xp.minimum(xp.floor(at.astype(np.float32)), n - 1).astype(np.int64))
        at = at - offset if mode == "bicubic" else xp.maximum(at - offset, 0)
        index = xp.floor(at.astype(np.float32)).astype(np.int64)
        index = index if mode == "bicubic" else xp.minimum(index, n - 1)
        z = None
        for place, weight in _taps(at - index, mode):
            taken = along(x, dim, (index + place).clip(0, n - 1))
            weighted = taken * reshape(Tensor(weight.astype(x.dtype)), (o,) + (1,) * (x.ndim - 1 - dim))
            z = weighted if z is None else z + weighted
    return z


def _taps(t, mode):
    """The places around one, by their distance to it, and their weights at a fraction t of the way to the next."""
    if mode != "bicubic":
        t = t.clip(0, 1)
        return [(0, 1 - t), (1, t)]
    return [(tap, cubic(backend.namespace(t), abs(t - tap), SLOPES["sampled"])) for tap in (-1, 0, 1, 2)]
