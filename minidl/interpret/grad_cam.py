"""Grad-CAM: which places of a layer speak for a class."""

from __future__ import annotations

from typing import Any

from minidl.autograd import grad
from minidl.backend.modes import enable_grad
from minidl.engine.core import Tensor
from minidl.engine.op import clone
from minidl.interpret.target import Target, evaluating, require_inputs, selected
from minidl.models.feature_extraction import create_feature_extractor
from minidl.nn import Module
from minidl.ops.elementwise import relu


def grad_cam(
    model: Module,
    inputs: Tensor,
    layer: str,
    target: Target = None,
    relu_attributions: bool = False,
    attr_dim_summation: bool = True,
) -> Tensor:
    """A layer's channels, each weighted by the mean of its gradient, and added (``captum.attr.LayerGradCam``).

    R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization" (2017),
    equations 1 and 2; the relu of the second is that of the sum, not of the gradients.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    inputs : Tensor (N, …) of floats
    layer : the path of a layer, such as "layer4": the last convolution's, as a rule
    target : as in `saliency`
    relu_attributions : whether what speaks against the class is left out, as in the paper
    attr_dim_summation : whether the channels are added

    Returns
    -------
    Tensor (N, 1, h, w), of the layer's size; (N, C, h, w) where channels are not added
        ``F.interpolate(cam, images.shape[2:], mode="bilinear")`` lays it over the images.

    Raises
    ------
    ValueError
        For a layer that the model has not or does not call, and as in `saliency`.
    """
    name = "grad_cam"
    require_inputs(name, inputs)
    found: list[Tensor] = []

    def keep(module: Module, args: Any, output: Tensor) -> Tensor:
        found.append(output)
        return clone(output)  # what follows may write in place

    with evaluating(name, model), enable_grad():
        create_feature_extractor(model, [layer])  # which refuses a path that the model has not
        with model.get_submodule(layer).register_forward_hook(keep):
            score = selected(name, model(inputs.detach().requires_grad_()), target)
        if len(found) != 1:
            raise ValueError(
                f"{name}: the network calls {layer!r} {len(found)} times; choose a layer that is called once"
            )
        (pulled,) = grad(score.sum(), found[0])
    weights = pulled.mean(tuple(range(2, pulled.ndim)), keepdim=True) if pulled.ndim > 2 else pulled
    attributions = weights * found[0].detach()
    if attr_dim_summation:
        attributions = attributions.sum(1, keepdim=True)
    return relu(attributions) if relu_attributions else attributions
