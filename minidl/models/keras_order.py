"""In which order the layers of Keras's networks come in ours, by the names that `keras.applications` gives them.

Of a network that has some in two forms, all are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from minidl.models.keras_weights import Order


class Form(NamedTuple):
    """A network as Keras has it: the order of its layers, and whether a Flatten comes before its dense ones."""

    order: Order
    flatten: bool = False


def numbered(name: str) -> tuple[Any, ...]:
    """Layers that are called by kind and number: a convolution, its norm, the next convolution; dense ones at last."""
    kind, _, number = name.rpartition("_") if name[-1].isdecimal() and "_" in name else (name, "", "0")
    return kind in ("dense", "predictions"), int(number), not kind.startswith("conv")


def vgg(stages: tuple[int, ...]) -> Iterator[str]:
    """So many convolutions in each stage, and three dense layers."""
    for stage, count in enumerate(stages, 1):
        yield from (f"block{stage}_conv{i}" for i in range(1, count + 1))
    yield from ("fc1", "fc2", "predictions")


def resnet50() -> Iterator[str]:
    """Three convolutions a block, each with its norm; the one of the skip, which is number 0, after them."""
    yield from ("conv1_conv", "conv1_bn")
    for stage, blocks in enumerate((3, 4, 6, 3), 2):
        for block in range(1, blocks + 1):
            for place in (1, 2, 3, 0)[: 4 if block == 1 else 3]:
                yield from (f"conv{stage}_block{block}_{place}_{kind}" for kind in ("conv", "bn"))
    yield "predictions"


def resnet50v2() -> Iterator[str]:
    """A norm, the skip's convolution, and three of the block, the last one without a norm."""
    yield "conv1_conv"
    for stage, blocks in enumerate((3, 4, 6, 3), 2):
        for block in range(1, blocks + 1):
            parts = ["preact_bn", *["0_conv"] * (block == 1), "1_conv", "1_bn", "2_conv", "2_bn", "3_conv"]
            yield from (f"conv{stage}_block{block}_{part}" for part in parts)
    yield from ("post_bn", "predictions")


def mobilenet() -> Iterator[str]:
    """Thirteen depthwise convolutions, a 1×1 one after each; the scores are of a convolution, too."""
    yield from ("conv1", "conv1_bn")
    for block in range(1, 14):
        yield from (f"conv_{kind}_{block}{norm}" for kind in ("dw", "pw") for norm in ("", "_bn"))
    yield "conv_preds"


def mobilenet_v2() -> Iterator[str]:
    """Seventeen blocks, the first of which does not expand."""
    yield from ("Conv1", "bn_Conv1")
    for block in range(17):
        name = f"block_{block}" if block else "expanded_conv"
        parts = ["expand"] * (block > 0) + ["depthwise", "project"]
        yield from (f"{name}_{part}{norm}" for part in parts for norm in ("", "_BN"))
    yield from ("Conv_1", "Conv_1_bn", "predictions")


def densenet121() -> Iterator[str]:
    """Two convolutions a layer, a norm before each; what halves the sizes is named after the pooling."""
    yield from ("conv1_conv", "conv1_bn")
    for stage, layers in enumerate((6, 12, 24, 16), 2):
        for layer in range(1, layers + 1):
            yield from (f"conv{stage}_block{layer}_{part}" for part in ("0_bn", "1_conv", "1_bn", "2_conv"))
        if stage < 5:
            yield from (f"pool{stage}_bn", f"pool{stage}_conv")
    yield from ("bn", "predictions")


def efficientnet(depths: tuple[int, ...]) -> Iterator[str]:
    """Blocks of seven stages, lettered from a; those of the first do not expand."""
    yield from ("stem_conv", "stem_bn")
    for stage, depth in enumerate(depths, 1):
        for letter in "abcdefgh"[:depth]:
            parts = ["expand_conv", "expand_bn"] * (stage > 1)
            parts += ["dwconv", "bn", "se_reduce", "se_expand", "project_conv", "project_bn"]
            yield from (f"block{stage}{letter}_{part}" for part in parts)
    yield from ("top_conv", "top_bn", "predictions")


def xception() -> Iterator[str]:
    """Fourteen blocks; the skips of four of them have numbers alone, and come first."""
    yield from ("block1_conv1", "block1_conv1_bn", "block1_conv2", "block1_conv2_bn")
    skips = {2: "", 3: "_1", 4: "_2", 13: "_3"}
    for block in range(2, 15):
        if block in skips:
            yield from (f"{kind}{skips[block]}" for kind in ("conv2d", "batch_normalization"))
        for place in range(1, 3 if block in skips or block == 14 else 4):
            yield from (f"block{block}_sepconv{place}{norm}" for norm in ("", "_bn"))
    yield "predictions"


def nasnet_mobile() -> Iterator[str]:
    """Cells, two stems and two that reduce among them; in each the separable convolutions by their place."""
    yield from ("stem_conv1", "stem_bn1")
    cells = ["stem_1", "stem_2", "0", "1", "2", "3", "reduce_4", "5", "6", "7", "8", "reduce_8", "9", "10", "11", "12"]
    for cell in cells:
        kind = "normal" if cell.isdecimal() else "reduction"
        parts = [
            "adjust_conv_1",
            "adjust_conv_2",
            "adjust_conv_projection",
            "adjust_bn",
            f"{kind}_conv_1",
            f"{kind}_bn_1",
        ]
        for side in ("left1", "right1", "left2", "right2", "right3", "left4", "left5"):
            parts += [f"separable_conv_{i}_{norm}{kind}_{side}" for i in (1, 2) for norm in ("", "bn_")]
        yield from (f"{part}_{cell}" for part in parts)
    yield "predictions"


CONVNET = Form(numbered, flatten=True)
FORMS = {
    **dict.fromkeys(("simplenet", "lenet5", "keras_convnet", "small_convnet", "vgg_style"), CONVNET),
    **dict.fromkeys(("fc64", "fc256_fc256"), Form(numbered)),
    "vgg16": Form(list(vgg((2, 2, 3, 3, 3))).index, flatten=True),
    "vgg19": Form(list(vgg((2, 2, 4, 4, 4))).index, flatten=True),
    "resnet50_keras": Form(list(resnet50()).index),
    "resnet50v2": Form(list(resnet50v2()).index),
    "mobilenet_v1_keras": Form(list(mobilenet()).index),
    "mobilenet_v2_keras": Form(list(mobilenet_v2()).index),
    "densenet121": Form(list(densenet121()).index),
    "inception_v3_keras": Form(numbered),
    "xception_keras": Form(list(xception()).index),
    "nasnet_mobile": Form(list(nasnet_mobile()).index),
    "efficientnet_b0_keras": Form(list(efficientnet((1, 2, 2, 3, 3, 4, 1))).index),
    "efficientnet_b1_keras": Form(list(efficientnet((2, 3, 3, 4, 4, 5, 2))).index),
    "efficientnet_b2_keras": Form(list(efficientnet((2, 3, 3, 4, 4, 5, 2))).index),
}
