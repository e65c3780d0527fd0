"""The way back with another rule for relu: guided backpropagation, and the deconvnet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from minidl.engine.core import Tensor
from minidl.interpret.target import Target, evaluating, gradient
from minidl.nn import Module, ReLU
from minidl.ops.elementwise import relu


def guided_backprop(model: Module, inputs: Tensor, target: Target = None, *, layer: str | None = None) -> Tensor:
    """The gradient, of which each relu lets pass what is positive alone (``captum.attr.GuidedBackprop``).

    J. T. Springenberg et al., "Striving for simplicity: the all convolutional net" (2015), section 3.4.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile. Its relus must be modules, `nn.ReLU`; what calls `F.relu` can't be seen.
    inputs, target, layer : as in `saliency`

    Returns
    -------
    Tensor of the inputs' shape

    Raises
    ------
    ValueError
        For a model without a ReLU, and as in `saliency`.
    """
    return through("guided_backprop", model, inputs, target, layer, lambda module, pulled, given: passed(pulled))


def deconvolution(model: Module, inputs: Tensor, target: Target = None, *, layer: str | None = None) -> Tensor:
    """What a deconvnet projects back into the image (``captum.attr.Deconvolution``, ``NeuronDeconvolution``).

    It goes from a unit back through the network: a maximum is put where it came from (unpooling by *switches*), a relu
    becomes the relu of what comes back, a convolution that with the transposed filters. All but the relu are what the
    gradient does, too. M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks" (2014).

    Parameters
    ----------
    model : Module
        Evaluates meanwhile. Its relus must be modules, `nn.ReLU`; what calls `F.relu` can't be seen.
    inputs : Tensor (N, C, H, W) of floats
    target : as in `saliency`; `strongest` finds the unit of a channel that is most active, as the paper shows it
    layer : the path of the layer that the unit belongs to; the output of the model where it is left out

    Returns
    -------
    Tensor of the inputs' shape
        For an activation of 1; the paper starts from the activation, which scales it.

    Raises
    ------
    ValueError
        For a model without a ReLU, and as in `saliency`.

    Examples
    --------
    >>> unit = strongest(network, images, "features.3", channel=7)
    >>> deconvolution(network, images, unit, layer="features.3")
    """
    return through("deconvolution", model, inputs, target, layer, lambda module, pulled, given: passed(given))


def passed(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    """What is positive of gradients."""
    return tuple([None if g is None else relu(g) for g in gradients])


def through(
    name: str, model: Module, inputs: Tensor, target: Target, layer: str | None, rule: Callable[..., Any]
) -> Tensor:
    """The gradient where all relus of a network go back by `rule`."""
    with evaluating(name, model), ExitStack() as hooks:
        relus = [module for module in model.modules() if isinstance(module, ReLU)]
        if not relus:
            raise ValueError(f"{name}: {type(model).__name__} has no nn.ReLU to go back through; F.relu can't be seen")
        for module in relus:
            hooks.enter_context(module.register_full_backward_hook(rule))
        return gradient(name, model, inputs, target, layer)
