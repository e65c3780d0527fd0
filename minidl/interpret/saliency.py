"""Saliency: how much each pixel would move a score."""

from __future__ import annotations

from minidl.engine.core import Tensor
from minidl.interpret.target import Target, gradient
from minidl.nn import Module
from minidl.ops import elementwise


def saliency(
    model: Module, inputs: Tensor, target: Target = None, abs: bool = True, *, layer: str | None = None
) -> Tensor:
    """The gradient of a score with respect to the inputs (``captum.attr.Saliency``, ``NeuronGradient``).

    K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks" (2014), section 3.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    inputs : Tensor (N, …) of floats
    target : optional
        Which output of each sample: an int, or a tuple where the outputs have more dimensions; a list or a tensor of
        them, one for each sample; None where there is one output.
    abs : whether its magnitude alone is of interest
    layer : the path of a layer, such as "features.3", the outputs of which `target` means

    Returns
    -------
    Tensor of the inputs' shape

    Raises
    ------
    TypeError
        For inputs that are no floats, and a model that is no Module.
    ValueError
        For a target that the outputs do not have, and a layer that the model does not have.
    """
    pulled = gradient("saliency", model, inputs, target, layer)
    return elementwise.abs(pulled) if abs else pulled
