"""A network as blocks from its input to its head, and learning rates that fall towards the input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from numbers import Real
from typing import Any

from minidl.nn import Module, ModuleDict, ModuleList, Sequential
from minidl.nn.tree import join, require_module

LISTS = (Sequential, ModuleList, ModuleDict)


def list_blocks(network: Module) -> dict[str, Module]:
    """The parts of a network that have parameters, by path, from the input to the head.

    Plain lists of modules are taken apart, blocks of a class of their own are not.

    Examples
    --------
    >>> list(list_blocks(models.resnet18()))
    ['conv1', 'bn1', 'layer1.0', 'layer1.1', 'layer2.0', …, 'layer4.1', 'fc']
    """
    require_module("list_blocks", network)
    return dict(below(network, ""))


def below(module: Module, path: str) -> Iterator[tuple[str, Module]]:
    """The blocks in a module."""
    for name, child in module.named_children():
        if type(child) in LISTS:
            yield from below(child, join(path, name))
        elif any(True for _ in child.parameters()):
            yield join(path, name), child


def param_groups_layer_decay(network: Module, lr: float, layer_decay: float = 0.75) -> list[dict[str, Any]]:
    """Groups of parameters for an optimizer, a block each: the nearer to the input, the lower is its learning rate.

    The first layers have learned what holds for other images, too; the last ones have to change (Howard & Ruder 2018,
    "Universal language model fine-tuning for text classification", section 3.2: discriminative fine-tuning).

    Parameters
    ----------
    network : Module
        Of which blocks may be frozen: they have their groups, and are passed over until they learn again.
    lr : float
        The rate of the head.
    layer_decay : float, default 0.75
        The rate of each block as a share of that of the next. A norm has the rate of the layer before it.

    Returns
    -------
    list of dict
        ``{"params": [(name, Parameter), …], "lr": lr · layer_decay^depth, "name": path}``, from the input to the head,
        whose depth is 0.

    Raises
    ------
    ValueError
        For a rate below 0, and a share outside of (0, 1].
    """
    require_module("param_groups_layer_decay", network)
    for name, value, fits in (("lr", lr, "of at least 0"), ("layer_decay", layer_decay, "above 0, at most 1")):
        if not isinstance(value, Real) or not (value >= 0 if name == "lr" else 0 < value <= 1):
            raise ValueError(f"param_groups_layer_decay: {name} must be a number {fits}, got {value!r}")
    owner = {id(p): path for path, block in list_blocks(network).items() for p in block.parameters()}
    groups: dict[str, list[Any]] = {"": [], **{path: [] for path in list_blocks(network)}}
    for name, p in network.named_parameters():
        groups[owner.get(id(p), "")].append((name, p))
    filled = {path: params for path, params in groups.items() if params}
    heights = list(accumulate(any(p.ndim > 1 for _, p in params) for params in filled.values()))
    return [
        {"params": params, "lr": lr * layer_decay ** (heights[-1] - height), "name": path}
        for (path, params), height in zip(filled.items(), heights, strict=True)
    ]
