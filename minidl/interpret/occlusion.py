"""Occlusion: how far a score falls where a window hides a part of the image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.interpret.target import Target, evaluating, require_inputs, selected, spread
from minidl.nn import Module
from minidl.ops.create import zeros_like
from minidl.ops.joining import cat


def occlusion(
    model: Module,
    inputs: Tensor,
    sliding_window_shapes: Sequence[int],
    strides: int | Sequence[int] | None = None,
    baselines: Tensor | float = 0.0,
    target: Target = None,
    perturbations_per_eval: int = 1,
) -> Tensor:
    """By how much the score falls where a sliding window covers a pixel, on average (``captum.attr.Occlusion``).

    M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks" (2014), section 4.2.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    inputs : Tensor (N, …) of floats
    sliding_window_shapes : how large the window is in each dimension but the first: ``(3, 8, 8)`` hides all colours
    strides : by how much it moves, in all or each of them; 1 where it is left out
    baselines : what it covers by: a number, or a tensor that broadcasts to the inputs
    target : as in `saliency`
    perturbations_per_eval : how many places of the window go through the network at once

    Returns
    -------
    Tensor of the inputs' shape

    Raises
    ------
    ValueError
        For a window that does not fit, or one that would leave pixels uncovered between its places.
    """
    name = "occlusion"
    require_inputs(name, inputs)
    sizes = inputs.shape[1:]
    window = tuple(sliding_window_shapes) if isinstance(sliding_window_shapes, Sequence) else (sliding_window_shapes,)
    every = 1 if strides is None else strides
    steps = tuple(every) if isinstance(every, Sequence) else (every,) * len(sizes)
    if len(window) != len(sizes) or not all(0 < w <= size for w, size in zip(window, sizes, strict=True)):
        raise ValueError(f"{name}: a window {dims(window)} does not fit into inputs {dims(sizes)}")
    if len(steps) != len(sizes) or not all(0 < s <= w or w == n for s, w, n in zip(steps, window, sizes, strict=True)):
        raise ValueError(
            f"{name}: strides {steps} must be from 1 to the window's {dims(window)}, or pixels are left out"
        )
    if perturbations_per_eval < 1:
        raise ValueError(f"{name}: perturbations_per_eval must be 1 or more, got {perturbations_per_eval}")
    covers = spread(name, "baselines", baselines, inputs)
    places = [
        (slice(None), *[slice(k * s, k * s + w) for k, s, w in zip(corner, steps, window, strict=True)])
        for corner in itertools.product(*map(positions, sizes, window, steps))
    ]
    fallen, times = zeros_like(inputs), zeros_like(inputs[:1])
    with evaluating(name, model), no_grad():
        whole = selected(name, model(inputs), target)
        for at in range(0, len(places), perturbations_per_eval):
            some = places[at : at + perturbations_per_eval]
            outputs = model(cat([covered(inputs, covers, place) for place in some]))
            for place, part in zip(some, outputs.split(len(inputs)), strict=True):
                fall = (whole - selected(name, part, target)).reshape(-1, *(1 for _ in sizes))
                fallen[place] += fall
                times[place] += 1
    return fallen / times


def positions(size: int, window: int, stride: int) -> range:
    """The places of a window along a dimension; at the last it may reach beyond the end."""
    return range(math.ceil((size - window) / stride) + 1)


def covered(inputs: Tensor, covers: Tensor, place: tuple[Any, ...]) -> Tensor:
    """Inputs, with what covers them in one place."""
    hidden = inputs.detach().clone()
    hidden[place] = covers[place]
    return hidden
