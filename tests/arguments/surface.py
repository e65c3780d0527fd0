"""Layers, each made plain and made with what can be changed, for all that can be read off them."""

from typing import Any

# name: arguments that make it, once plain and once with what can be changed
LAYERS = {
    "Bilinear": [((3, 2, 4), {}), ((3, 2, 4, False), {})],
    "Linear": [((3, 2), {}), ((3, 2, False), {})],
    "Conv1d": [((4, 6, 3), {}), ((4, 6, 3, 2, 1, 2, 2, False, "circular"), {})],
    "Conv2d": [((4, 6, 3), {}), ((4, 6, (3, 2), 2, (1, 0), 2, 2, False, "reflect"), {}), ((4, 6, 3, 1, "same"), {})],
    "ConvTranspose1d": [((4, 6, 3), {}), ((4, 6, 3, 2, 1, 1, 2, False, 2), {})],
    "ConvTranspose2d": [((4, 6, 3), {}), ((4, 6, (3, 2), 2, 1, 1, 2, False, 2), {})],
    "LazyLinear": [((2,), {}), ((2, False), {})],
    "LazyConv1d": [((6, 3), {})],
    "LazyConv2d": [((6, 3), {}), ((6, 3, 2, 1), {"groups": 2})],
    "LazyConvTranspose1d": [((6, 3), {})],
    "LazyConvTranspose2d": [((6, 3, 2, 1, 1), {})],
    **{f"Lazy{kind}Norm{n}d": [((), {}), ((1e-3, 0.2), {})] for kind in ("Batch", "Instance") for n in (1, 2)},
    **{f"BatchNorm{n}d": [((4,), {}), ((4, 1e-3, None, False, False), {}), ((4,), {"bias": False})] for n in (1, 2)},
    **{f"InstanceNorm{n}d": [((4,), {}), ((4, 1e-3, 0.2, True, True), {})] for n in (1, 2)},
    "LayerNorm": [((4,), {}), (((2, 3), 1e-3, True, False), {}), (([2, 3], 1e-3, False), {})],
    "GroupNorm": [((2, 4), {}), ((2, 4, 1e-3, False), {})],
    "LocalResponseNorm": [((2,), {}), ((2, 0.1, 0.5, 2.0), {})],
    "Embedding": [((4, 3), {}), ((4, 3, 1), {}), ((4, 3, -1), {})],
    "PReLU": [((), {}), ((3, 0.1), {})],
    **{name: [((), {}), ((0.3,), {}), ((0.3, True), {})]
       for name in ("Dropout", "Dropout1d", "Dropout2d", "AlphaDropout")},
    "Flatten": [((), {}), ((0, 1), {})],
    "Unflatten": [((1, (2, 3)), {})],
    "Identity": [((), {}), ((3,), {"a": 4})],
    **{name: [((), {}), ((True,), {})]
       for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish")},
    **{name: [((), {}), ((0.3, True), {})] for name in ("LeakyReLU", "ELU", "CELU")},
    **{name: [((), {})] for name in ("Tanh", "Sigmoid", "LogSigmoid", "Softsign", "Tanhshrink", "Softmax2d")},
    "GELU": [((), {}), (("tanh",), {})],
    "Softplus": [((), {}), ((2.0, 3.0), {})],
    "Hardtanh": [((), {}), ((-2.0, 2.0, True), {})],
    "Hardshrink": [((), {}), ((0.3,), {})],
    "Softshrink": [((), {}), ((0.3,), {})],
    "Threshold": [((0.1, 20.0), {}), ((0.1, 20.0, True), {})],
    "GLU": [((), {}), ((1,), {})],
    **{name: [((1,), {}), ((), {"dim": -1})] for name in ("Softmax", "LogSoftmax", "Softmin")},
    **{f"MaxPool{n}d": [((2,), {}), ((3, 2, 1, 2, True, True), {})] for n in (1, 2)},
    "MaxUnpool1d": [((2,), {}), ((3, 2, 1), {})],
    "MaxUnpool2d": [((2,), {}), (((2, 3), 1, 1), {})],
    "AvgPool1d": [((2,), {}), ((3, 2, 1, True, False), {})],
    "AvgPool2d": [((2,), {}), (((3, 2), 2, 1, True, False, 3), {})],
    **{f"Adaptive{kind}Pool{n}d": [((3,), {})] for kind in ("Avg", "Max") for n in (1, 2)},
    "Upsample": [((), {"scale_factor": 2}), ((3,), {}), ((None, (2, 1.5), "bilinear", True), {})],
    "UpsamplingNearest2d": [((), {"scale_factor": 2}), ((3,), {})],
    "UpsamplingBilinear2d": [((), {"scale_factor": 2}), ((3,), {})],
    "PixelShuffle": [((2,), {})],
    "PixelUnshuffle": [((2,), {})],
    "ChannelShuffle": [((2,), {})],
    "Unfold": [((2,), {}), (((2, 3), 2, 1, 2), {})],
    "Fold": [((4, 2), {})],
    **{f"{kind}Pad{n}d": [((1,), {}), ((tuple(range(2 * n)),), {})]
       for kind in ("Reflection", "Replication", "Circular", "Zero") for n in (1, 2)},
    **{f"ConstantPad{n}d": [((1, 0.5), {}), ((tuple(range(2 * n)), 2), {})] for n in (1, 2)},
    **{name: [((), {}), ((), {"reduction": "sum"})]
       for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss",
                    "NLLLoss", "SoftMarginLoss", "CosineEmbeddingLoss", "MarginRankingLoss", "HingeEmbeddingLoss")},
    "CrossEntropyLoss": [((), {}), ((), {"ignore_index": 2, "label_smoothing": 0.1})],
    "TripletMarginLoss": [((), {}), ((2.0, 1.0, 1e-3, True), {})],
    "CosineSimilarity": [((), {}), ((0, 1e-3), {})],
    "PairwiseDistance": [((), {}), ((1.0, 1e-3, True), {})],
    "Sequential": [((), {})],
    "ModuleList": [((), {})],
    "ModuleDict": [((), {})],
    "ParameterList": [((), {})],
    "ParameterDict": [((), {})],
}  # fmt: skip
CASES = [(name, *case) for name, cases in LAYERS.items() for case in cases]
# attributes of PyTorch's that say nothing of the layer
INNER = {"max_norm", "norm_type", "scale_grad_by_freq", "sparse"}  # which are refused
INNER |= {"name", "norm"}  # of Upsample: the name of its class; of PairwiseDistance: another name of p
SILENT = {"Hardsigmoid", "Hardswish"}  # PyTorch's do not print `inplace`


def made(m: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """One of `CASES`, in a library."""
    return getattr(m.nn, name)(*args, **options)


def attributes(layer: Any) -> dict[str, Any]:
    """The public attributes of a layer of PyTorch's that are no tensors, with their values."""
    own = {name for name in vars(layer) if not name.startswith("_")} | set(getattr(layer, "__constants__", ()))
    values = {name: getattr(layer, name, None) for name in sorted(own - INNER)}
    return {name: value for name, value in values.items() if not hasattr(value, "detach")}
