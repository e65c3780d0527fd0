"""A universal patch: one sticker that makes a network read any image as what it stands for."""

from __future__ import annotations

import numpy as np

from minidl.autograd import grad
from minidl.backend import dims
from minidl.backend.modes import enable_grad, no_grad
from minidl.backend.random import Generator, stream
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.losses import cross_entropy
from minidl.functional.sampling import affine_grid, grid_sample
from minidl.interpret.adversarial import checked
from minidl.interpret.target import evaluating
from minidl.nn import Module
from minidl.ops.create import full, ones_like
from minidl.ops.elementwise import clip
from minidl.ops.from_data import tensor
from minidl.optim import Adam


def apply_patch(
    images: Tensor,
    patch: Tensor,
    rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    generator: Generator | None = None,
) -> Tensor:
    """Images with a patch somewhere on each, at random; gradients flow to the patch.

    Parameters
    ----------
    images : Tensor (N, C, H, W) of floats
    patch : Tensor (C, h, w)
    rotation : by how many degrees it may be turned, at most, either way
    scale : (least, most), by how much it may be enlarged
    generator : what places, angles and sizes are drawn from

    Returns
    -------
    Tensor (N, C, H, W)
        Between pixels the patch is interpolated, and its edge is blended with what lies under it.

    Raises
    ------
    ValueError
        For a patch of other channels, and one that would not fit into the image.
    """
    name = "apply_patch"
    require_tensors(name, images, patch)
    if images.ndim != 4 or patch.ndim != 3 or patch.shape[0] != images.shape[1]:
        raise ValueError(
            f"{name}: expected images N×C×H×W and a patch C×h×w, got {dims(images.shape)} and {dims(patch.shape)}"
        )
    if rotation < 0 or not 0 < scale[0] <= scale[1]:
        raise ValueError(f"{name}: expected rotation ≥ 0 and a scale (least, most), got {rotation} and {scale}")
    count, _, height, width = images.shape
    draws = stream(generator)
    angle = np.deg2rad(draws.uniform(-rotation, rotation, count))
    factor = draws.uniform(*scale, count)
    across, down = factor * patch.shape[2] / width, factor * patch.shape[1] / height  # of the image
    cosine, sine = np.cos(angle), np.sin(angle)
    tall = height / width
    wide = 1 - (abs(cosine) * across + abs(sine) * down * tall), 1 - (abs(sine) * across / tall + abs(cosine) * down)
    if min(map(np.min, wide)) < -1e-9:
        raise ValueError(f"{name}: a patch {dims(patch.shape[1:])} does not fit into images {dims(images.shape[2:])}")
    x, y = (np.maximum(room, 0) * draws.uniform(-1, 1, count) for room in wide)
    rows = [
        [cosine / across, sine * tall / across, -(cosine * x + sine * tall * y) / across],
        [-sine / tall / down, cosine / down, -(cosine * y - sine / tall * x) / down],
    ]
    theta = tensor(np.array(rows).transpose(2, 0, 1), dtype=images.dtype, device=images.device)
    grid = affine_grid(theta, tuple(images.shape), align_corners=False)
    every = patch.expand(count, *patch.shape)
    seen, share = (grid_sample(layer, grid, align_corners=False) for layer in (every, ones_like(every)))
    return images * (1 - share) + seen


def adversarial_patch(
    model: Module,
    images: Tensor,
    target: int,
    size: int,
    steps: int = 200,
    lr: float = 0.05,
    batch_size: int = 32,
    rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    generator: Generator | None = None,
) -> Tensor:
    """A patch that makes a network read images as `target`, wherever on them it lies.

    T. B. Brown et al., "Adversarial patch" (2017), equation 1: the logarithm of the target's probability is raised, on
    average over images, places, angles and sizes, here by Adam.

    Parameters
    ----------
    model : Module
        From pixels in [0, 1] to scores: its normalisation belongs inside, by `Normalized`. Evaluates meanwhile.
    images : Tensor (N, C, H, W) of floats in [0, 1]
        What it learns on; try it on others, with `apply_patch`.
    target : the class that is to be read
    size : of the patch, in pixels
    steps, lr : how many, and the rate of Adam, in pixels
    batch_size : on how many images each step looks, drawn anew
    rotation, scale : as in `apply_patch`
    generator : what is drawn from

    Returns
    -------
    Tensor (C, size, size), in [0, 1]

    Raises
    ------
    ValueError
        For images that are no pixels, no steps, and as in `apply_patch`.
    """
    name = "adversarial_patch"
    if steps < 1 or batch_size < 1 or size < 1:
        raise ValueError(f"{name}: steps, batch_size and size must be 1 or more, got {steps}, {batch_size} and {size}")
    labels = checked(name, images, target, 0.0, 1.0)
    draws = stream(generator)
    patch = full((images.shape[1], size, size), 0.5, dtype=images.dtype, device=images.device).requires_grad_()
    optimizer = Adam([patch], lr=lr)
    with evaluating(name, model):
        for _ in range(steps):
            some = draws.integers(len(images), size=min(batch_size, len(images))).tolist()
            with enable_grad():
                scores = model(apply_patch(images[some], patch, rotation, scale, generator))
                patch.grad = grad(cross_entropy(scores, labels[: len(some)]), patch)[0]
            optimizer.step()
            with no_grad():
                patch.copy_(clip(patch, 0, 1))
    return patch.detach()
