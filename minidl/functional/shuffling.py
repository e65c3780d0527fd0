"""Channels that become places of an image, and back; channels that change their order."""

from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.windows import is_integer
from minidl.ops.shape import permute, reshape


@named
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Every r² channels as the r×r places of one: (…, C·r², H, W) to (…, C, H·r, W·r). Shi et al. (2016), eq. 4.

    Raises
    ------
    ValueError
        For an upscale_factor r below 1, and channels that r² does not divide.
    """
    require_tensors("pixel_shuffle", input)
    r = _factor("upscale_factor", upscale_factor, input)
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise ValueError(f"expected channels that {r}² divides, got {dims(input.shape)}")
    n = len(batch)
    parts = reshape(input, (*batch, channels // (r * r), r, r, height, width))
    moved = permute(parts, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(moved, (*batch, channels // (r * r), height * r, width * r))


@named
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """What `pixel_shuffle` undoes: (…, C, H·r, W·r) to (…, C·r², H, W).

    Raises
    ------
    ValueError
        For a downscale_factor r below 1, and sizes that r does not divide.
    """
    require_tensors("pixel_unshuffle", input)
    r = _factor("downscale_factor", downscale_factor, input)
    *batch, channels, height, width = input.shape
    if height % r or width % r:
        raise ValueError(f"expected a height and a width that {r} divides, got {dims(input.shape)}")
    n = len(batch)
    parts = reshape(input, (*batch, channels, height // r, r, width // r, r))
    moved = permute(parts, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(moved, (*batch, channels * r * r, height // r, width // r))


def _factor(name: str, factor: int, input: Tensor) -> int:
    if not is_integer(factor) or factor < 1:
        raise ValueError(f"{name} must be a positive integer, got {factor!r}")
    if input.ndim < 3:
        raise ValueError(f"expected an input (…, C, H, W), got {dims(input.shape)}")
    return factor


@named
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of (N, C, …) dealt out: the first of each of `groups` blocks, then the second. Zhang et al. (2018).

    Raises
    ------
    ValueError
        For groups below 1 that do not divide C.
    """
    require_tensors("channel_shuffle", input)
    if input.ndim < 3:
        raise ValueError(f"expected an input (N, C, …), got {dims(input.shape)}")
    batch, channels, *places = input.shape
    if not is_integer(groups) or groups < 1 or channels % groups:
        raise ValueError(f"groups must be at least 1 and divide {channels} channels, got {groups!r}")
    parts = reshape(input, (batch, groups, channels // groups, *places))
    return reshape(permute(parts, (0, 2, 1, *range(3, parts.ndim))), input.shape)
