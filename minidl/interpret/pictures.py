"""Filters and activations as pictures."""

from __future__ import annotations

from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.interpret.target import evaluating, outputs_of, require_inputs
from minidl.nn import Module
from minidl.viz import Picture, image, make_grid, picture


def filter_picture(layer: Module) -> Picture:
    """The filters of a convolution, as A. Krizhevsky et al. (2012) show them, figure 3.

    Those of three channels are images in colour, each from its least weight, dark, to its greatest. Of others each
    output has a row and each input a column: blue is positive, red negative.

    Parameters
    ----------
    layer : Module
        With a weight (O, I, KH, KW).

    Raises
    ------
    ValueError
        For a layer that has none.
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim != 4:
        raise ValueError(f"filter_picture: expected a convolution with a weight O×I×KH×KW, got {layer!r}")
    if weight.shape[1] == 3:
        return image(make_grid(weight.detach(), padding=1, normalize=True, scale_each=True, pad_value=1.0))
    return picture(weight.detach())


def activation_picture(model: Module, inputs: Tensor, layer: str) -> Picture:
    """What a layer gives for one input, channel by channel: blue is positive, red negative.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    inputs : Tensor (1, …) of floats
    layer : its path, such as "features.3"

    Raises
    ------
    ValueError
        For several inputs, and for a layer that the model does not have.
    """
    require_inputs("activation_picture", inputs)
    if len(inputs) != 1:
        raise ValueError(f"activation_picture: expected one input, got {dims(inputs.shape)}; images[:1] is the first")
    with evaluating("activation_picture", model), no_grad():
        return picture(outputs_of(model, inputs, layer)[0])
