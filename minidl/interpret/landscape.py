"""The loss around trained weights: along one direction a curve, along two a landscape."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.backend.random import Generator
from minidl.engine.core import Tensor
from minidl.interpret.target import evaluating
from minidl.nn import Module
from minidl.nn.tree import require_module
from minidl.ops.create import zeros_like
from minidl.ops.draw import randn
from minidl.ops.linalg import norm

Direction = Mapping[str, Tensor]


def random_direction(model: Module, generator: Generator | None = None) -> dict[str, Tensor]:
    """A random direction in the space of weights, filter by filter as long as the network's own.

    Networks that compute the same may differ in the scale of their filters; so directions are scaled by these. What has
    one dimension, biases and the parameters of norms, stays as it is. H. Li et al., "Visualizing the loss landscape of
    neural nets" (2018), section 4.

    Parameters
    ----------
    model : Module
    generator : what it is drawn from

    Returns
    -------
    dict of str to Tensor
        By the paths of parameters.
    """
    require_module("random_direction", model)
    found = {}
    for path, weight in model.named_parameters():
        if weight.ndim < 2:
            found[path] = zeros_like(weight)
            continue
        drawn = randn(*weight.shape, generator=generator, dtype=weight.dtype, device=weight.device)
        want, have = (norm(filters, 2, tuple(range(1, weight.ndim)), True) for filters in (weight.detach(), drawn))
        found[path] = drawn * (want / (have + 1e-10))
    return found


def loss_landscape(
    model: Module,
    loss: Callable[[Module], Tensor | float],
    direction: Direction,
    steps: Sequence[float],
    other: Direction | None = None,
    other_steps: Sequence[float] | None = None,
) -> np.ndarray:
    """The loss where the weights are moved along a direction, or along two (H. Li et al., 2018, section 3).

    Parameters
    ----------
    model : Module
        Evaluates meanwhile; its weights come back at the end, after an error, too.
    loss : callable
        From the network to a number: ``lambda network: F.cross_entropy(network(images), labels)``.
    direction : dict of str to Tensor
        What is added to each parameter, such as `random_direction` gives, or the way to other weights:
        ``{path: there[path] - here[path] for path in here}`` (I. Goodfellow et al., 2015).
    steps : how often it is added: ``np.linspace(-1, 1, 21)``; 0 is where the network stands
    other, other_steps : a second direction, and how often that is added

    Returns
    -------
    ndarray (len(steps),), or (len(steps), len(other_steps))

    Raises
    ------
    ValueError
        For a direction that has no, or another, tensor for a parameter, and for a direction without steps.
    """
    name = "loss_landscape"
    if (other is None) != (other_steps is None):
        raise ValueError(f"{name}: other and other_steps come together")
    ways = [(direction, steps)]
    if other is not None and other_steps is not None:
        ways.append((other, other_steps))
    with evaluating(name, model), no_grad():
        parameters = dict(model.named_parameters())
        for way, _ in ways:
            wrong = [path for path, p in parameters.items() if path not in way or way[path].shape != p.shape]
            if wrong:
                raise ValueError(f"{name}: a direction needs {dims(parameters[wrong[0]].shape)} numbers for {wrong[0]}")
        kept, losses = {path: p.clone() for path, p in parameters.items()}, []
        try:
            for place in itertools.product(*(at for _, at in ways)):
                for path, p in parameters.items():
                    moved = kept[path]
                    for step, (way, _) in zip(place, ways, strict=True):
                        moved = moved + step * way[path]
                    p.copy_(moved)
                losses.append(float(loss(model)))
        finally:
            for path, p in parameters.items():
                p.copy_(kept[path])
    return np.array(losses).reshape([len(at) for _, at in ways])
