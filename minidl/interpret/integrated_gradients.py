"""Integrated gradients: a score, shared out among the pixels without a rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.interpret.target import Target, evaluating, gradient, require_inputs, selected, spread
from minidl.nn import Module

METHODS = ("gausslegendre", "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")


def integrated_gradients(
    model: Module,
    inputs: Tensor,
    baselines: Tensor | float = 0.0,
    target: Target = None,
    n_steps: int = 50,
    method: str = "gausslegendre",
    return_convergence_delta: bool = False,
) -> Any:
    """Inputs less baselines, times the mean gradient on the way between (``captum.attr.IntegratedGradients``).

    Their sum is the difference of the scores, but for what the sum over steps misses of the integral. M. Sundararajan,
    A. Taly, Q. Yan, "Axiomatic attribution for deep networks" (2017), equation 1.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    inputs : Tensor (N, …) of floats
    baselines : where the way begins: a number, or a tensor that broadcasts to the inputs
    target : as in `saliency`
    n_steps : how many gradients are taken, for each sample
    method : how they are weighted: "gausslegendre", or "riemann_left", "_right", "_middle", "_trapezoid"
    return_convergence_delta : give what is missing, too: (attributions, (N,)), the sum less the difference of scores

    Returns
    -------
    Tensor of the inputs' shape, or a tuple

    Raises
    ------
    ValueError
        For another method, fewer than two steps, and baselines that do not broadcast.
    """
    name = "integrated_gradients"
    require_inputs(name, inputs)
    if method not in METHODS:
        raise ValueError(f"{name}: method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    if n_steps < 2:
        raise ValueError(f"{name}: expected two steps or more, got {n_steps}")
    start = spread(name, "baselines", baselines, inputs)
    way = inputs.detach() - start
    total: Any = 0
    for alpha, weight in zip(*rule(method, n_steps), strict=True):
        total = total + float(weight) * gradient(name, model, start + float(alpha) * way, target, None)
    shares = way * total
    if not return_convergence_delta:
        return shares
    with evaluating(name, model), no_grad():
        end, begin = (selected(name, model(x), target) for x in (inputs, start + 0 * way))
    return shares, shares.reshape(len(inputs), -1).sum(1) - (end - begin)


def rule(method: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Where between 0 and 1 an integral is looked at, and the weight of each place."""
    if method == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(steps)
        return (1 + places) / 2, weights / 2
    weights = np.full(steps, 1 / steps)
    if method == "riemann_trapezoid":  # as captum's: its weights add up to 1 − 1/n
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, steps), weights
    offset = {"riemann_left": 0.0, "riemann_middle": 0.5, "riemann_right": 1.0}[method]
    return (np.arange(steps) + offset) / steps, weights
