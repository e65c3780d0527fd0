"""The layer that gives a network's scores: found, and replaced for other classes."""

from __future__ import annotations

from minidl.models.googlenet import InceptionAux as GoogLeNetAux
from minidl.models.inception import InceptionAux as InceptionV3Aux
from minidl.nn import Conv2d, Identity, Linear, Module
from minidl.nn.tree import require_module


def last_layer(network: Module) -> str:
    """The path of the last layer that has parameters, which gives the scores; ValueError where it can't be told."""
    paths = [path for path, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]
    if not paths or not isinstance(network.get_submodule(paths[-1]), (Linear, Conv2d)):
        found = repr(network.get_submodule(paths[-1])) if paths else "no layer with parameters"
        raise ValueError(
            f"{type(network).__name__}: expected its scores from a Linear or a Conv2d as its last layer, got {found}"
        )
    return paths[-1]


def get_classifier(network: Module) -> Linear | Conv2d:
    """The layer that gives a network's scores: its last one that has parameters; in some it is a convolution.

    Raises
    ------
    ValueError
        If that is anything but a `Linear` or a `Conv2d`.
    """
    require_module("get_classifier", network)
    layer: Linear | Conv2d = network.get_submodule(last_layer(network))
    return layer


def reset_classifier(network: Module, num_classes: int) -> Module:
    """Give a network a new last layer, for other classes (timm's ``reset_classifier``); returns the network.

    Its weights are drawn from the global stream, as a layer's are; it takes the dtype and the device of the old one.
    Auxiliary classifiers (GoogLeNet, Inception-v3) get theirs, too.

    Parameters
    ----------
    network : Module
    num_classes : int
        The number of scores. 0 leaves the layer out: the network then gives what its scores were computed from.

    Raises
    ------
    ValueError
        For a negative number, and for a network whose last layer is neither dense nor a convolution.

    Examples
    --------
    >>> models.reset_classifier(models.resnet18(weights="DEFAULT"), 2)(md.zeros(1, 3, 224, 224)).shape
    (1, 2)
    """
    require_module("reset_classifier", network)
    if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 0:
        raise ValueError(f"reset_classifier: num_classes must be an integer of at least 0, got {num_classes!r}")
    auxiliary = [path for path, module in network.named_modules() if isinstance(module, (GoogLeNetAux, InceptionV3Aux))]
    ends = [f"{path}.{last_layer(network.get_submodule(path))}" for path in auxiliary]
    for path in [*ends, last_layer(network)]:
        parent, _, name = path.rpartition(".")
        if not name:
            raise ValueError(f"reset_classifier: the network is one layer, {network!r}; make another")
        old = network.get_submodule(path)
        setattr(network.get_submodule(parent) if parent else network, name, renewed(old, num_classes))
    return network


def renewed(layer: Linear | Conv2d, outputs: int) -> Module:
    """A layer like another, with other outputs; without any, the identity."""
    if not outputs:
        return Identity()
    place = dict(bias=layer.bias is not None, device=layer.weight.device, dtype=layer.weight.dtype)
    if isinstance(layer, Linear):
        return Linear(layer.in_features, outputs, **place)
    window = layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups
    return type(layer)(layer.in_channels, outputs, *window, padding_mode=layer.padding_mode, **place)
