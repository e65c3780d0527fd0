"""What can be read off a layer, and which names there are, beside PyTorch's."""

import inspect

import pytest
from parity import OURS, THEIRS, torch

import minidl as md

# name: arguments that make it, once plain and once with what can be changed
LAYERS = {
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
NOT_LAYERS = {"Module", "Parameter", "UninitializedParameter", "UninitializedBuffer"}
# attributes of PyTorch's that say nothing of the layer
INNER = {"max_norm", "norm_type", "scale_grad_by_freq", "sparse"}  # which are refused
INNER |= {"name", "norm"}  # of Upsample: the name of its class; of PairwiseDistance: another name of p
SILENT = {"Hardsigmoid", "Hardswish"}  # PyTorch's do not print `inplace`


def attributes(layer):
    """The public attributes of an instance of PyTorch's that are no tensors."""
    own = {name for name in vars(layer) if not name.startswith("_")} | set(getattr(layer, "__constants__", ()))
    return {name for name in own if not isinstance(getattr(layer, name, None), torch.Tensor)}


def test_every_layer_is_here():
    ours = {name for name, value in vars(md.nn).items() if isinstance(value, type) and issubclass(value, md.nn.Module)}
    assert ours - NOT_LAYERS == LAYERS.keys()


@pytest.mark.parametrize("name, args, options", CASES, ids=str)
def test_attributes(name, args, options):
    """All that PyTorch's layer remembers of its arguments is here, with its values; and what it prints."""
    ours, theirs = (getattr(m.nn, name)(*args, **options) for m in (OURS, THEIRS))
    for attribute in attributes(theirs) - INNER:
        want = getattr(theirs, attribute, None)
        got = getattr(ours, attribute, None)
        assert got == want and type(got) is type(want), (attribute, got, want)
    assert (repr(ours) == repr(theirs)) != (name in SILENT and ours.inplace)
    assert ours.training and not ours.eval().training
    for kind in ("_parameters", "_buffers", "_modules"):
        mine, other = getattr(ours, kind), getattr(theirs, kind)
        assert list(mine) == list(other)
        assert [v is None for v in mine.values()] == [v is None for v in other.values()]
    if not name.startswith("Lazy"):
        shapes = [{key: tuple(value.shape) for key, value in m.state_dict().items()} for m in (ours, theirs)]
        assert shapes[0] == shapes[1]


REFUSED = {"max_norm", "norm_type", "scale_grad_by_freq", "sparse", "_weight", "_freeze", "min_value", "max_value"}
ANYTHING = {"Tanh", "Sigmoid", "LogSigmoid", "Softsign", "Tanhshrink", "Softmax2d"}  # PyTorch's swallow any argument


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - ANYTHING))
def test_constructors_take_the_same(name):
    """Names, order, kinds and defaults."""

    def parameters(m):
        found = inspect.signature(getattr(m.nn, name)).parameters.values()
        kept = [p for p in found if p.name not in REFUSED]
        return [(p.name, p.kind, p.default) for p in kept]

    ours, theirs = parameters(OURS), parameters(THEIRS)
    if name == "Embedding":  # device and dtype by name alone, for what is left out before them
        assert [p[0] for p in ours] == [p[0] for p in theirs]
    else:
        assert ours == theirs


# --- names ------------------------------------------------------------------------------------------------------------

LATER = {
    "nn": """Buffer Bilinear RMSNorm RReLU LPPool1d LPPool2d MaxUnpool1d FractionalMaxPool2d CTCLoss GaussianNLLLoss
        PoissonNLLLoss MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss TripletMarginWithDistanceLoss
        AdaptiveLogSoftmaxWithLoss EmbeddingBag FeatureAlphaDropout CrossMapLRN2d NLLLoss2d Container RNNBase
        RNNCellBase LinearCrossEntropyLoss LinearCrossEntropyOptions""",
    "nn.Module": """bfloat16 ipu xpu mtia compile share_memory to_empty dump_patches T_destination call_super_init
        get_extra_state set_extra_state register_load_state_dict_post_hook register_load_state_dict_pre_hook
        register_state_dict_post_hook register_state_dict_pre_hook set_submodule""",
    "nn.init": "",
    "nn.utils": """clip_grad_norm get_total_norm clip_grads_with_norm_ weight_norm remove_weight_norm spectral_norm
        remove_spectral_norm fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights
        skip_init convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format""",
}


def public(owner):
    """What PyTorch has there, but modules, and what belongs to its machinery."""
    names = getattr(owner, "__all__", None) or [name for name in dir(owner) if not name.startswith("_")]
    return {
        name
        for name in names
        if name != "factory_kwargs" and callable(getattr(owner, name, None)) or inspect.isclass(owner)
    }


@pytest.mark.parametrize("space", LATER)
def test_names_that_are_not_here_are_known(space):
    """Each is refused with what to use instead, or stands in the list of what nobody has asked for."""
    ours, theirs = md, torch
    for part in space.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    instance = ours() if space == "nn.Module" else ours
    silent = set()
    for name in public(theirs):
        try:
            getattr(instance, name)
        except AttributeError as error:
            if "; " not in str(error):
                silent.add(name)
            assert not str(error).endswith(f"; did you mean {name}?")
    assert silent <= {*LATER[space].split()}
