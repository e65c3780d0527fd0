"""The pieces of images that a channel answers most strongly to, and how large a piece it sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import no_fusion, no_grad
from minidl.engine.core import Tensor
from minidl.interpret.target import evaluating, outputs_of, require_inputs
from minidl.nn import Module
from minidl.ops.create import zeros
from minidl.ops.from_data import tensor


class Patches(NamedTuple):
    """What `strongest_patches` found, the strongest first.

    Attributes
    ----------
    images : Tensor (k, C, h, w)
        Zero where the unit sees beyond the edge.
    activations : Tensor (k,)
    places : list of (image, row, column)
        The number of the image, and where in the channel the unit stands.
    """

    images: Tensor
    activations: Tensor
    places: list[tuple[int, int, int]]


def activations_of(name: str, model: Module, images: Tensor, layer: str, channel: int) -> Tensor:
    """A channel of a layer (N, h, w)."""
    found = outputs_of(model, images, layer)
    if found.ndim != 4 or not -found.shape[1] <= channel < found.shape[1]:
        raise ValueError(
            f"{name}: {layer} gives {dims(found.shape)}; expected N×C×H×W, and channel {channel} among them"
        )
    return found[:, channel]


def strongest(model: Module, inputs: Tensor, layer: str, channel: int) -> list[tuple[int, int, int]]:
    """For each image the unit of a channel that is most active: (channel, row, column), as a target.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    inputs : Tensor (N, C, H, W) of floats
    layer : the path of a convolution, or of what follows it, such as "features.3"
    channel : its number

    Raises
    ------
    ValueError
        For a layer or a channel that is not there.
    """
    require_inputs("strongest", inputs)
    with evaluating("strongest", model), no_grad():
        active = activations_of("strongest", model, inputs, layer, channel).numpy()
    rows, columns = np.unravel_index(active.reshape(len(active), -1).argmax(1), active.shape[1:])
    return [(channel, int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


def receptive_field(model: Module, shape: tuple[int, int, int], layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Which rows and which columns of an image each unit of a layer sees.

    Where a row of pixels is NaN, what depends on it is NaN: so it holds for any network, with branches and padding.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    shape : (C, H, W) of an image
    layer : its path, such as "features.3"

    Returns
    -------
    rows (h, 2), columns (w, 2) : ndarray of int
        The first that a unit sees, and the one behind the last; 0 and 0 where it sees none.

    Raises
    ------
    ValueError
        For a layer that the model does not have, or that gives no channels of units.
    """
    with evaluating("receptive_field", model), no_grad(), no_fusion():  # a fast convolution spreads NaN over its tiles
        like = next(model.parameters(), zeros(1))
        blank = zeros(1, *shape, dtype=like.dtype, device=like.device)
        return _seen(model, blank, layer, 2), _seen(model, blank, layer, 3)


def _seen(model: Module, blank: Tensor, layer: str, dim: int) -> np.ndarray:
    spoilt = []
    for line in range(blank.shape[dim]):
        image = blank.clone()
        image[(slice(None),) * dim + (line,)] = float("nan")
        with np.errstate(invalid="ignore"):
            found = outputs_of(model, image, layer)
        if found.ndim != 4:
            raise ValueError(f"receptive_field: {layer} gives {dims(found.shape)}; expected N×C×H×W")
        spoilt.append(np.isnan(found.numpy()).any(axis=(0, 1, 5 - dim)))
    seen = np.array(spoilt)  # (pixels, units)
    last = np.where(seen.any(0), len(seen) - seen[::-1].argmax(0), 0)  # 0 to 0 for one that sees padding alone
    return np.stack([seen.argmax(0), last], axis=1)


def strongest_patches(
    model: Module, images: Tensor, layer: str, channel: int, k: int = 9, batch_size: int = 100
) -> Patches:
    """What a channel sees where it is most active, in the `k` images in which it is, one piece of each.

    M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks" (2014), figure 2.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    images : Tensor (N, C, H, W) of floats
    layer, channel : as in `strongest`
    k : how many pieces, at most as many as there are images
    batch_size : how many images go through the network at once

    Returns
    -------
    Patches

    Raises
    ------
    ValueError
        For a layer or a channel that is not there, and a k or batch_size of less than 1.
    """
    name = "strongest_patches"
    require_inputs(name, images)
    if k < 1 or batch_size < 1:
        raise ValueError(f"{name}: k and batch_size must be 1 or more, got {k} and {batch_size}")
    with evaluating(name, model), no_grad():
        batches = (images[at : at + batch_size] for at in range(0, len(images), batch_size))
        active = np.concatenate([activations_of(name, model, some, layer, channel).numpy() for some in batches])
    flat = active.reshape(len(active), -1)
    chosen = np.argsort(-flat.max(1), kind="stable")[:k]
    at_rows, at_columns = np.unravel_index(flat[chosen].argmax(1), active.shape[1:])
    rows, columns = receptive_field(model, images.shape[1:], layer)
    height, width = (int((ends[:, 1] - ends[:, 0]).max()) for ends in (rows, columns))
    pieces = zeros(len(chosen), images.shape[1], height, width, dtype=images.dtype, device=images.device)
    for number, (image, row, column) in enumerate(zip(chosen, at_rows, at_columns, strict=True)):
        (top, bottom), (left, right) = rows[row], columns[column]
        down = height - (bottom - top) if top == 0 else 0  # what is cut off at the edge is cut off on its side
        across = width - (right - left) if left == 0 else 0
        pieces[number, :, down : down + bottom - top, across : across + right - left] = images[
            int(image), :, top:bottom, left:right
        ]
    places = [(int(i), int(r), int(c)) for i, r, c in zip(chosen, at_rows, at_columns, strict=True)]
    return Patches(pieces, tensor(flat[chosen].max(1), device=images.device), places)
