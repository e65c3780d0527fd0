"""Padding."""

from collections.abc import Sequence
from types import NoneType

from minidl import backend
from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.ops import indexing, joining


@named
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Put something around a tensor; negative sizes crop.

    Parameters
    ----------
    input : Tensor; the modes other than "constant" need one or two dimensions before those that are padded
    pad : (left, right, top, bottom, …), sizes before and after, from the last dimension on
    mode : "constant" (`value`, by default 0), "reflect" (without repeating the edge), "replicate" (the edge) or
        "circular" (the other side)

    Raises
    ------
    ValueError
        For another mode, sizes that do not fit, or a `value` that the mode has no use for.
    """
    require_tensors("pad", input)
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"expected sizes before and after, from the last dimension on, got {pad!r}")
    if not isinstance(value, (int, float, NoneType)):
        raise TypeError(f"value must be a number, got {value!r}")
    if mode == "constant":
        return joining.pad(input, widths=tuple(pad), value=0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise ValueError(f"mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if value:
        raise ValueError(f"mode {mode!r} has no use for a value, got {value}")
    if len(pad) not in (2, 4, 6) or input.ndim - len(pad) // 2 not in (1, 2):
        raise ValueError(f"{len(pad)} sizes do not fit an input {dims(input.shape)} with mode {mode!r}")
    for i, (before, after) in enumerate(zip(pad[::2], pad[1::2], strict=True), start=1):
        n = input.shape[-i]
        most = {"reflect": n - 1, "replicate": max(before, after) if n else 0, "circular": n}[mode]
        if max(before, after) > most or n + before + after < (mode != "circular"):
            raise ValueError(f"{before} and {after} do not fit a size of {n} with mode {mode!r}")
        with backend.using(input.device) as xp:
            places = xp.arange(-before, n + after)
            if mode == "reflect":
                places = n - 1 - abs(n - 1 - abs(places))
            elif mode == "replicate":
                places = places.clip(0, n - 1)
            else:
                first, left = max(-before, 0), n + min(before, 0) + min(after, 0)  # negative sizes crop before
                places = first + (places - first) % left
        input = indexing.along(input, input.ndim - i, places)
    return input
