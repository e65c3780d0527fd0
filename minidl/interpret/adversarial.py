"""Adversarial examples: images, changed by little, that a network reads wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend
from minidl.autograd import grad
from minidl.backend import dims
from minidl.backend.modes import enable_grad, no_grad
from minidl.backend.random import Generator
from minidl.engine.core import Tensor
from minidl.functional.losses import cross_entropy
from minidl.interpret.target import evaluating, require_inputs, spread
from minidl.nn import Module
from minidl.ops.draw import rand, randn
from minidl.ops.elementwise import clip, maximum, minimum, sign
from minidl.ops.from_data import as_tensor

Loss = Callable[[Tensor, Tensor], Tensor]
NORMS = ("Linf", "L2")


def fgsm(
    model: Module,
    inputs: Tensor,
    epsilon: float,
    target: Any,
    loss_func: Loss | None = None,
    lower_bound: float = 0.0,
    upper_bound: float = 1.0,
    targeted: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """The fast gradient sign method: each pixel moved by ε, to where the loss rises (``captum.robust.FGSM``).

    I. J. Goodfellow, J. Shlens, C. Szegedy, "Explaining and harnessing adversarial examples" (2015), section 4.
    captum leaves a pixel whose slope is below 10⁻⁶; here only that is left whose slope is 0.

    Parameters
    ----------
    model : Module
        From pixels to scores: its normalisation belongs inside, by `Normalized`. Evaluates meanwhile.
    inputs : Tensor (N, …) of floats between the bounds
    epsilon : by how much a pixel may change, at most, and none changes by more, whatever is rounded
    target : the labels (N,); with `targeted` what is to be read
    loss_func : ``loss(scores, target)``, for each sample or their sum; the cross-entropy of scores (captum's default
        takes probabilities)
    lower_bound, upper_bound : what pixels stay between
    targeted : whether the loss is lowered
    mask : Tensor that broadcasts to the inputs, 1 where pixels may change, 0 or False where not

    Returns
    -------
    Tensor of the inputs' shape

    Raises
    ------
    ValueError
        For inputs beyond the bounds, which are no pixels, labels of another number, and a mask that does not broadcast.
    """
    name = "fgsm"
    labels = checked(name, inputs, target, lower_bound, upper_bound)
    if not epsilon >= 0:
        raise ValueError(f"{name}: epsilon must be 0 or more, got {epsilon}")
    images, free = inputs.detach(), spread(name, "mask", 1.0 if mask is None else mask, inputs)
    way = (-1 if targeted else 1) * epsilon * free
    nearest = projection(images, epsilon, "Linf", lower_bound, upper_bound)
    with evaluating(name, model):
        return nearest(images + way * sign(slope(model, images, labels, loss_func)))


def pgd(
    model: Module,
    inputs: Tensor,
    radius: float,
    step_size: float,
    step_num: int,
    target: Any,
    loss_func: Loss | None = None,
    lower_bound: float = 0.0,
    upper_bound: float = 1.0,
    targeted: bool = False,
    random_start: bool = False,
    norm: str = "Linf",
    mask: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Projected gradient descent: steps of `fgsm`, each brought back near the image (``captum.robust.PGD``).

    A. Madry et al., "Towards deep learning models resistant to adversarial attacks" (2018), section 2.1.

    Parameters
    ----------
    model, inputs, target, loss_func, lower_bound, upper_bound, targeted, mask : as in `fgsm`
    radius : how far from the image it may go, in pixels
    step_size : how far a step moves each pixel
    step_num : how many steps
    random_start : whether it begins anywhere within the radius, and not at the image
    norm : what `radius` limits: the greatest change ("Linf"), which holds whatever is rounded, or the Euclidean length
        of all ("L2")
    generator : what a start is drawn from

    Returns
    -------
    Tensor of the inputs' shape

    Raises
    ------
    ValueError
        For another norm, negative lengths, and as in `fgsm`.
    """
    name = "pgd"
    labels = checked(name, inputs, target, lower_bound, upper_bound)
    if norm not in NORMS:
        raise ValueError(f"{name}: norm must be 'Linf' or 'L2', got {norm!r}")
    if not (radius >= 0 and step_size >= 0 and step_num >= 1):
        raise ValueError(
            f"{name}: expected radius ≥ 0, step_size ≥ 0 and a step or more, got {radius}, {step_size} and {step_num}"
        )
    images, free = inputs.detach(), spread(name, "mask", 1.0 if mask is None else mask, inputs)
    way = (-1 if targeted else 1) * step_size * free
    nearest = projection(images, radius, norm, lower_bound, upper_bound)
    x = images
    if random_start:
        x = nearest(images + anywhere(images, radius, norm, generator) * free)
    with evaluating(name, model):
        for _ in range(step_num):
            x = nearest(x + way * sign(slope(model, x, labels, loss_func)))
    return x


def checked(name: str, inputs: Tensor, target: Any, lower_bound: float, upper_bound: float) -> Tensor:
    """Labels as a tensor beside the inputs, one for each; ValueError for inputs that lie beyond the bounds."""
    require_inputs(name, inputs)
    low, high = inputs.min().item(), inputs.max().item()
    if not lower_bound <= low <= high <= upper_bound:
        raise ValueError(
            f"{name}: inputs go from {low:.3g} to {high:.3g}, beyond [{lower_bound:g}, {upper_bound:g}]; attack "
            "pixels, and put the normalisation into the network: Normalized(model, mean, std)"
        )
    labels = as_tensor(target, device=inputs.device)
    if labels.ndim == 0:
        labels = labels.expand(len(inputs))
    if len(labels) != len(inputs):
        raise ValueError(f"{name}: {len(inputs)} inputs need as many labels, got {dims(labels.shape)}")
    return labels


def slope(model: Module, x: Tensor, labels: Tensor, loss_func: Loss | None) -> Tensor:
    """The gradient of the loss, summed over samples, with respect to the images."""
    with enable_grad():
        x = x.detach().requires_grad_()
        scores = model(x)
        loss = cross_entropy(scores, labels, reduction="sum") if loss_func is None else loss_func(scores, labels).sum()
        return grad(loss, x)[0]


def anywhere(images: Tensor, radius: float, norm: str, generator: Generator | None) -> Tensor:
    """A random way from each image, evenly in the ball of that radius."""
    drawn = {"generator": generator, "dtype": images.dtype, "device": images.device}
    if norm == "Linf":
        return rand(*images.shape, **drawn) * (2 * radius) - radius
    direction = randn(*images.shape, **drawn)
    lengths = euclidean(direction)
    size = direction[0].numel()
    return direction / lengths * radius * rand(*lengths.shape, **drawn) ** (1 / size)


def euclidean(x: Tensor) -> Tensor:
    """The length of each sample, (N, 1, …)."""
    return (x * x).sum(tuple(range(1, x.ndim)), keepdim=True) ** 0.5


def projection(
    images: Tensor, radius: float, norm: str, lower_bound: float, upper_bound: float
) -> Callable[[Tensor], Tensor]:
    """What brings changed images back: within the radius of the originals, then between the bounds."""
    if norm == "Linf":
        below, above = ball(images, radius)

        def nearest(x: Tensor) -> Tensor:
            return clip(minimum(maximum(x, below), above), lower_bound, upper_bound)

    else:

        def nearest(x: Tensor) -> Tensor:
            apart = x - images
            return clip(images + apart * clip(radius / (euclidean(apart) + 1e-7), 0, 1), lower_bound, upper_bound)

    return no_grad()(nearest)


def ball(images: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """The least and the greatest values within a radius, of which rounding takes none beyond it.

    x + ε, rounded, may lie above it: 0.7 + 0.3 does, in single precision. Then it is the number below.
    """
    x = images.array
    xp = backend.namespace(x)
    exact = x.astype(np.float64)
    ends = []
    for way in (-radius, radius):
        end = (exact + way).astype(x.dtype)
        beyond = abs(end.astype(np.float64) - exact) > radius
        ends.append(Tensor(xp.where(beyond, xp.nextafter(end, x), end)))
    return ends[0], ends[1]
