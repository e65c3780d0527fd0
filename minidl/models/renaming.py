"""Weights under the names of other libraries: their layers, put into the order in which they run, are ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl.nn import Module

Rank = Callable[[str], tuple[int, ...]]  # where a layer comes, by its path

SEPARABLE = ["conv_dw", "bn1", "se.conv_reduce", "se.conv_expand", "conv_pw", "bn2"]
INVERTED = ["conv_pw", "bn1", "conv_dw", "bn2", "se.conv_reduce", "se.conv_expand", "conv_pwl", "bn3"]
FLAT = ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_se_reduce", "_se_expand", "_project_conv", "_bn2"]


def timm_efficientnet(layer: str) -> tuple[int, ...]:
    """Where a layer of timm's EfficientNet comes."""
    first, _, rest = layer.partition(".")
    if first != "blocks":
        return (["conv_stem", "bn1", "blocks", "conv_head", "bn2", "classifier"].index(first),)
    stage, block, inside = rest.split(".", 2)
    return 2, int(stage), int(block), (INVERTED if int(stage) else SEPARABLE).index(inside)


def flat_efficientnet(layer: str) -> tuple[int, ...]:
    """Where a layer of EfficientNet-PyTorch's comes, whose blocks have one number."""
    first, _, rest = layer.partition(".")
    if first != "_blocks":
        return (["_conv_stem", "_bn0", "_blocks", "_conv_head", "_bn1", "_fc"].index(first),)
    block, inside = rest.split(".", 1)
    return 2, int(block), FLAT.index(inside)


def renamed(state: Mapping[str, Any], network: Module, rank: Rank) -> dict[str, Any]:
    """A state under the names of a network, whose layers have its order.

    Raises
    ------
    ValueError
        For a layer that has no rank, or if there are more or fewer of them than the network has.
    """
    try:
        theirs = sorted({name.rpartition(".")[0] for name in state}, key=rank)
    except (ValueError, KeyError) as error:
        raise ValueError(f"these are not the names of {rank.__name__}: {error}") from None
    ours = [path for path, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]
    if len(theirs) != len(ours):
        raise ValueError(f"expected {len(ours)} layers with weights, got {len(theirs)}")
    place = dict(zip(theirs, ours, strict=True))
    return {f"{place[layer]}.{own}": value for (layer, _, own), value in
            ((name.rpartition("."), value) for name, value in state.items())}  # fmt: skip
