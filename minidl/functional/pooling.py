"""Pooling: the largest element or the mean of each window, and what undoes or resembles it."""

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, transfer
from minidl.backend.dtypes import require_float
from minidl.engine.composed import in_single, named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.windows import Pair, Single, as_given, as_images, check_fits, is_integer, pair, sliding
from minidl.ops import pool
from minidl.ops.blocks import max_pool
from minidl.ops.create import ones
from minidl.ops.indexing import getitem, take_along
from minidl.ops.joining import cat, pad
from minidl.ops.reduce import mean
from minidl.ops.shape import flatten, reshape


def _window(spatial, input, x, kernel_size, stride, padding, dilation, ceil_mode):
    """The window of a pooling, with room at the far side for the last one that `ceil_mode` lets in."""
    window = sliding(spatial, kernel_size, kernel_size if stride is None else stride, padding, dilation)
    if any(p > k // 2 for (p, _), k in zip(window.padding, window.size, strict=True)):
        raise ValueError(f"padding must be at most half of kernel_size {kernel_size}, got {padding!r}")
    around = []
    for n, (p, _), s, e in zip(x.shape[2:], window.padding, window.stride, window.extent(), strict=True):
        last = -(-(n + 2 * p - e) // s)
        last -= last * s >= n + p  # a window must start inside the image or its near padding
        around.append((p, max(p, last * s + e - n - p)))
    window = window._replace(padding=tuple(around)) if ceil_mode else window
    check_fits(input, x, window, spatial)
    return window


@named
def max_pool1d(
    input: Tensor,
    kernel_size: Single,
    stride: Single | None = None,
    padding: Single = 0,
    dilation: Single = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool2d` of signals, (N, C, L) or (C, L)."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@named
def max_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window; ties give the gradient to the first element.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, dilation : int or pair; stride is kernel_size unless given, padding at most half of it
    ceil_mode : let a last window run over the edge, if it starts inside
    return_indices : return ``(maxima, indices)``, int64, which count the elements of a plane row by row

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pool(spatial, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    x = as_images(input, spatial)
    window = _window(spatial, input, x, kernel_size, stride, padding, dilation, ceil_mode)
    seen_from = window.coordinates(x.shape[2:])
    for n, seen in zip(x.shape[2:], seen_from, strict=True):  # dilation can step over all of a small image
        if not ((seen >= 0) & (seen < n)).any(1).all():
            raise ValueError(f"a window lies wholly in the padding (input {dims(input.shape)}, {window})")
    maxima, chosen = max_pool(x, window=window)
    z = as_given(maxima, input, spatial)
    if not return_indices:
        return z
    xp = backend.namespace(x.array)
    with backend.current(x.array):
        rows, columns = window.coordinates(x.shape[2:], xp)
        i, j = xp.divmod(chosen.astype(np.int64), window.size[1])
        y = rows[xp.arange(len(rows))[:, None], i]
        indices = Tensor(y * x.shape[3] + columns[xp.arange(len(columns)), j])
    return z, as_given(indices, input, spatial)


@named
@in_single
def avg_pool1d(
    input: Tensor,
    kernel_size: Single,
    stride: Single | None = None,
    padding: Single = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool2d` of signals, (N, C, L) or (C, L)."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@named
@in_single
def avg_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), floating-point
    kernel_size, stride, padding, ceil_mode : as in `max_pool2d`
    count_include_pad : count the zeros of the padding
    divisor_override : divide by this instead

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_pool(spatial, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor):
    x = as_images(input, spatial)
    require_float("input", x.dtype)
    window = _window(spatial, input, x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor is not None and (not is_integer(divisor) or divisor == 0):
        raise ValueError(f"divisor_override must be an integer other than 0, got {divisor!r}")
    z = pool.window_sum(x, window=window) * (1 / (divisor or _counted(x, window, count_include_pad)))
    return as_given(z, input, spatial)


def _counted(x, window, count_include_pad):
    """How many elements each window has, and of the padding those asked for, but not the room that ceil_mode adds."""
    elements = ones(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device)
    if count_include_pad:
        (top, bottom), (left, right) = window.padding
        elements = pad(elements, (left, left, top, top), 1.0)
        window = window._replace(padding=((0, bottom - top), (0, right - left)))
    return pool.window_sum(elements, window=window)


@named
def adaptive_avg_pool1d(input: Tensor, output_size: Single) -> Tensor:
    """`adaptive_avg_pool2d` of signals, (N, C, L) or (C, L)."""
    return _adaptive_avg_pool(1, input, output_size)


@named
def adaptive_avg_pool2d(input: Tensor, output_size: int | None | tuple[int | None, int | None]) -> Tensor:
    """The means of `output_size` windows that cover the image, of sizes as equal as can be.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), floating-point
    output_size : int, or pair (OH, OW) in which None keeps the input's size; window i has rows ⌊i·H/OH⌋ to ⌈(i+1)·H/OH⌉

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    return _adaptive_avg_pool(2, input, output_size)


def _adaptive_avg_pool(spatial, input, output_size):
    z = as_images(input, spatial)
    require_float("input", z.dtype)
    for dim, size in enumerate(_output_size(spatial, input, z, output_size), start=2):
        n, before = z.shape[dim], (slice(None),) * dim
        if size != n:  # the mean of a window of 1 is what is there
            ends = [(i * n // size, -(-(i + 1) * n // size)) for i in range(size)]
            means = [mean(getitem(z, (*before, slice(*end))), dim, keepdim=True) for end in ends]
            z = cat(means, dim) if size else getitem(z, (*before, slice(0)))
    return as_given(z, input, spatial)


def _output_size(spatial, input, x, output_size):
    """The height and width that adaptive pooling of `input`, which is x as images, shall give."""
    if isinstance(output_size, (tuple, list)) and len(output_size) == spatial == 2:
        output_size = tuple(n if o is None else o for o, n in zip(output_size, x.shape[2:], strict=True))
    height, width = pair(output_size, "output_size", 0, spatial)
    if 0 in x.shape[1:]:
        raise ValueError(f"nothing to pool in an input of {dims(input.shape)}")
    return height if spatial == 2 else 1, width


@named
def adaptive_max_pool1d(input: Tensor, output_size: Single, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` of signals, (N, C, L) or (C, L)."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


@named
def adaptive_max_pool2d(
    input: Tensor, output_size: int | None | tuple[int | None, int | None], return_indices: bool = False
) -> Any:
    """The maxima of the windows of `adaptive_avg_pool2d`; ties, and `return_indices`, are as in `max_pool2d`.

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def _adaptive_max_pool(spatial, input, output_size, return_indices):
    x = as_images(input, spatial)
    height, width = _output_size(spatial, input, x, output_size)
    raw, xp = x.array, backend.namespace(x.array)
    with backend.current(raw):
        across, down = _windows(xp, x.shape[3], width), _windows(xp, x.shape[2], height)
        column = across[xp.arange(width), raw[:, :, :, across].argmax(4)]
        best = xp.take_along_axis(raw, column, 3)[:, :, down]  # the first maximum of each row, then the first such row
        row = down[xp.arange(height)[:, None], best.argmax(3)]
        indices = Tensor(row * x.shape[3] + xp.take_along_axis(column, row, 2))
    z = as_given(reshape(take_along(flatten(x, 2), flatten(indices, 2), dim=2), indices.shape), input, spatial)
    return (z, as_given(indices, input, spatial)) if return_indices else z


def _windows(xp, n, size):
    """The places among n that each of `size` windows covers, one window a row; the last is repeated to fill it."""
    start, stop = xp.arange(size) * n // max(size, 1), -(-xp.arange(1, size + 1) * n // max(size, 1))
    widest = max((-(-(i + 1) * n // size) - i * n // size for i in range(size)), default=1)
    return xp.minimum(start[:, None] + xp.arange(widest), stop[:, None] - 1)


@named
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Single,
    stride: Single | None = None,
    padding: Single = 0,
    output_size: tuple[int, ...] | None = None,
) -> Tensor:
    """`max_unpool2d` of signals, (N, C, L) or (C, L), with an `output_size` (OL,) or (N, C, OL)."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@named
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    output_size: tuple[int, ...] | None = None,
) -> Tensor:
    """Images of zeros with the maxima that `max_pool2d` found back in their places.

    Where `indices` repeat, as they do where windows overlap, the last value stays, and its gradient goes to each.

    Parameters
    ----------
    input, indices : (N, C, H, W) or (C, H, W), what ``max_pool2d(..., return_indices=True)`` returned
    kernel_size, stride, padding : of the pooling
    output_size : (OH, OW) or (N, C, OH, OW); (H − 1)·stride − 2·padding + kernel_size unless
        given, and less than stride away from it

    Raises
    ------
    ValueError
        For sizes that do not fit, and indices out of range.
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def _max_unpool(spatial, input, indices, kernel_size, stride, padding, output_size):
    require_tensors("input and indices", input, indices)
    x = as_images(input, spatial)
    window = sliding(spatial, kernel_size, kernel_size if stride is None else stride, padding, 1)
    steps = window.stride
    default = tuple(
        (n - 1) * s + k - sum(p) for n, s, k, p in zip(x.shape[2:], steps, window.size, window.padding, strict=True)
    )
    outer = default
    if output_size is not None:
        sizes = "OH, OW" if spatial == 2 else "OL"
        if not isinstance(output_size, (tuple, list)) or len(output_size) not in (spatial, spatial + 2):
            raise ValueError(f"output_size must be ({sizes}) or (N, C, {sizes}), got {output_size!r}")
        outer = default[: 2 - spatial] + pair(tuple(output_size[-spatial:]), "output_size", 0, spatial)[-spatial:]
    if min(outer) < 0:
        raise ValueError(f"of an input {dims(input.shape)} nothing is left with padding={padding!r}")
    if any(abs(m - n) >= s for m, n, s in zip(outer, default, steps, strict=True)):
        asked, least, step = (sizes[-spatial:] for sizes in (outer, default, steps))
        raise ValueError(f"output_size {asked} must be nearer to {least} than stride {step}")
    if indices.dtype.kind not in "iu" or indices.shape != input.shape:
        raise ValueError(f"expected integer indices {dims(input.shape)}, got {indices.dtype} {dims(indices.shape)}")
    at = indices.array
    transfer.require_range(
        at,
        0,
        math.prod(outer) - 1,
        lambda low, high: ValueError(
            f"max_unpool{spatial}d: indices from {low} to {high} are out of range for {dims(outer[-spatial:])}"
        ),
    )
    rows = flatten(x, 2)
    z = pool.place(rows, reshape(indices, rows.shape), size=math.prod(outer))
    return as_given(reshape(z, (*x.shape[:2], *outer)), input, spatial)
